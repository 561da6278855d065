"""Jobs that workers claim with a lease, and end: the worker's side of the queue (jobs.py has the states).

Every claim has a number, `attempt`, that only grows. Whoever writes to a running job names the number of
its claim; a worker that was silent for longer than its lease finds another number there, and cannot
finish, fail or prolong what is no longer its. Leases go by the database's clock, and not by the workers'.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from memory.backends.sql.database import Database
from memory.backends.sql.reading import UNREADABLE
from memory.backends.sql.tables import jobs
from memory.errors import JobCancelled, LeaseLost
from memory.records import MAX_NAME
from memory.server.fairness import next_job, note_served
from memory.server.job_rows import OPEN, Job, change, end, one, to_job

BACKOFF = timedelta(seconds=2)  # before the second attempt; twice as long before each one after it,
LONGEST_BACKOFF = timedelta(minutes=5)  # up to this


class ClaimedJobs:
    """What workers do with the queue. Safe to share between threads and processes."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._clock = clock or database.now

    def claim(
        self,
        worker: str,
        lease_s: float,
        *,
        kinds: Collection[str] | None = None,
        most: int | None = None,
    ) -> Job | None:
        """The job that is next, now this worker's for as long; None when none is due.

        `most` is how many jobs of one tenant the worker runs at a time.
        Tenants take turns; of one tenant's jobs it is the one that has been due for longest.
        """
        if not self.due(kinds):
            return None  # told by a read, so that idle workers do not take SQLite's write lock
        at = self._clock()
        with self._database.write() as connection:
            while True:
                row = next_job(connection, _due(at, kinds), at, worker=worker, most=most)
                if row is None:
                    return None
                job = _sound(connection, row.tenant_id, row.id, at)
                if job is not None and not _give_up(connection, job, at):
                    lease = {"worker": worker, "due_at": at + timedelta(seconds=lease_s)}
                    change(connection, job, state="running", attempt=job.attempt + 1, **lease)
                    note_served(connection, job.scope.tenant_id, at)
                    return one(connection, job.scope.tenant_id, job.id)

    def due(self, kinds: Collection[str] | None = None, *, for_s: float = 0.0) -> bool:
        """Whether a job may be claimed, and has been for so long."""
        due = select(jobs.c.id).where(_due(self._clock() - timedelta(seconds=for_s), kinds)).limit(1)
        with self._database.read() as connection:
            return connection.scalar(due) is not None

    def release(self, worker: str) -> int:
        """Let others claim what a worker was at that has died; returns how many. Its attempts count."""
        held = and_(jobs.c.state == "running", jobs.c.worker == worker)
        with self._database.write() as connection:
            return connection.execute(update(jobs).where(held).values(due_at=self._clock())).rowcount

    def others_wait(self, job: Job, kinds: Collection[str]) -> bool:
        """Whether jobs of other tenants are due; asked often, and so only read."""
        queued = and_(jobs.c.state == "queued", jobs.c.due_at <= self._clock(), jobs.c.kind.in_(kinds))
        others = and_(queued, jobs.c.tenant_id != job.scope.tenant_id)
        with self._database.read() as connection:
            return connection.scalar(select(jobs.c.id).where(others).limit(1)) is not None

    def cancelling(self, job: Job) -> bool:
        """Whether a claimed job shall stop; asked often, and so only read."""
        this = and_(jobs.c.tenant_id == job.scope.tenant_id, jobs.c.id == job.id)
        with self._database.read() as connection:
            return bool(connection.scalar(select(jobs.c.cancelling).where(this)))

    def heartbeat(
        self, job: Job, lease_s: float, *, done: int | None = None, total: int | None = None
    ) -> None:
        """Keep a claimed job for as long again, and note its progress.

        Raises LeaseLost when it is another's by now, JobCancelled when it shall stop.
        """
        noted = {} if done is None else {"done": done, "total": total}
        with self._database.write() as connection:
            held = self._held(connection, job)
            if held.cancelling:
                raise JobCancelled("the job was cancelled")
            change(connection, held, due_at=self._clock() + timedelta(seconds=lease_s), **noted)

    def finish(self, job: Job, result: Mapping[str, Any], *, done: int | None = None) -> Job:
        """End a claimed job well; its payload goes, and so much of so much is done. Raises LeaseLost."""
        with self._database.write() as connection:
            held = self._held(connection, job)
            done = held.done if done is None else done
            ended = {"result": dict(result), "reason": None, "done": done, "total": done}
            end(connection, held, "done", self._clock(), **ended)
            return one(connection, held.scope.tenant_id, held.id)

    def fail(self, job: Job, reason: str, *, again: bool = True) -> Job:
        """End an attempt badly; the job comes again later, unless attempts are used up. Raises LeaseLost.

        The reason is kept on one line, and shown to the tenant.
        """
        at = self._clock()
        said = " ".join(reason.split())[:MAX_NAME]
        with self._database.write() as connection:
            held = self._held(connection, job)
            if held.cancelling:
                end(connection, held, "cancelled", at)
            elif again and held.attempt < held.attempts:
                due = at + min(LONGEST_BACKOFF, BACKOFF * 2 ** min(held.attempt - 1, 30))
                change(connection, held, state="queued", due_at=due, reason=said, worker=None)
            else:
                end(connection, held, "failed", at, reason=said)
            return one(connection, held.scope.tenant_id, held.id)

    def stop(self, job: Job) -> Job:
        """End a claimed job because it was cancelled. Raises LeaseLost."""
        with self._database.write() as connection:
            held = self._held(connection, job)
            end(connection, held, "cancelled", self._clock())
            return one(connection, held.scope.tenant_id, held.id)

    def hand_back(self, job: Job) -> Job:
        """Give a claimed job back, to be claimed by anybody at once; the attempt does not count.

        One that was cancelled ends here: nobody shall claim it again. Raises LeaseLost.
        """
        at = self._clock()
        with self._database.write() as connection:
            held = self._held(connection, job)
            if held.cancelling:
                end(connection, held, "cancelled", at)
            else:
                due = {"due_at": at, "attempts": held.attempts + 1, "worker": None}
                change(connection, held, state="queued", **due)
            return one(connection, held.scope.tenant_id, held.id)

    def _held(self, connection: Connection, job: Job) -> Job:
        """The job as it is now, locked, while the claim is still in force. Raises LeaseLost."""
        this = and_(jobs.c.tenant_id == job.scope.tenant_id, jobs.c.id == job.id)
        row = connection.execute(select(jobs).where(this).with_for_update()).first()
        if row is None or (row.state, row.attempt) != ("running", job.attempt):
            raise LeaseLost(f"the job {job.id} is another worker's by now, or has ended")
        return to_job(row)


