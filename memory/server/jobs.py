"""Jobs in SQL: submitted, claimed with a lease, run to their end once as seen from outside.

    queued --claim--> running --finish--> done
      ^                 | fail, or its lease runs out: again later, while attempts are left
      +-----------------+ else --> failed (kept with its payload, for `retry`)
    cancel: queued --> cancelled at once; running --> cancelled when its worker next looks, or hands it back

What a job is, job_rows.py says; what workers do with a claimed one, claimed_jobs.py.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from memory.backends.sql import erasures as sql_erasures
from memory.backends.sql.changes import lock
from memory.backends.sql.scoping import scope_columns, within
from memory.backends.sql.sizes import json_size, total
from memory.backends.sql.tables import jobs
from memory.errors import Conflict, QuotaExceeded
from memory.ports import REPEATED
from memory.ports.work import current
from memory.records import Scope, after_id, check_page, cut, id_cursor, new_id
from memory.server.claimed_jobs import ClaimedJobs
from memory.server.job_rows import OPEN, Job, State, change, end, one, to_job
from memory.server.room import within_quotas

ATTEMPTS = 5
JOB_RETENTION = timedelta(days=7)  # how long an ended job can be looked at

MAX_OPEN_JOBS = 1000  # of one tenant, waiting or running,
MAX_OPEN_CHARACTERS = 64 * 2**20  # and so much in what they are to do
_AGAIN_S = 10.0  # when to come again where that many wait
_HOLDING = ("add",)  # kinds whose payload is a text; others are a few words, and compaction makes room


@dataclass(frozen=True, slots=True)
class JobPage:
    """Part of a listing. `cursor` goes into the next call; None says that this was the last page."""

    jobs: tuple[Job, ...]
    cursor: str | None


class Jobs(ClaimedJobs):
    """The queue of all tenants, for whoever wants something done, and for workers."""

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
                return to_job(connection.execute(select(jobs).where(same)).one())
            return one(connection, tenant_id, job_id)

    def get(self, tenant_id: str, job_id: str) -> Job:
        """One of the tenant's. Raises NotFound."""
        with self._database.read() as connection:
            return one(connection, tenant_id, job_id)

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
            found = [to_job(row) for row in connection.execute(wanted)]
        return JobPage(*cut(found, limit, id_cursor))

    def cancel(self, tenant_id: str, job_id: str) -> Job:
        """Stop a job: one that waits at once, one that runs when its worker next looks; ended, it stays."""
        with self._database.write() as connection:
            job = one(connection, tenant_id, job_id, lock=True)
            if job.state == "queued":
                end(connection, job, "cancelled", self._clock())
            elif job.state == "running":
                change(connection, job, cancelling=True)
            return one(connection, tenant_id, job_id)

    def retry(self, tenant_id: str, job_id: str) -> Job:
        """Queue a failed job again. Raises NotFound, and Conflict for one that has not failed."""
        with self._database.write() as connection:
            job = one(connection, tenant_id, job_id, lock=True)
            if job.state != "failed":
                raise Conflict(f"the job is {job.state}; only a failed one can be tried again")
            if job.payload is None:
                raise Conflict("what the job was about has been erased; it cannot be tried again")
            fresh = {"attempts": job.attempt + ATTEMPTS, "due_at": self._clock(), "ended_at": None}
            change(connection, job, state="queued", done=0, total=None, **fresh)
            return one(connection, tenant_id, job_id)

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
            found = [to_job(row) for row in rows]
            if document_id is not None:
                found = [job for job in found if (job.payload or {}).get("document_id") == document_id]
            if metadata is not None:
                wanted = metadata.items()
                found = [
                    job for job in found if wanted <= ((job.payload or {}).get("metadata") or {}).items()
                ]
            for job in found:
                if job.state == "queued":
                    end(connection, job, "cancelled", at)
                else:
                    change(connection, job, payload=None, cancelling=job.state == "running")
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
        old = and_(jobs.c.state.not_in(OPEN), jobs.c.due_at <= self._clock() - older_than)
        with self._database.write() as connection:
            return connection.execute(delete(jobs).where(old)).rowcount


def _check_line(connection: Connection, tenant_id: str) -> None:
    """Refuse one more job where too many of the tenant's wait, or too much in them. Raises QuotaExceeded."""
    open_ones = and_(jobs.c.tenant_id == tenant_id, jobs.c.state.in_(OPEN))
    waiting, characters = connection.execute(select(func.count(), total(jobs.c.size)).where(open_ones)).one()
    if waiting >= MAX_OPEN_JOBS or characters >= MAX_OPEN_CHARACTERS:
        raise QuotaExceeded(
            f"{waiting:,} jobs of the tenant wait, with {characters:,} characters; come back later",
            _AGAIN_S,
        )
