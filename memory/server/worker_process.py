"""Jobs in a process of their own, at lower priority: requests share no interpreter with them.

    the server     looks whether jobs are due, starts the process, wakes it, and starts it again where it died
    the process    claims jobs as any worker does (worker.py); ends when there were none for a while, when it
                   is told to, and when the server is gone: the end of its input says both

What a process that died was at is claimed again at once; its leases need not run out.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from subprocess import Popen, TimeoutExpired
from threading import Event, Thread
from typing import Self

from memory.errors import StoreError
from memory.server.jobs import Jobs
from memory.server.worker import Worker

OTHERS_S = 5.0  # that a job waits for the server it was told to, before others begin a process for it
_LIVED_S = 60.0  # a process that ends sooner failed at its beginning, and is not started again at once
_LONGEST_PAUSE_S = 60.0
_ENDS_S = 5.0  # beyond what its jobs are given
_log = logging.getLogger(__name__)


class WorkerProcess:
    """The server's side. Start it, wake it after a submit, stop it, as a Worker."""

    def __init__(
        self,
        jobs: Jobs,
        kinds: Collection[str],
        begin: Callable[[str], Popen[bytes]],
        *,
        keeper: Worker,
        poll_s: float = 1.0,
    ) -> None:
        """`begin` starts a worker of that name, whose input is a pipe. `keeper` purges and sweeps here."""
        self._jobs = jobs
        self._kinds = tuple(kinds)
        self._begin = begin
        self._keeper = keeper
        self._poll_s = poll_s
        self._name = ""
        self._process: Popen[bytes] | None = None
        self._began = self._not_before = 0.0
        self._pause_s = 0.0
        self._left = False  # the last one died, perhaps in the middle of jobs
        self._wake, self._stopping = Event(), Event()
        self._minder = Thread(target=self._mind, name="memory-job-process", daemon=True)

    def start(self) -> Self:
        """Begin to look; returns itself."""
        self._keeper.start()
        self._minder.start()
        return self

    def wake(self) -> None:
        """Look for jobs now rather than at the next poll."""
        self._wake.set()

    @property
    def pid(self) -> int | None:
        """Of the process, while there is one."""
        process = self._process
        return None if process is None or process.poll() is not None else process.pid

    @property
    def stopping(self) -> bool:
        """Whether it works on nothing more."""
        return self._stopping.is_set()

    def stop(self, timeout_s: float = 30.0) -> None:
        """End the process: what runs may finish within that time, and is handed back where it does not."""
        self._stopping.set()
        self._wake.set()
        self._minder.join()
        if self._process is not None:
            _close(self._process)
            try:
                self._process.wait(timeout_s + _ENDS_S)
            except TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._released()
        self._keeper.stop(timeout_s)

    # -- the thread that looks

    def _mind(self) -> None:
        while not self._stopping.is_set():
            woken = self._wake.wait(self._poll_s)
            self._wake.clear()
            if self._stopping.is_set():
                return
            if self._process is not None and self._process.poll() is not None:
                self._ended(self._process)
            if self._process is not None:
                if woken:
                    _tell(self._process)
            elif time.monotonic() >= self._not_before and self._due(at_once=woken or self._left):
                self._start()

    def _due(self, *, at_once: bool) -> bool:
        try:
            return self._jobs.due(self._kinds, for_s=0.0 if at_once else OTHERS_S)
        except StoreError as error:  # the next look tells
            _log.warning("cannot look for jobs: %s", error)
            return False

    def _start(self) -> None:
        self._name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._left, self._began = False, time.monotonic()
        try:
            self._process = self._begin(self._name)
        except OSError as error:
            _log.warning("cannot start a process for jobs: %s", error.strerror)
            self._rest()

    def _ended(self, process: Popen[bytes]) -> None:
        _close(process)
        self._process = None
        if process.returncode == 0:
            self._pause_s = 0.0
            return
        _log.warning("the process for jobs ended with %d", process.returncode)
        self._left = True
        self._released()
        if time.monotonic() - self._began < _LIVED_S:
            self._rest()

    def _rest(self) -> None:
        """Wait before the next start, each time longer."""
        self._left = True
        self._not_before = time.monotonic() + self._pause_s
        self._pause_s = min(_LONGEST_PAUSE_S, max(1.0, self._pause_s * 2))

    def _released(self) -> None:
        with suppress(StoreError):  # then the leases run out by themselves
            self._jobs.release(self._name)


def _tell(process: Popen[bytes]) -> None:
    """That there may be a job."""
    assert process.stdin is not None
    with suppress(OSError):  # it has just ended
        process.stdin.write(b"\n")


def _close(process: Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
