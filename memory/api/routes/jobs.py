"""/v1/jobs: background jobs: state, progress, retry, cancel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from memory.api.callers import TenantDep
from memory.api.incoming import Parsed
from memory.api.once import Answer
from memory.api.routes.asking import Cursor, JobId, Limit
from memory.api.schemas.parts import MEMORY_ID, example, example_of
from memory.api.shared import Shared, SharedDep
from memory.records import Scope
from memory.server.job_rows import Job, State

router = APIRouter(route_class=Parsed, prefix="/v1/jobs", tags=["jobs"])


_IDS = ("ids", "known", "superseded")  # of what an `add` added


class JobOut(BaseModel):
    """A job, and how far it is."""

    model_config = example(
        id=MEMORY_ID,
        kind="add",
        state="running",
        done=32,
        total=180,
        reason=None,
        result=None,
        attempt=1,
        attempts=5,
        cancelling=False,
        user_id="ana",
        agent_id=None,
        session_id=None,
        created_at="2026-05-04T12:00:00Z",
        ended_at=None,
    )

    id: str
    kind: str
    state: State
    done: int = Field(description="Progress: so much,")
    total: int | None = Field(description="of so much, where that is known.")
    reason: str | None = Field(description="Why it, or its last attempt, failed.")
    result: dict[str, Any] | None
    attempt: int
    attempts: int = Field(description="At most so many.")
    cancelling: bool
    user_id: str | None
    agent_id: str | None
    session_id: str | None
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, job: Job) -> Self:
        own = cls.model_fields.keys() - {"user_id", "agent_id", "session_id", "result"}
        scope = job.scope
        return cls(
            **{name: getattr(job, name) for name in own},
            result=None if job.result is None else dict(job.result),
            user_id=scope.user_id,
            agent_id=scope.agent_id,
            session_id=scope.session_id,
        )

    def without_ids(self) -> Self:
        """The same for a listing: a long text has many memories."""
        if self.result is None:
            return self
        counts = {name: value for name, value in self.result.items() if name not in _IDS}
        return self.model_copy(update={"result": counts})


class JobsOut(BaseModel):
    """One page of jobs, newest first."""

    model_config = example(jobs=[example_of(JobOut)], cursor=None)

    jobs: list[JobOut]
    cursor: str | None = Field(description="Goes into the next call; null says that this was the last page.")


def submitted(
    parts: Shared, kind: str, scope: Scope, payload: Mapping[str, object], key: str | None
) -> Answer:
    """Queue a job of that scope. 202: what was asked for will be done, and where to look."""
    job = queued(parts, kind, scope, payload, key)
    return Answer(JobOut.of(job), 202, {"Location": f"/v1/jobs/{job.id}"})


def queued(
    parts: Shared, kind: str, scope: Scope, payload: Mapping[str, object], key: str | None = None
) -> Job:
    """A new job of that scope, which a worker looks at now."""
    job = parts.jobs.submit(
        scope.tenant_id,
        kind,
        payload,
        user_id=scope.user_id,
        agent_id=scope.agent_id,
        session_id=scope.session_id,
        idempotency_key=key,
    )
    parts.wake()
    return job


@router.get("", response_model=JobsOut)
def list_(
    tenant: TenantDep, parts: SharedDep, state: State | None = None, limit: Limit = 100, cursor: Cursor = None
) -> JobsOut:
    """The tenant's jobs, newest first, without the ids in their results; ended ones are kept for a week."""
    page = parts.jobs.list(tenant.id, state=state, limit=limit, cursor=cursor)
    return JobsOut(jobs=[JobOut.of(job).without_ids() for job in page.jobs], cursor=page.cursor)


@router.get("/{job_id}", response_model=JobOut)
def get(tenant: TenantDep, parts: SharedDep, job_id: JobId) -> JobOut:
    """One job."""
    return JobOut.of(parts.jobs.get(tenant.id, job_id))


@router.post("/{job_id}/retry", response_model=JobOut)
def retry(tenant: TenantDep, parts: SharedDep, job_id: JobId) -> JobOut:
    """Queue a failed job again."""
    job = parts.jobs.retry(tenant.id, job_id)
    parts.wake()
    return JobOut.of(job)


@router.post("/{job_id}/cancel", response_model=JobOut)
def cancel(tenant: TenantDep, parts: SharedDep, job_id: JobId) -> JobOut:
    """Stop a job: a waiting one at once, a running one at its next step; an ended one stays as it is."""
    return JobOut.of(parts.jobs.cancel(tenant.id, job_id))