def _due(at: datetime, kinds: Collection[str] | None) -> ColumnElement[bool]:
    """Jobs that wait and may be claimed, or whose worker's lease has run out."""
    due = and_(jobs.c.state.in_(OPEN), jobs.c.due_at <= at)
    return due if kinds is None else and_(due, jobs.c.kind.in_(kinds))


def _give_up(connection: Connection, job: Job, at: datetime) -> bool:
    """End a job that its worker left behind, where it is not to be tried again."""
    if job.state == "running" and job.cancelling:
        end(connection, job, "cancelled", at)
    elif job.state == "running" and job.attempt >= job.attempts:
        reason = f"its worker was lost {job.attempt} times, the last time in the middle of it"
        end(connection, job, "failed", at, reason=reason)
    else:
        return False
    return True


def _sound(connection: Connection, tenant_id: str, job_id: str, at: datetime) -> Job | None:
    """A job that was chosen; None where its row is damaged, which ends it: others shall have their turn."""
    try:
        return one(connection, tenant_id, job_id)
    except UNREADABLE:
        this = and_(jobs.c.tenant_id == tenant_id, jobs.c.id == job_id)
        reason = "the database has a damaged row in its place; ask for it again"
        ended = {"state": "failed", "reason": reason, "ended_at": at, "due_at": at, "worker": None}
        empty: dict[str, Any] = {"payload": None, "result": None, "size": 0}
        connection.execute(update(jobs).where(this).values(**ended, **empty))
    return None
