"""Processes that train together have one gradient."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
import torch
from torch import nn

from hypernet.training.team import ALONE, gather

WORKER = """
import torch
from torch import nn
from hypernet.training.team import gather

team, device = gather("cpu")
used, unused = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1))
used.grad = torch.full((2,), 2.0 * team.rank)
team.average([used, unused])
print(team.rank, team.size, device.type, used.grad.tolist(), unused.grad.tolist())
torch.distributed.destroy_process_group()
"""


def test_gradients_are_averaged_over_processes() -> None:
    """Of 0 and 2 every process gets 1; what a process did not use counts as zero."""
    pytest.importorskip("accelerate")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER],
            env={**shared, "RANK": rank, "LOCAL_RANK": rank, "ACCELERATE_USE_CPU": "true"},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    try:
        said = [worker.communicate(timeout=250)[0].split("\n")[-2] for worker in workers]
    finally:
        for worker in workers:
            worker.kill()
    assert said == [f"{rank} 2 cpu [1.0, 1.0] [0.0]" for rank in (0, 1)]


def test_one_process_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without others, gradients stay as they are, absent ones too."""
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    team, device = gather("cpu")
    assert (team, device.type) == (ALONE, "cpu")
    parameter = nn.Parameter(torch.zeros(1))
    team.average([parameter])
    assert parameter.grad is None


def test_several_processes_without_accelerate_are_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is no dependency of the package."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ImportError, match="pip install accelerate"):
        gather("cpu")
