"""/health and /metrics: for load balancers and Prometheus."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from memory.api.callers import Credentials, from_here
from memory.api.schemas import example
from memory.api.shared import Parts, Shared
from memory.errors import StoreError

router = APIRouter(tags=["health"])


class LiveOut(BaseModel):
    """The process answers."""

    model_config = example(status="live")

    status: Literal["live"] = "live"


class ReadyOut(BaseModel):
    """Whether requests are answered well."""

    model_config = example(status="ready", database="ready", model="ready", reason=None)

    status: Literal["ready", "unavailable"]
    database: Literal["ready", "unavailable"]
    model: Literal["ready", "loading", "unavailable"]
    reason: str | None = Field(description="Why not.")


@router.get("/health/live", response_model=LiveOut)
async def live() -> LiveOut:
    """Whether the process answers; restart it where not."""
    return LiveOut()


@router.get("/health/ready", response_model=ReadyOut, responses={503: {"model": ReadyOut}})
def ready(parts: Parts, response: Response) -> ReadyOut:
    """Whether to send requests here: the database can be reached, and the model is loaded."""
    reason = _unreachable(parts)
    parts.model.warm()
    model: Literal["ready", "loading", "unavailable"] = "ready" if parts.model.loaded else "loading"
    if parts.model.reason:
        model = "unavailable"
    good = reason is None and model == "ready"
    response.status_code = 200 if good else 503
    return ReadyOut(
        status="ready" if good else "unavailable",
        database="ready" if reason is None else "unavailable",
        model=model,
        reason=reason or parts.model.reason or None,
    )


def _unreachable(parts: Shared) -> str | None:
    try:
        parts.memory.stats(session_id="ready")
    except StoreError as error:
        return str(error).rpartition(": ")[2]  # without the address of the database
    return None


def scraper(request: Request, parts: Parts, credentials: Credentials) -> None:
    """Metrics are for this machine, and for operators."""
    if credentials is None and from_here(request):
        return
    secret = "" if credentials is None else credentials.credentials
    request.state.caller = caller = parts.access.authenticate(secret)
    caller.require_operator()


@router.get(
    "/metrics",
    response_class=Response,
    dependencies=[Depends(scraper)],
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(parts: Parts) -> Response:
    """What the server counts, as Prometheus reads it. To other machines, with an operator's key only."""
    return Response(parts.metrics.page(_waiting(parts)), media_type=CONTENT_TYPE_LATEST)


def _waiting(parts: Shared) -> int | None:
    """Jobs that wait; None while nobody can know."""
    try:
        return parts.jobs.waiting()
    except StoreError:
        return None
