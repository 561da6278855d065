"""Idempotent POSTs: a repeated `Idempotency-Key` returns the first response."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated

from fastapi import Header, Request, Response
from pydantic import BaseModel

from memory.api.callers import CallingTenant
from memory.api.shared import Shared
from memory.errors import Conflict
from memory.ports.work import working
from memory.records import MAX_NAME, Scope

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAX_NAME,
        description="Any name new for each request: sent again with it, a request is answered, not repeated.",
        examples=["6f1c"],
    ),
]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a route answers."""

    body: BaseModel
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> Response:
        return Response(
            self.body.model_dump_json(), self.status, dict(self.headers), media_type="application/json"
        )


def once(
    request: Request,
    parts: Shared,
    tenant: CallingTenant,
    key: str | None,
    act: Callable[[], Answer],
    scope: Scope,
    *,
    erases: bool = False,
) -> Response:
    """Act, unless a request with this key was answered already. Raises Conflict while the first one runs.

    `scope` is whom the request is about: an erasure of them takes the answer, and of nobody else. One that
    runs when they are erased writes nothing and is not kept; a request that `erases` is kept for its receipt.
    """
    with working(None if erases else parts.memory.begin(scope)):
        return _once(request, parts, tenant, key, act, scope, erases)


def _once(
    request: Request,
    parts: Shared,
    tenant: CallingTenant,
    key: str | None,
    act: Callable[[], Answer],
    scope: Scope,
    erases: bool,
) -> Response:
    if key is None:
        return act().response()
    earlier = parts.idempotency.begin(tenant.id, key, _fingerprint(request), scope=scope)
    if earlier is not None:
        if earlier.body is None:
            raise Conflict("this request was answered, and what it was answered has been erased since")
        repeated = {"Idempotency-Replayed": "true"}
        return Response(earlier.body, earlier.status, repeated, media_type="application/json")
    try:
        answer = act()
    except BaseException:
        parts.idempotency.abandon(tenant.id, key)
        raise
    parts.idempotency.finish(tenant.id, key, answer.status, answer.body.model_dump_json(), tells=not erases)
    return answer.response()


def call_name(request: Request, key: str | None) -> str | None:
    """What the turns of a request are known by when it is repeated: its key, and what it asks."""
    return None if key is None else sha256(f"{key}\0{_fingerprint(request)}".encode()).hexdigest()


def _fingerprint(request: Request) -> str:
    asked = f"{request.method} {request.url.path}?{request.url.query} {request.state.body_sha256}"
    return sha256(asked.encode()).hexdigest()
