"""Jobs in SQL: submitted, claimed with a lease, run to their end once as seen from outside.

    queued --claim--> running --finish--> done
      ^                 | fail, or its lease runs out: again later, while attempts are left
      +-----------------+ else --> failed (kept with its payload, for `retry`)
    cancel: queued --> cancelled at once; running --> cancelled when its worker next looks, or hands it back

Every claim has a number, `attempt`, that only grows. Whoever writes to a running job names the number of
its claim; a worker that was silent for longer than its lease finds another number there, and cannot
finish, fail or prolong what is no longer its. Leases go by the database's clock, and not by the workers'.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from memory.backends.sql import erasures as sql_erasures
from memory.backends.sql.changes import lock
from memory.backends.sql.database import Database
from memory.backends.sql.reading import UNREADABLE
from memory.backends.sql.rows import to_scope
from memory.backends.sql.scoping import scope_columns, within
from memory.backends.sql.sizes import json_size, total
from memory.backends.sql.tables import jobs
from memory.errors import Conflict, JobCancelled, LeaseLost, NotFound, QuotaExceeded
from memory.ports import REPEATED
from memory.ports.work import current
from memory.records import MAX_NAME, Scope, after_id, check_page, cut, id_cursor, new_id
from memory.server.fairness import next_job, note_served
from memory.server.room import within_quotas

State = Literal["queued", "running", "done", "failed", "cancelled"]

ATTEMPTS = 5
BACKOFF = timedelta(seconds=2)  # before the second attempt; twice as long before each one after it,
LONGEST_BACKOFF = timedelta(minutes=5)  # up to this
JOB_RETENTION = timedelta(days=7)  # how long an ended job can be looked at

MAX_OPEN_JOBS = 1000  # of one tenant, waiting or running,
MAX_OPEN_CHARACTERS = 64 * 2**20  # and so much in what they are to do
_AGAIN_S = 10.0  # when to come again where that many wait
_OPEN = ("queued", "running")
_HOLDING = ("add",)  # kinds whose payload is a text; others are a few words, and compaction makes room


@dataclass(frozen=True, slots=True)
class Job:
    """Something to be done for a tenant, and how far it is."""

    id: str
    scope: Scope
    kind: str
    state: State
    payload: Mapping[str, Any] | None  # None once it is done, cancelled or erased
    result: Mapping[str, Any] | None
    reason: str | None  # why it failed, or why its last attempt did
    done: int
    total: int | None
    attempt: int  # how often it was claimed; of a running job, the number of the claim
    attempts: int  # at most so often
    cancelling: bool
    created_at: datetime
    due_at: datetime  # queued: not before; running: until then it is the worker's
    ended_at: datetime | None
    since: int  # number of the newest erasure when it was told

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state not in _OPEN


@dataclass(frozen=True, slots=True)
class JobPage:
    """Part of a listing. `cursor` goes into the next call; None says that this was the last page."""

    jobs: tuple[Job, ...]
    cursor: str | None


class Jobs:
    """The queue of all tenants. Safe to share between threads and processes."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._clock = clock or database.now

    # -- for whoever wants something done

    def submit(
        self,
        tenant_id: str,
        kind: str,
        payload: Mapping[str, Any],
        *,
        user_id: str | None = None,
        agent_id: str | None = None,
        session_id: str | None = None,
        idempotency_key: str | None = None,
        attempts: int = ATTEMPTS,
    ) -> Job:
        """Queue a job; durable when it returns. The same idempotency key again gives the first one's job,
        for as long as a key is one request's.

        The payload goes through JSON. A text in it is under the scope named here, so that an erasure
        finds it, and one that makes a document names it as "document_id".
        """
        scope = Scope(user_id, agent_id, session_id, tenant_id)
        job_id, at = new_id(), self._clock()
        values = {
            **scope_columns(scope),
            **{"id": job_id, "kind": kind, "state": "queued", "payload": dict(payload)},
            **{"done": 0, "attempt": 0, "attempts": attempts, "cancelling": False},
            **{"idempotency_key": idempotency_key, "due_at": at, "created_at": at},
            "size": json_size(dict(payload)),
        }
        same = and_(jobs.c.tenant_id == tenant_id, jobs.c.idempotency_key == idempotency_key)
        with self._database.write() as connection:
            lock(connection, tenant_id)
            sql_erasures.refuse(connection, tenant_id, told=scope)
            work = current(tenant_id)
            values["since"] = sql_erasures.newest(connection, tenant_id) if work is None else work.since
            if idempotency_key is not None:
                former = and_(same, jobs.c.created_at <= at - REPEATED)
                connection.execute(update(jobs).where(former).values(idempotency_key=None))
            _check_line(connection, tenant_id)
            holds = within_quotas(connection, tenant_id, at) if kind in _HOLDING else nullcontext()
            try:
                with holds, connection.begin_nested():
                    connection.execute(insert(jobs).values(values))
            except IntegrityError:
                return _to_job(connection.execute(select(jobs).where(same)).one())
            return _one(connection, tenant_id, job_id)

    def get(self, tenant_id: str, job_id: str) -> Job:
        """One of the tenant's. Raises NotFound."""
        with self._database.read() as connection:
            return _one(connection, tenant_id, job_id)

    def list(
        self, tenant_id: str, *, state: State | None = None, limit: int = 100, cursor: str | None = None
    ) -> JobPage:
        """The tenant's, newest first."""
        check_page(limit)
        those = [jobs.c.tenant_id == tenant_id]
        those += [] if state is None else [jobs.c.state == state]
        after = after_id(cursor)
        those += [] if after is None else [jobs.c.id < after]
        wanted = select(jobs).where(*those).order_by(jobs.c.id.desc()).limit(limit + 1)
        with self._database.read() as connection:
            found = [_to_job(row) for row in connection.execute(wanted)]
        return JobPage(*cut(found, limit, id_cursor))

    def cancel(self, tenant_id: str, job_id: str) -> Job:
        """Stop a job: one that waits at once, one that runs when its worker next looks; ended, it stays."""
        with self._database.write() as connection:
            job = _one(connection, tenant_id, job_id, lock=True)
            if job.state == "queued":
                _end(connection, job, "cancelled", self._clock())
            elif job.state == "running":
                _change(connection, job, cancelling=True)
            return _one(connection, tenant_id, job_id)

    def retry(self, tenant_id: str, job_id: str) -> Job:
        """Queue a failed job again. Raises NotFound, and Conflict for one that has not failed."""
        with self._database.write() as connection:
            job = _one(connection, tenant_id, job_id, lock=True)
            if job.state != "failed":
                raise Conflict(f"the job is {job.state}; only a failed one can be tried again")
            if job.payload is None:
                raise Conflict("what the job was about has been erased; it cannot be tried again")
            fresh = {"attempts": job.attempt + ATTEMPTS, "due_at": self._clock(), "ended_at": None}
            _change(connection, job, state="queued", done=0, total=None, **fresh)
            return _one(connection, tenant_id, job_id)

    def erase(
        self, scope: Scope, *, document_id: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> tuple[Job, ...]:
        """Take the payloads of jobs in the scope, or of one document or some metadata in it, and stop them.

        Returns those that are still running. What they store before they stop is not erased by this:
        wait for them (`wait`), and then erase the memories.
        """
        at = self._clock()
        holding = and_(within(jobs, scope), jobs.c.payload.is_not(None))
        with self._database.write() as connection:
            rows = connection.execute(select(jobs).where(holding).with_for_update())
            found = [_to_job(row) for row in rows]
            if document_id is not None:
                found = [job for job in found if (job.payload or {}).get("document_id") == document_id]
            if metadata is not None:
                wanted = metadata.items()
                found = [
                    job for job in found if wanted <= ((job.payload or {}).get("metadata") or {}).items()
                ]
            for job in found:
                if job.state == "queued":
                    _end(connection, job, "cancelled", at)
                else:
                    _change(connection, job, payload=None, cancelling=job.state == "running")
        self._database.scrub()
        return tuple(job for job in found if job.state == "running")

    def wait(self, job: Job, timeout_s: float) -> bool:
        """Wait until that claim of the job is over, but no longer; returns whether it is."""
        deadline = time.monotonic() + timeout_s
        this = and_(jobs.c.tenant_id == job.scope.tenant_id, jobs.c.id == job.id)
        held = and_(this, jobs.c.state == "running", jobs.c.attempt == job.attempt)
        while True:
            with self._database.read() as connection:
                if connection.scalar(select(jobs.c.id).where(held)) is None:
                    return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.05)

    def waiting(self) -> int:
        """How many jobs of all tenants are due and nobody's."""
        due = and_(jobs.c.state == "queued", jobs.c.due_at <= self._clock())
        with self._database.read() as connection:
            return connection.scalar(select(func.count()).select_from(jobs).where(due)) or 0

    def purge(self, older_than: timedelta = JOB_RETENTION) -> int:
        """Delete jobs that ended longer ago than that; returns how many."""
        old = and_(jobs.c.state.not_in(_OPEN), jobs.c.due_at <= self._clock() - older_than)
        with self._database.write() as connection:
            return connection.execute(delete(jobs).where(old)).rowcount

    # -- for workers

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
        if not self._any_due(kinds):
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
                    _change(connection, job, state="running", attempt=job.attempt + 1, **lease)
                    note_served(connection, job.scope.tenant_id, at)
                    return _one(connection, job.scope.tenant_id, job.id)

    def _any_due(self, kinds: Collection[str] | None) -> bool:
        due = select(jobs.c.id).where(_due(self._clock(), kinds)).limit(1)
        with self._database.read() as connection:
            return connection.scalar(due) is not None

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
            _change(connection, held, due_at=self._clock() + timedelta(seconds=lease_s), **noted)

    def finish(self, job: Job, result: Mapping[str, Any], *, done: int | None = None) -> Job:
        """End a claimed job well; its payload goes, and so much of so much is done. Raises LeaseLost."""
        with self._database.write() as connection:
            held = self._held(connection, job)
            done = held.done if done is None else done
            ended = {"result": dict(result), "reason": None, "done": done, "total": done}
            _end(connection, held, "done", self._clock(), **ended)
            return _one(connection, held.scope.tenant_id, held.id)

    def fail(self, job: Job, reason: str, *, again: bool = True) -> Job:
        """End an attempt badly; the job comes again later, unless attempts are used up. Raises LeaseLost.

        The reason is kept on one line, and shown to the tenant.
        """
        at = self._clock()
        said = " ".join(reason.split())[:MAX_NAME]
        with self._database.write() as connection:
            held = self._held(connection, job)
            if held.cancelling:
                _end(connection, held, "cancelled", at)
            elif again and held.attempt < held.attempts:
                due = at + min(LONGEST_BACKOFF, BACKOFF * 2 ** min(held.attempt - 1, 30))
                _change(connection, held, state="queued", due_at=due, reason=said, worker=None)
            else:
                _end(connection, held, "failed", at, reason=said)
            return _one(connection, held.scope.tenant_id, held.id)

    def stop(self, job: Job) -> Job:
        """End a claimed job because it was cancelled. Raises LeaseLost."""
        with self._database.write() as connection:
            held = self._held(connection, job)
            _end(connection, held, "cancelled", self._clock())
            return _one(connection, held.scope.tenant_id, held.id)

    def hand_back(self, job: Job) -> Job:
        """Give a claimed job back, to be claimed by anybody at once; the attempt does not count.

        One that was cancelled ends here: nobody shall claim it again. Raises LeaseLost.
        """
        at = self._clock()
        with self._database.write() as connection:
            held = self._held(connection, job)
            if held.cancelling:
                _end(connection, held, "cancelled", at)
            else:
                due = {"due_at": at, "attempts": held.attempts + 1, "worker": None}
                _change(connection, held, state="queued", **due)
            return _one(connection, held.scope.tenant_id, held.id)

    def _held(self, connection: Connection, job: Job) -> Job:
        """The job as it is now, locked, while the claim is still in force. Raises LeaseLost."""
        this = and_(jobs.c.tenant_id == job.scope.tenant_id, jobs.c.id == job.id)
        row = connection.execute(select(jobs).where(this).with_for_update()).first()
        if row is None or (row.state, row.attempt) != ("running", job.attempt):
            raise LeaseLost(f"the job {job.id} is another worker's by now, or has ended")
        return _to_job(row)


