"""Validates that a foreign adapter could have been produced by a given hypernetwork.

What is applied to a batch must be numbers that a model can compute with: an infinity, or a rank of a million,
costs more than its own row. So adapters are checked where they enter, and not where they are applied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import torch

from hypernet.lora.adapter import LoRA

LARGEST = 2.0**15
"""The largest magnitude of a factor: half of what float16 holds, and far above what networks make."""


class Sizes(Protocol):
    """What the configurations of hypernetworks have in common."""

    @property
    def target_modules(self) -> tuple[str, ...]: ...
    @property
    def d_in(self) -> Mapping[str, int]: ...
    @property
    def d_out(self) -> Mapping[str, int]: ...
    @property
    def num_layers(self) -> int: ...
    @property
    def scaling(self) -> float: ...


def require_own(lora: LoRA, sizes: Sizes, most_rank: int, layers: tuple[int, ...] | None = None) -> None:
    """Raise ValueError unless a hypernetwork of these sizes can have made the adapter.

    Modules, shapes and scaling have to be its own, the ``layers`` those that it writes (None: all), the rank
    at most ``most_rank``, and every factor finite and at most LARGEST.
    """
    if set(lora.modules) != set(sizes.target_modules):
        raise ValueError(f"the adapter is for {lora.modules}, expected {tuple(sizes.target_modules)}")
    if not math.isclose(lora.scaling, sizes.scaling, rel_tol=1e-6):
        raise ValueError(f"the adapter has scaling {lora.scaling}, expected {sizes.scaling}")
    if lora.rank > most_rank:
        raise ValueError(f"the adapter has rank {lora.rank}, expected at most {most_rank}")
    if lora.layers != layers:
        raise ValueError(f"the adapter is for layers {lora.layers}, expected {layers}")
    count = sizes.num_layers if layers is None else len(layers)
    for module in lora.modules:
        for side, widths in ((lora.A, sizes.d_in), (lora.B, sizes.d_out)):
            found = (side[module].size(0), side[module].size(2))
            if found != (count, widths[module]):
                wanted = (count, widths[module])
                raise ValueError(f"{module}: expected (layers, width) {wanted}, found {found}")
    _require_in_range(lora)


def _require_in_range(lora: LoRA) -> None:
    for module in lora.modules:
        for factor in (lora.A[module], lora.B[module]):
            if factor.numel() and not bool(torch.all(factor.abs() <= LARGEST)):  # false for NaN too
                raise ValueError(f"{module}: a factor is not a finite number of at most {LARGEST:g}")
