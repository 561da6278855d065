"""Data-parallel training: one process per device, each with its own batches.

``accelerate launch`` starts them and says so in the environment; without it there is one process, and
accelerate is neither needed nor imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from hypernet.backbones import bases


@dataclass(frozen=True)
class Team:
    """One of ``size`` processes; ``accelerator`` joins them, None where there is but one."""

    rank: int = 0
    size: int = 1
    accelerator: Any = None

    @property
    def first(self) -> bool:
        """Whether this is the process that judges and writes."""
        return self.rank == 0

    def average(self, parameters: Iterable[nn.Parameter]) -> None:
        """Every process's gradients become the mean of all processes' gradients."""
        if self.size == 1:
            return
        for p in parameters:
            grad = torch.zeros_like(p) if p.grad is None else p.grad
            p.grad = self.accelerator.reduce(grad, reduction="mean")


ALONE = Team()


def gather(device: str | None) -> tuple[Team, torch.device]:
    """This process's team, and the device it works on: ``device``, or what there is.

    Raises ImportError, saying what to install, when it was started as one of several without accelerate.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE, torch.device(device or bases.default_device())
    try:
        from accelerate import Accelerator
    except ImportError as error:
        raise ImportError("several processes train together by accelerate: pip install accelerate") from error
    accelerator = Accelerator(cpu=device == "cpu")
    return Team(accelerator.process_index, accelerator.num_processes, accelerator), accelerator.device
