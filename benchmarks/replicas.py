"""Ray Serve beside the plain server: `python -m benchmarks.replicas [--rounds 3] [--markdown docs/ray.md]`.

The same users' chats are asked of `memory serve`, and of one and two replicas on Ray, with the models in them
and apart. They run one after the other, on one home and with the packaged model; a round is each once.
Needs the extra `ray`.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np
import psutil
import yaml
from rich.console import Console
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.load import Seen, User, asked, seeded
from benchmarks.machine import described
from benchmarks.serving import Served, new_keys, served
from benchmarks.tables import markdown_table, rich_table, write_between_markers

PARTS = ("replicas-machine", "replicas")  # of a page
APART = {"cpus": 0.5, "engine_cpus": 0.5, "hypernetwork_cpus": 0.5}
PLAIN = "memory serve"
SERVERS: Mapping[str, Mapping[str, float] | None] = {  # arguments of integrations.ray:app
    PLAIN: None,
    "1 replica": {"replicas": 1},
    "2 replicas": {"replicas": 2},
    "models apart: 1 engine": {"engines": 1, **APART},
    "models apart: 2 engines": {"engines": 2, **APART},
}
_READY_S = 600.0


@dataclass
class Measured:
    """What all rounds of one server saw."""

    chats: Seen = field(default_factory=Seen)
    cpu_s: float = 0.0


def rows(given: argparse.Namespace) -> Iterator[Row]:
    """A row for each server and number of clients."""
    names = [name for name in SERVERS if name in (PLAIN, *given.servers)]
    found = {(name, clients): Measured() for name in names for clients in given.clients}
    with tempfile.TemporaryDirectory(prefix="memory-replicas-") as folder:
        home = Path(folder)
        keys = new_keys(home, 1)
        with served(home) as server:
            users = seeded(server.url, keys, given.users, given.facts)
        for name in tqdm(names * given.rounds, unit="server", disable=not sys.stderr.isatty()):
            with _running(home, name) as server:
                asked(server.url, users, "weights", {"chat": 1.0}, max(given.clients), given.seconds / 2)
                for clients in given.clients:
                    _measure(found[name, clients], server, users, clients, given.seconds)
    for (name, clients), measured in found.items():
        yield _row(name, clients, measured, _pace(found[PLAIN, clients].chats))


def _measure(measured: Measured, server: Served, users: Sequence[User], clients: int, seconds: float) -> None:
    before = _cpu_s(server.pid)
    seen = asked(server.url, users, "weights", {"chat": 1.0}, clients, seconds)
    measured.cpu_s += _cpu_s(server.pid) - before
    measured.chats.took += seen.took
    measured.chats.seconds["chat"] += seen.seconds["chat"]


def _row(name: str, clients: int, measured: Measured, plain: float) -> Row:
    chats = measured.chats.seconds["chat"]
    p50, p95 = np.percentile(chats, [50, 95])
    pace = _pace(measured.chats)
    return {
        "server": name,
        "clients": clients,
        "chats/s": pace,
        f"times {PLAIN}": pace / plain,
        "CPU ms a chat": 1000 * measured.cpu_s / len(chats),
        "p50 ms": 1000 * p50,
        "p95 ms": 1000 * p95,
    }


def _pace(seen: Seen) -> float:
    """Chats a second."""
    return len(seen.seconds["chat"]) / seen.took


def _cpu_s(pid: int) -> float:
    """CPU time of a process and of all below it, which are there for as long as it is."""
    first = psutil.Process(pid)
    times = [one.cpu_times() for one in (first, *first.children(recursive=True))]
    return float(sum(one.user + one.system for one in times))


def _running(home: Path, name: str) -> AbstractContextManager[Served]:
    arguments = SERVERS[name]
    return served(home) if arguments is None else _on_ray(home, arguments)


@contextmanager
def _on_ray(home: Path, arguments: Mapping[str, float]) -> Iterator[Served]:
    """As `serve run` starts it, in a cluster of its own that ends with the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    application = {"import_path": "integrations.ray:app", "route_prefix": "/", "args": dict(arguments)}
    config = {"http_options": {"host": "127.0.0.1", "port": port}, "applications": [application]}
    written = home / "serve.yaml"
    written.write_text(yaml.safe_dump(config), encoding="utf-8")
    process = subprocess.Popen(
        [Path(sys.executable).parent / "serve", "run", written],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MEMORY_HOME": str(home)},
    )
    try:
        _wait_until_ready(process, f"http://127.0.0.1:{port}")
        yield Served(f"http://127.0.0.1:{port}", process.pid)
    finally:
        left = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(120)
        for one in psutil.wait_procs(left, 30)[1]:
            one.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(f"{url}/health/ready", timeout=120).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    raise SystemExit("the server on Ray did not become ready")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replicas", description=__doc__)
    parser.add_argument(
        "--servers", nargs="+", choices=[*SERVERS], default=[*SERVERS], help="beside the plain one"
    )
    parser.add_argument("--users", type=int, default=50)
    parser.add_argument("--facts", type=int, default=4)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8], metavar="N")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each number of clients, each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this page")
    given = parser.parse_args()
    machine = described()
    found = list(rows(given))
    Console(width=None if sys.stdout.isatty() else 200).print(machine, rich_table("Replicas", found))
    if given.markdown is not None:
        write_between_markers(given.markdown, dict(zip(PARTS, (machine, markdown_table(found)), strict=True)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
