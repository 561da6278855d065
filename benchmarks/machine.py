"""What a run was measured on, in one line."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

_SERVER_CPUS = ("EPYC", "Xeon", "Neoverse")
_NOT_IDLE = 0.3  # load average above which something else was running


def described() -> str:
    """Cores, GPU, versions, and whether the machine was busy with something else. Call it before a run."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    versions = f"Python {platform.python_version()}, torch {torch.__version__.partition('+')[0]}"
    threads = f"torch on {torch.get_num_threads()} of them"
    return f"{cores} cores of an {_cpu()}, {threads}, {gpu}; {versions}; {_busy()}."


def _cpu() -> str:
    kind = platform.machine().replace("x86_64", "x86-64")
    info = Path("/proc/cpuinfo")
    known = info.read_text(encoding="utf-8") if info.exists() else ""
    server = any(name in known for name in _SERVER_CPUS)
    return f"{kind} server CPU" if server else f"{kind} CPU"


def _busy() -> str:
    if not hasattr(os, "getloadavg"):
        return "how busy it was is not known"
    load = os.getloadavg()[0]
    return f"not idle: load average {load:.1f} before the run" if load > _NOT_IDLE else "otherwise idle"