def _due(at: datetime, kinds: Collection[str] | None) -> ColumnElement[bool]:
    """Jobs that wait and may be claimed, or whose worker's lease has run out."""
    due = and_(jobs.c.state.in_(_OPEN), jobs.c.due_at <= at)
    return due if kinds is None else and_(due, jobs.c.kind.in_(kinds))


def _give_up(connection: Connection, job: Job, at: datetime) -> bool:
    """End a job that its worker left behind, where it is not to be tried again."""
    if job.state == "running" and job.cancelling:
        _end(connection, job, "cancelled", at)
    elif job.state == "running" and job.attempt >= job.attempts:
        reason = f"its worker was lost {job.attempt} times, the last time in the middle of it"
        _end(connection, job, "failed", at, reason=reason)
    else:
        return False
    return True


def _check_line(connection: Connection, tenant_id: str) -> None:
    """Refuse one more job where too many of the tenant's wait, or too much in them. Raises QuotaExceeded."""
    open_ones = and_(jobs.c.tenant_id == tenant_id, jobs.c.state.in_(_OPEN))
    waiting, characters = connection.execute(select(func.count(), total(jobs.c.size)).where(open_ones)).one()
    if waiting >= MAX_OPEN_JOBS or characters >= MAX_OPEN_CHARACTERS:
        raise QuotaExceeded(
            f"{waiting:,} jobs of the tenant wait, with {characters:,} characters; come back later",
            _AGAIN_S,
        )


