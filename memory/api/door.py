"""Middleware before every route, in this order: address, key, rights, concurrency limit, body size.

Nothing of a body is read before the key is known to be good; whoever sends one without is answered at once,
and the connection closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from memory.api.callers import identified
from memory.api.console.signed_in import SIGN_IN
from memory.api.incoming import Incoming, read
from memory.api.problems import Problem, problem_of
from memory.api.rights import METRICS, Found, Right, found
from memory.api.shared import Shared
from memory.errors import Cancelled, ParametricMemoryError
from memory.ports.asker import Asker, asking
from memory.server.access import Caller
from memory.settings import Settings

_WITH_BODIES = ("POST", "PUT", "PATCH")
_UPLOADS = ("/v1/import",)  # read by their routes, piece by piece, with a limit of their own
_MOST_OPEN = 4096  # bytes of a body that comes without a key: somebody signs in
_NO_BODY = sha256(b"").hexdigest()


class Door:
    """ASGI middleware, just inside of `Observed`."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        incoming = Incoming(receive)
        try:
            where = _address(scope)
            right = where if isinstance(where, Problem) else _right(scope, where)
            if isinstance(right, Problem):
                await _refused(right, scope, incoming, send)
            elif right.kind == "anyone" or (scope["path"] == METRICS and _settings(scope).open_metrics):
                scope["state"]["caller"] = None
                body = await read(incoming, scope, _MOST_OPEN) if scope["path"] == SIGN_IN else b""
                await self._app(scope, incoming.replay(body), send)
            else:
                await self._let_in(right, scope, incoming, send)
        except (ParametricMemoryError, ClientDisconnect) as error:
            if isinstance(error, ClientDisconnect | Cancelled):
                raise ClientDisconnect from error
            problem = problem_of(error)
            if problem is None:
                raise
            await _refused(problem, scope, incoming, send)

    async def _let_in(self, right: Right, scope: Scope, incoming: Incoming, send: Send) -> None:
        parts: Shared = scope["app"].state.shared
        state = scope["state"]
        state |= {"caller": None, "writes": right.writes, "body_sha256": _NO_BODY, "gone": incoming.gone}
        caller = await _called(parts, scope, right)
        owner = caller.tenant_id or ""
        with asking(Asker(owner, incoming.gone)):
            async with parts.places.taken(owner):
                await self._work(scope, incoming, send)

    async def _work(self, scope: Scope, incoming: Incoming, send: Send) -> None:
        if scope["path"] in _UPLOADS:
            await self._app(scope, incoming, send)
            return
        has_body = scope["method"] in _WITH_BODIES
        body = await read(incoming, scope, self._max_bytes) if has_body else b""
        async with _watched(incoming):
            await self._app(scope, incoming.replay(body), send)


async def _called(parts: Shared, scope: Scope, right: Right) -> Caller:
    """Whoever calls, once a key opens this route. Raises Unauthenticated, Forbidden, QuotaExceeded."""

    def check() -> Caller:
        caller = identified(scope, parts)
        scope["state"]["caller"] = caller
        right.check(caller)
        if rate := parts.limiter.count(caller.tenant_id, caller.quotas):
            scope["state"]["rate"] = rate
            rate.check()
        return caller

    return await anyio.to_thread.run_sync(check, limiter=parts.door)


@asynccontextmanager
async def _watched(incoming: Incoming) -> AsyncIterator[None]:
    """Notice meanwhile that the client has gone."""
    watching = asyncio.create_task(incoming.watch())
    try:
        yield
    finally:
        watching.cancel()


def _settings(scope: Scope) -> Settings:
    shared: Shared = scope["app"].state.shared
    return shared.memory.settings


def _address(scope: Scope) -> Found | Problem:
    if b"%00" in scope.get("raw_path", b"") or b"%00" in scope.get("query_string", b""):
        return Problem(400, "bad-request", "the address holds a NUL character")
    where = found(scope["path"])
    if where is None:
        return Problem(404, "not-found", "there is nothing at this address; see /docs")
    scope["state"]["template"], scope["path_params"] = where.template, dict(where.params)
    return where


def _right(scope: Scope, where: Found) -> Right | Problem:
    method = "GET" if scope["method"] == "HEAD" else scope["method"]
    allowed = {"Allow": ", ".join(where.rights)}
    refused = Problem(405, "method-not-allowed", "not with this method", headers=allowed)
    return where.rights.get(method, refused)


async def _refused(problem: Problem, scope: Scope, incoming: Incoming, send: Send) -> None:
    """Answer, and let go of a connection on which a body may still come that nobody reads."""
    headers = Headers(scope=scope)
    unread = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
    closing = {"Connection": "close"} if unread else {}
    await problem.with_headers(closing).response(scope)(scope, incoming, send)
