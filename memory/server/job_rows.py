"""A row of the queue as a job, and what changes in it. Functions on a connection, of one tenant each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Row, and_, select, update

from memory.backends.sql.rows import to_scope
from memory.backends.sql.sizes import json_size
from memory.backends.sql.tables import jobs
from memory.errors import NotFound
from memory.records import Scope

State = Literal["queued", "running", "done", "failed", "cancelled"]
OPEN = ("queued", "running")


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
        return self.state not in OPEN


def one(connection: Connection, tenant_id: str, job_id: str, *, lock: bool = False) -> Job:
    this = select(jobs).where(jobs.c.tenant_id == tenant_id, jobs.c.id == job_id)
    row = connection.execute(this.with_for_update() if lock else this).first()
    if row is None:
        raise NotFound(f"no job {job_id!r} here; list the jobs to see their ids")
    return to_job(row)


def to_job(row: Row[Any]) -> Job:
    names = [name for name in Job.__slots__ if name != "scope"]
    return Job(scope=to_scope(row._mapping), **{name: getattr(row, name) for name in names})


def change(connection: Connection, job: Job, **values: Any) -> None:
    this = and_(jobs.c.tenant_id == job.scope.tenant_id, jobs.c.id == job.id)
    if {"payload", "result"} & values.keys():
        held = {"payload": job.payload, "result": job.result} | values
        values["size"] = json_size(held["payload"]) + json_size(held["result"])
    connection.execute(update(jobs).where(this).values(values))


def end(connection: Connection, job: Job, state: State, at: datetime, **values: Any) -> None:
    """Only a failed job keeps its payload: it may be tried again."""
    kept = {} if state == "failed" else {"payload": None}
    ended = {"state": state, "ended_at": at, "due_at": at, "worker": None}
    change(connection, job, **ended, **kept, **values)