def _end(connection: Connection, job: Job, state: State, at: datetime, **values: Any) -> None:
    """Only a failed job keeps its payload: it may be tried again."""
    kept = {} if state == "failed" else {"payload": None}
    ended = {"state": state, "ended_at": at, "due_at": at, "worker": None}
    _change(connection, job, **ended, **kept, **values)


def _change(connection: Connection, job: Job, **values: Any) -> None:
    this = and_(jobs.c.tenant_id == job.scope.tenant_id, jobs.c.id == job.id)
    if {"payload", "result"} & values.keys():
        held = {"payload": job.payload, "result": job.result} | values
        values["size"] = json_size(held["payload"]) + json_size(held["result"])
    connection.execute(update(jobs).where(this).values(values))


def _sound(connection: Connection, tenant_id: str, job_id: str, at: datetime) -> Job | None:
    """A job that was chosen; None where its row is damaged, which ends it: others shall have their turn."""
    try:
        return _one(connection, tenant_id, job_id)
    except UNREADABLE:
        this = and_(jobs.c.tenant_id == tenant_id, jobs.c.id == job_id)
        reason = "the database has a damaged row in its place; ask for it again"
        ended = {"state": "failed", "reason": reason, "ended_at": at, "due_at": at, "worker": None}
        empty: dict[str, Any] = {"payload": None, "result": None, "size": 0}
        connection.execute(update(jobs).where(this).values(**ended, **empty))
    return None


def _one(connection: Connection, tenant_id: str, job_id: str, *, lock: bool = False) -> Job:
    this = select(jobs).where(jobs.c.tenant_id == tenant_id, jobs.c.id == job_id)
    row = connection.execute(this.with_for_update() if lock else this).first()
    if row is None:
        raise NotFound(f"no job {job_id!r} here; list the jobs to see their ids")
    return _to_job(row)


def _to_job(row: Row[Any]) -> Job:
    names = [name for name in Job.__slots__ if name != "scope"]
    return Job(scope=to_scope(row._mapping), **{name: getattr(row, name) for name in names})
