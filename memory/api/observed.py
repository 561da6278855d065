"""Observability of a request: its id, log line, metrics, audit entry and trace."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memory.api.connections import PROBES
from memory.api.problems import unexpected
from memory.api.shared import Shared
from memory.errors import ParametricMemoryError
from memory.records import new_id
from memory.server.audit import digest
from memory.server.quotas import Rate

_log = logging.getLogger("memory.api")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SAFE = {  # for browsers: nothing of an answer runs, is guessed at, framed or kept
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_DENIED = (401, 403)
GONE = 499  # the client went away before it had sent all: nobody is answered, and nothing is wrong here
_OURS = {"memory_id", "job_id", "key_id"}  # what of a path was named by us, and not by a client
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")  # others may be anything, and many


class Observed:
    """The outermost ASGI middleware. Nothing of a body, and no name of a user, is written anywhere."""

    def __init__(self, app: ASGIApp, *, otel: bool) -> None:
        self._app = app
        self._otel = otel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _Seen(scope)

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = seen.request_id
                for name, value in SAFE.items():
                    headers.setdefault(name, value)
                if rate := scope["state"].get("rate"):
                    headers.update(_rate_headers(rate))
                if seen.audited:
                    await anyio.to_thread.run_sync(seen.audit, limiter=seen.shared.door)
            await send(message)

        with _span(scope, seen, self._otel):
            try:
                await self._app(scope, receive, sending)
            except ClientDisconnect:
                seen.status = seen.status or GONE
            except Exception as error:  # the edge of the process
                answer = unexpected(scope, error)
                if not seen.status:
                    await answer(scope, receive, sending)
            finally:
                seen.finish()


def _rate_headers(rate: Rate) -> dict[str, str]:
    """How a tenant stands in its minute, as draft-ietf-httpapi-ratelimit-headers-10 has it."""
    return {
        "RateLimit-Policy": f'"requests";q={rate.limit};w=60',
        "RateLimit": f'"requests";r={rate.left};t={math.ceil(rate.ends_in_s)}',
    }


class _Seen:
    """One request."""

    def __init__(self, scope: Scope) -> None:
        given = Headers(scope=scope).get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else new_id()
        self.status = 0
        self.method = scope["method"] if scope["method"] in _METHODS else "other"
        self._scope = scope
        self._began = perf_counter()
        scope["state"] = {**scope.get("state", {}), "request_id": self.request_id}

    @property
    def route(self) -> str:
        """The template of its route, such as /v1/memories/{memory_id}: no name of anybody's."""
        return str(self._scope["state"].get("template", "unknown"))

    @property
    def audited(self) -> bool:
        """Whether it wrote something, or was denied."""
        return bool(self._scope["state"].get("writes")) or self.status in _DENIED

    def audit(self) -> None:
        """Put it on record before it is answered."""
        caller = self._scope["state"].get("caller")
        tenant_id, key_id = (None, None) if caller is None else (caller.tenant_id, caller.key_id)
        params = self._scope.get("path_params", {})
        named = "/".join(str(value) for value in params.values())
        if params.keys() - _OURS:  # a session of a client may be called like an id
            named = digest(tenant_id, named)
        target = self._scope["state"].get("target", named)
        try:
            action = f"{self.method} {self.route}"[:64]
            if tenant_id is None and key_id is None:
                self.shared.audit.refuse(action, target, self.status)
            else:
                self.shared.audit.record(tenant_id, key_id, action, target, self.status)
        except ParametricMemoryError as error:
            _log.critical("not audited", extra={"fields": self._fields(), "reason": str(error)})

    def finish(self) -> None:
        """Count it, and log it."""
        seconds = perf_counter() - self._began
        self.shared.metrics.answered(self.method, self.route, self.status, seconds)
        if self.route not in PROBES:
            caller = self._scope["state"].get("caller")
            self.shared.activity.answered(caller and caller.tenant_id, self.status, seconds)
        level = logging.DEBUG if self.route in PROBES else logging.INFO  # probes come every few seconds
        _log.log(level, "request", extra={"fields": self._fields() | {"ms": round(seconds * 1000, 1)}})

    def _fields(self) -> dict[str, Any]:
        caller = self._scope["state"].get("caller")
        return {
            "request_id": self.request_id,
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "key_id": None if caller is None else caller.key_id,
        }

    @property
    def shared(self) -> Shared:
        found: Shared = self._scope["app"].state.shared
        return found


@contextmanager
def _span(scope: Scope, seen: _Seen, otel: bool) -> Iterator[None]:
    """A span of OpenTelemetry around the request, under the caller's trace where it names one."""
    if not otel:
        yield
        return
    from opentelemetry import trace
    from opentelemetry.propagate import extract

    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    tracer = trace.get_tracer("memory.api")
    with tracer.start_as_current_span(
        seen.method, context=extract(headers), kind=trace.SpanKind.SERVER
    ) as span:
        yield
        span.update_name(f"{seen.method} {seen.route}")
        span.set_attribute("http.route", seen.route)
        span.set_attribute("http.response.status_code", seen.status)
        span.set_attribute("memory.request_id", seen.request_id)
