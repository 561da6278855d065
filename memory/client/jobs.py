"""Work that a server does later, waited for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from memory.client.calls import Call, Pause, Server, Steps, told, understood
from memory.errors import Cancelled, ServerError
from memory.write.added import Progress

_POLL_S = (0.1, 2.0)  # from, to: how long to wait before a job is looked at again


@dataclass(frozen=True, slots=True)
class Job:
    """One of them, and how far it is."""

    id: str
    state: str
    done: int
    total: int | None
    reason: str | None
    result: Mapping[str, Any] | None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Job:
        return cls(**{name: said[name] for name in cls.__slots__})


def asked_for(server: Server, call: Call, progress: Progress | None) -> Steps[tuple[str, Mapping[str, Any]]]:
    """The id and result of the job that a call begins, once it is done. Raises as `finished` does."""
    job = yield from told(server, call, Job.of)
    return job.id, (yield from _done(server, job, progress))


def finished(server: Server, response: httpx.Response, progress: Progress | None) -> Steps[Mapping[str, Any]]:
    """The result of the job that an answer names. Raises ServerError for one that failed, and Cancelled."""
    job = yield from understood(server, lambda: Job.of(response.json()))
    return (yield from _done(server, job, progress))


def _done(server: Server, job: Job, progress: Progress | None) -> Steps[Mapping[str, Any]]:
    wait, longest = _POLL_S
    while job.state in ("queued", "running"):
        if progress is not None and job.total:
            progress(job.done, job.total)
        yield Pause(wait)
        wait = min(longest, wait * 1.5)
        job = yield from told(server, Call("GET", f"/v1/jobs/{job.id}"), Job.of)
    if job.state == "cancelled":
        raise Cancelled("the job was cancelled; what it had done by then stays")
    if job.state != "done":
        raise ServerError(f"the server could not do it: {job.reason}")
    if progress is not None and job.total:
        progress(job.total, job.total)
    return job.result or {}
