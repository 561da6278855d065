"""The process that a server's jobs run in: `python -m memory.api.job_process`, told by its input what to do.

The first line is its name and the server's settings, in JSON: they may hold passwords, which a command or a
variable would show to others. Each further line is a job to look for; the input ends when the server does.
"""

from __future__ import annotations

import io
import json
import logging.config
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from threading import Event, Thread
from typing import IO, Any

from pydantic import SecretStr

from memory.api.app import open_store
from memory.api.logs import log_to_stderr
from memory.api.shared import job_worker
from memory.backends.sql.database import Database
from memory.bootstrap import database_url
from memory.server.worker import Worker
from memory.service import Service
from memory.settings import Settings

COMMAND = (sys.executable, "-m", "memory.api.job_process")
NICENESS = 10
IDLE_S = 30.0  # without a job, after which it ends: its models take the memory of a second server
_GPUS = (Path("/dev/nvidiactl"), Path("/dev/kfd"))
_LOOK_EVERY_S = 0.5


def fits(settings: Settings) -> bool:
    """Whether jobs may have a process of their own: one that loads the models once more, on the CPU."""
    on_cpu = settings.device == "cpu" or not any(path.exists() for path in _GPUS)
    return settings.job_process and settings.job_workers > 0 and settings.generator is None and on_cpu


def begin(settings: Settings, name: str, command: Sequence[str] = COMMAND) -> Popen[bytes]:
    """Start a worker of that name, with a pipe for its input."""
    process = Popen(command, bufsize=0, stdin=PIPE, stdout=DEVNULL, env=_environment())
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # it has ended already, as whoever looks after it will see
        process.stdin.write(json.dumps({"name": name, "settings": _told(settings)}).encode() + b"\n")
    return process


def work(open_memory: Callable[..., Service], *, idle_s: float = IDLE_S) -> None:
    """Work on jobs until there are none for so long, or the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the server says when to end
    lower_priority()
    lines = io.FileIO(sys.stdin.fileno(), closefd=False)  # of a buffer, a thread that reads keeps the lock
    first = lines.readline()
    if not first:
        return  # the server has ended already
    told, ended = json.loads(first), Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    logging.config.dictConfig(log_to_stderr())
    settings = Settings.load(**told["settings"])
    database = Database(database_url(settings), busy_timeout_s=settings.busy_timeout_s)
    with open_memory(settings=settings, store=open_store(settings)) as memory:
        worker = job_worker(memory, database, name=told["name"]).start()
        Thread(target=_listen, args=(lines, worker.wake, ended), daemon=True).start()
        _wait(worker, ended, idle_s)
        worker.stop(settings.shutdown_s)
        database.close()
        if worker.busy:  # its threads cannot be ended otherwise; what they were at was handed back
            os._exit(0)


def lower_priority() -> None:
    """Requests go first, where the system knows of priorities."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)


def _wait(worker: Worker, ended: Event, idle_s: float) -> None:
    server, busy_at = os.getppid(), time.monotonic()
    while not ended.wait(_LOOK_EVERY_S) and os.getppid() == server:
        busy_at = time.monotonic() if worker.busy else busy_at
        if time.monotonic() - busy_at > idle_s:
            return


def _listen(lines: IO[bytes], wake: Callable[[], None], ended: Event) -> None:
    for _ in lines:
        wake()
    ended.set()


def _environment() -> dict[str, str]:
    """This very package, whatever lies in the folder where the server was started."""
    few = {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // 2))}  # the other half answers requests
    here = str(Path(__file__).parents[2])
    paths = os.pathsep.join([here, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**few, **os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"}


def _told(settings: Settings) -> dict[str, Any]:
    """Settings as JSON has them, secrets too."""
    plain = {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in settings
    }
    return {name: str(value) if isinstance(value, Path) else value for name, value in plain.items()}


if __name__ == "__main__":
    from memory import bootstrap

    work(bootstrap.Memory)
