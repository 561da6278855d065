"""Long texts that a request waits for: the process that jobs run in remembers them, where there is one.

Whoever waits is answered as ever, but that what was left out (`skipped`) has its reason alone: what a job
answers holds no text, which an erasure would have to find.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from memory.api.routes.jobs import queued
from memory.api.schemas.memories import AddedMemory, AddedOut, SkippedOut
from memory.api.shared import Shared
from memory.errors import Erased, StoreError, StoreUnavailable
from memory.ports.asker import asker
from memory.records import Scope
from memory.server.job_rows import Job
from memory.server.worker_process import WorkerProcess

APART_BYTES = 8 * 1024  # of text; what is shorter takes less than the process needs to begin
_LOOK_S = (0.05, 0.5)  # from, to


def goes_apart(parts: Shared, size: int) -> bool:
    """Whether a text of so many bytes is remembered by the process for jobs."""
    return size > APART_BYTES and isinstance(parts.worker, WorkerProcess)


def added_apart(
    parts: Shared, scope: Scope, payload: Mapping[str, Any], refuse: Callable[[], object]
) -> AddedOut:
    """Have a job add it, and wait for that; it is cancelled where nobody waits any more.

    `refuse` is called where the job failed: it raises what the request would have been refused with before.
    """
    job = _ended(parts, queued(parts, "add", scope, payload))
    if job.state == "cancelled":
        raise Erased("what this was about was erased, or its job was cancelled, while it was remembered")
    if job.state == "failed":
        refuse()
        raise StoreUnavailable(f"it was not remembered: {job.reason}")
    assert job.result is not None, "a job that is done has one"
    known = set(job.result["known"])
    memories = [AddedMemory(id=one, created=one not in known) for one in job.result["ids"]]
    skipped = [SkippedOut(text=None, reason=one) for one in job.result["skipped"]]
    return AddedOut(memories=memories, superseded=job.result["superseded"], skipped=skipped)


def _ended(parts: Shared, job: Job) -> Job:
    pause, longest = _LOOK_S
    try:
        while not job.ended:
            asker().check()
            if parts.worker.stopping:
                raise StoreUnavailable("the server is stopping; send it again")
            time.sleep(pause)
            pause = min(longest, pause * 1.5)
            job = parts.jobs.get(job.scope.tenant_id, job.id)
    except BaseException:
        with suppress(StoreError):
            parts.jobs.cancel(job.scope.tenant_id, job.id)
        raise
    return job
