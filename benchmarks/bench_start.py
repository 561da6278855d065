"""What a verb of the command costs from nothing: CPU time and resident memory of a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.bench import Bench, Options, Row
from benchmarks.serving import served

ROUNDS = 5  # of which the median counts; the commands take turns
_PEAK = "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0], file=sys.stderr)"  # KiB
COMMAND = (sys.executable, "-c", f"import sys; from integrations.command import main; main(); {_PEAK}")
IMPORTS = "import torch, transformers"
VERBS = {
    "memory --help": ("--help",),
    "memory list": ("list",),
    "memory status": ("status",),
    "memory search": ("search", "Ana"),
    "memory add": ("add", "My brother Ben lives in Turin."),
    "memory ask": ("ask", "Where does my sister live?"),
}
SERVED = ("list", "ask")  # measured with MEMORY_URL too


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process."""

    cpu_ms: float
    wall_ms: float
    resident_mb: float  # peak


def rows(options: Options) -> Iterator[Row]:
    """A row a verb: its CPU time beside that of importing torch and transformers, in the same rounds."""
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "MEMORY_HOME": home, "MEMORY_MODEL": options.model}
        _cost((*COMMAND, "add", "My sister Ana lives in Porto."), environment)
        with served(Path(home), "--anonymous", MEMORY_MODEL=options.model) as server:
            costs = _costs(environment, server.url, 1 if options.quick else ROUNDS)
    imports = median(cost.cpu_ms for cost in costs[IMPORTS])
    for name, found in costs.items():
        cpu = median(cost.cpu_ms for cost in found)
        yield {
            "what": name,
            "CPU ms": cpu,
            "wall ms": median(cost.wall_ms for cost in found),
            "peak MiB": median(cost.resident_mb for cost in found),
            "of importing torch and transformers": cpu / imports,
        }


def _costs(environment: Mapping[str, str], url: str, rounds: int) -> dict[str, list[Cost]]:
    """Of each command in each round."""
    asking = {**environment, "MEMORY_URL": url}
    imports = (sys.executable, "-c", f"import sys, torch, transformers; {_PEAK}")
    runs = [(IMPORTS, imports, environment)]
    runs += [(name, (*COMMAND, *verb), environment) for name, verb in VERBS.items()]
    runs += [
        (f"{name}, of a server", (*COMMAND, *verb), asking)
        for name, verb in VERBS.items()
        if verb[0] in SERVED
    ]
    costs: dict[str, list[Cost]] = {name: [] for name, _, _ in runs}
    for _ in range(rounds):
        for name, command, given in runs:
            costs[name].append(_cost(command, given))
    return costs


def _cost(command: Sequence[str], environment: Mapping[str, str]) -> Cost:
    """Run it to its end: its peak is the last word of standard error (Linux)."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process.stderr as stream:
        said = stream.read().split()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or not said:
        raise RuntimeError(f"{command} failed: {b' '.join(said).decode()}")
    return Cost(1000 * (used.ru_utime + used.ru_stime), 1000 * wall, int(said[-1]) / 1024)


BENCH = Bench("start", "A verb of the command, from nothing", rows)
