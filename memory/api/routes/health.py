"""/health and /metrics: for load balancers and Prometheus."""

from __future__ import annotations

from typing import Literal

import anyio.to_thread
from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from memory.api.callers import caller
from memory.api.schemas.parts import example
from memory.api.shared import Shared, SharedDep
from memory.errors import StoreError
from memory.server.words import reason_of

router = APIRouter(tags=["health"])


class LiveOut(BaseModel):
    """The process answers."""

    model_config = example(status="live", version="0.1.0")

    status: Literal["live"] = "live"
    version: str = Field(description="Of the server's package.")


class ReadyOut(BaseModel):
    """Whether requests are answered well."""

    model_config = example(status="ready", database="ready", model="ready", reason=None)

    status: Literal["ready", "unavailable"]
    database: Literal["ready", "unavailable"]
    model: Literal["ready", "loading", "unavailable"]
    reason: str | None = Field(description="Why not.")


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", response_model=LiveOut)
async def live(request: Request) -> LiveOut:
    """Whether the process answers; restart it where not."""
    return LiveOut(version=request.app.version)


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", response_model=ReadyOut, responses={503: {"model": ReadyOut}})
async def ready(parts: SharedDep, response: Response) -> ReadyOut:
    """Whether to send requests here: the database can be reached, and the model is loaded."""
    found = await parts.readiness(lambda: _readiness(parts))
    response.status_code = 200 if found.status == "ready" else 503
    return found


def _readiness(parts: Shared) -> ReadyOut:
    reason = _unreachable(parts)
    parts.model.warm()
    model: Literal["ready", "loading", "unavailable"] = "ready" if parts.model.loaded else "loading"
    if parts.model.reason:
        model = "unavailable"
    return ReadyOut(
        status="ready" if reason is None and model == "ready" else "unavailable",
        database="ready" if reason is None else "unavailable",
        model=model,
        reason=reason or parts.model.reason or None,
    )


def _unreachable(parts: Shared) -> str | None:
    try:
        parts.memory.stats(session_id="ready")
    except StoreError as error:
        return reason_of(error)
    return None


@router.get(
    "/metrics",
    response_class=Response,
    dependencies=[Depends(caller)],
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(parts: SharedDep) -> Response:
    """What the server counts, as Prometheus reads it; for operators' keys."""
    waiting = await anyio.to_thread.run_sync(_waiting, parts, limiter=parts.door)
    return Response(parts.metrics.page(waiting), media_type=CONTENT_TYPE_LATEST)


def _waiting(parts: Shared) -> int | None:
    """Jobs that wait; None while nobody can know."""
    try:
        return parts.jobs.waiting()
    except StoreError:
        return None
