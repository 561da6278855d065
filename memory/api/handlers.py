"""What the server's jobs do: each kind a call of the memory, with its progress. Results hold no text."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from memory.api.metrics import Metrics
from memory.errors import JobCancelled
from memory.inputs import Whose
from memory.records import Scope
from memory.server.jobs import Job
from memory.server.worker import Handler, Progress
from memory.service import Service


def handlers(memory: Service, metrics: Metrics) -> dict[str, Handler]:
    """By kind."""

    def add(job: Job, progress: Progress) -> Mapping[str, Any]:
        if job.payload is None:
            raise JobCancelled("what was to be added has been erased")
        given = job.payload
        until = given.get("expires_at")
        with metrics.internalizing():
            added = memory.add(
                given["messages"] if given.get("text") is None else given["text"],
                metadata=given.get("metadata"),
                expires_at=None if until is None else datetime.fromisoformat(until),
                document_id=given.get("document_id"),
                progress=progress,
                **whose(job.scope),
            )
        document = added[0].document_id if added else None
        return {"memories": len(added), "created": len(added.created), "document_id": document}

    return {"add": add}


def whose(scope: Scope) -> Whose:
    """A scope as the service takes it."""
    return Whose(
        tenant_id=scope.tenant_id,
        user_id=scope.user_id,
        agent_id=scope.agent_id,
        session_id=scope.session_id,
    )
