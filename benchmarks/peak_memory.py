"""How much memory a block needs beyond what was in use before it."""

from __future__ import annotations

import ctypes
import gc
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_MIB = 2**20


@dataclass
class Peak:
    """Filled when the block ends."""

    mib: float = float("nan")


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Peak of the block above its start: of the GPU where there is one, else of the process.

    On Linux the high-water mark is reset first; elsewhere only a new high of the whole process shows.
    """
    peak = Peak()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        yield peak
        torch.cuda.synchronize()
        peak.mib = (torch.cuda.max_memory_allocated() - before) / _MIB
        return
    if _CLEAR.exists():
        ctypes.CDLL(None).malloc_trim(0)  # memory that was freed before must not hide what is needed now
        _CLEAR.write_text("5")
    before = _kib("VmRSS")
    yield peak
    peak.mib = (_kib("VmHWM") - before) / 1024


def _kib(name: str) -> float:
    if _STATUS.exists():
        line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(f"{name}:"))
        return float(line.split()[1])
    high = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return high / 1024 if sys.platform == "darwin" else float(high)
