"""Runs jobs in threads: claims them, keeps their leases, notes how they end.

One more thread prolongs the leases of all that run, so that a handler may be silent for as long as its
work takes; the lease of a process that died runs out by itself, and another worker claims its jobs.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Any, Self

from memory.errors import (
    Cancelled,
    Conflict,
    IncompatibleAdapter,
    InvalidInput,
    JobCancelled,
    LeaseLost,
    NotFound,
    ParametricMemoryError,
    QuotaExceeded,
    StoreError,
)
from memory.ports.asker import Asker, asking
from memory.server.job_rows import Job
from memory.server.jobs import Jobs
from memory.server.words import reason_of

Progress = Callable[..., None]  # progress(done, total=None); raises what ends the job early
Handler = Callable[[Job, Progress], Mapping[str, Any]]  # returns the job's result: ids and numbers, no text

FINAL = (InvalidInput, NotFound, Conflict, IncompatibleAdapter, QuotaExceeded)  # the same the next time
_PURGE_EVERY_S = 3600.0
_SWEEP_EVERY_S = 30.0
_LOOK_EVERY_S = 0.5  # whether what runs was cancelled, or has had its turn
TURN_S = 10.0  # that a job runs before it gives way to others who wait, at its first turn; then twice as long
_log = logging.getLogger(__name__)


class _HandedBack(Exception):
    """The worker stops, and gives the job to whoever claims it next."""


class _GivesWay(Exception):
    """The job has had its turn while others wait: it goes on later, where it is by then."""


@dataclass
class _Running:
    """A job in the hands of a thread of ours."""

    job: Job
    began: float = field(default_factory=time.monotonic)
    ends: Exception | None = None  # why the handler shall stop at its next step
    ended: Event = field(default_factory=Event)  # that it shall
    done: int | None = None
    total: int | None = None
    lock: Lock = field(default_factory=Lock)

    def end(self, why: Exception) -> None:
        """Have the handler stop, for the first reason there was."""
        with self.lock:
            self.ends = self.ends or why
        self.ended.set()

    def progress(self, done: int, total: int | None = None) -> None:
        """Note how far it is; told to the store with the next heartbeat."""
        with self.lock:
            self.done, self.total = done, total
            if self.ends is not None:
                raise self.ends


class Worker:
    """Threads that run the jobs of some kinds. Start it, wake it after a submit, stop it."""

    def __init__(
        self,
        jobs: Jobs,
        handlers: Mapping[str, Handler],
        *,
        threads: int = 1,
        lease_s: float = 60.0,
        poll_s: float = 1.0,
        purges: Sequence[Callable[[], object]] = (),
        sweeps: Sequence[Callable[[], object]] = (),
        name: str | None = None,
    ) -> None:
        """`poll_s` is how often it looks for jobs of other processes.

        `purges` take away what is kept for a while, as jobs are: at the start, and each hour. `sweeps` are
        called each half minute.
        """
        self._jobs = jobs
        self._handlers = dict(handlers)
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._most = max(1, threads - 1)  # jobs of one tenant: a thread is left for the others
        self._purges = (jobs.purge, *purges)
        self._sweeps = tuple(sweeps)
        self._name = name or f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._running: dict[int, _Running] = {}  # by id() of the entry
        self._lock = Lock()
        self._stopping = Event()
        self._wake = Event()
        self._all_done = Event()
        self._threads = [
            Thread(target=self._work, name=f"memory-job-{n}", daemon=True) for n in range(threads)
        ]
        self._keeper = Thread(target=self._keep, name="memory-job-leases", daemon=True)

    def start(self) -> Self:
        """Begin; returns itself."""
        for thread in (*self._threads, self._keeper):
            thread.start()
        return self

    def wake(self) -> None:
        """Look for jobs now rather than at the next poll."""
        self._wake.set()

    @property
    def busy(self) -> int:
        """Jobs that run here now."""
        return len(self._running)

    @property
    def stopping(self) -> bool:
        """Whether it claims nothing more."""
        return self._stopping.is_set()

    def stop(self, timeout_s: float = 30.0) -> None:
        """Claim no more; let what runs finish within that time, and hand back what does not."""
        deadline = time.monotonic() + timeout_s
        self._stopping.set()
        self._wake.set()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        for running in self._now_running():
            running.end(_HandedBack())
            self._noted(self._jobs.hand_back, running.job)
        self._all_done.set()
        self._keeper.join(timeout_s)

    # -- the threads

    def _work(self) -> None:
        while not self._stopping.is_set():
            job = self._claimed()
            if job is not None:
                self._run(job)
            else:
                self._wake.wait(self._poll_s)
                if not self._stopping.is_set():
                    self._wake.clear()

    def _claimed(self) -> Job | None:
        try:
            return self._jobs.claim(self._name, self._lease_s, kinds=self._handlers, most=self._most)
        except StoreError as error:  # back when the database is
            _log.warning("cannot claim jobs: %s", error)
            self._stopping.wait(self._poll_s)
            return None

    def _run(self, job: Job) -> None:
        running = _Running(job)
        with self._lock:
            self._running[id(running)] = running
        try:
            result = self._handled(running)
        except _GivesWay:
            self._noted(self._jobs.hand_back, job)
        except (_HandedBack, LeaseLost):
            pass  # it is no longer ours
        except JobCancelled:
            self._noted(self._jobs.stop, job)
        except ParametricMemoryError as error:
            _log.warning("job %s: %s", job.id, type(error).__name__)
            self._noted(self._jobs.fail, job, reason_of(error), again=not isinstance(error, FINAL))
        except Exception as error:  # the edge of the process: whatever it is, the worker lives on
            # Its message may quote the text it failed on; only its kind is told.
            self._noted(self._jobs.fail, job, f"unexpected {type(error).__name__}")
        else:
            self._noted(self._jobs.finish, job, result, done=running.done)
        finally:
            with self._lock:
                del self._running[id(running)]

    def _handled(self, running: _Running) -> Mapping[str, Any]:
        """What the handler returns. Raises why it was to stop, also where it noticed between two steps."""
        job = running.job
        try:
            with asking(Asker(job.scope.tenant_id, running.ended)):
                return self._handlers[job.kind](job, running.progress)
        except Cancelled as noticed:
            raise running.ends or noticed from None

    def _noted(self, how: Callable[..., Job], job: Job, *given: Any, **named: Any) -> None:
        """Tell the store how the job ended; what cannot be told comes again when its lease runs out."""
        try:
            how(job, *given, **named)
        except LeaseLost:
            _log.warning("job %s: its lease was lost; another worker has it", job.id)
        except StoreError as error:
            _log.warning("job %s: cannot be noted, and will come again: %s", job.id, error)

    def _keep(self) -> None:
        self._purge(self._purges)
        purged = swept = prolonged = time.monotonic()
        every_s = min(self._lease_s / 3, self._poll_s * 5)
        while not self._all_done.wait(min(every_s, _LOOK_EVERY_S)):
            due = time.monotonic() - prolonged >= every_s * 0.8  # a wait may end a little early
            prolonged = time.monotonic() if due else prolonged
            for running in self._now_running():
                if due or self._cancelled(running):
                    self._prolong(running)
            self._give_way()
            if time.monotonic() - purged > _PURGE_EVERY_S:
                purged = time.monotonic()
                self._purge(self._purges)
            if time.monotonic() - swept > _SWEEP_EVERY_S:
                swept = time.monotonic()
                self._purge(self._sweeps)

    def _give_way(self) -> None:
        """Where all threads are taken and other tenants wait: end the turn of the job that began first."""
        now, over = time.monotonic(), None
        for running in self._now_running() if self.busy >= len(self._threads) else ():
            turn_s = TURN_S * 2 ** min(running.job.attempt - 1, 20)  # so that all that begins anew ends, too
            if now - running.began > turn_s and (over is None or running.began < over.began):
                over = running
        try:
            if over is not None and self._jobs.others_wait(over.job, self._handlers):
                over.end(_GivesWay())
        except StoreError:
            return  # the next look tells

    def _cancelled(self, running: _Running) -> bool:
        try:
            return running.ends is None and self._jobs.cancelling(running.job)
        except StoreError:
            return False  # the next heartbeat tells

    def _prolong(self, running: _Running) -> None:
        with running.lock:
            done, total = running.done, running.total
        try:
            self._jobs.heartbeat(running.job, self._lease_s, done=done, total=total)
        except (LeaseLost, JobCancelled) as error:
            running.end(error)
        except StoreError as error:
            _log.warning("job %s: its lease is not prolonged: %s", running.job.id, error)

    def _purge(self, purges: Sequence[Callable[[], object]]) -> None:
        for purge in purges:
            try:
                purge()
            except ParametricMemoryError as error:
                _log.warning("cannot purge: %s", reason_of(error))
            except Exception as error:  # the edge of the process: whatever it is, leases are prolonged
                _log.warning("cannot purge: unexpected %s", type(error).__name__)

    def _now_running(self) -> list[_Running]:
        with self._lock:
            return list(self._running.values())
