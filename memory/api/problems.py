"""Maps errors to responses: problem details (RFC 9457), or OpenAI's form on its routes."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from memory import errors
from memory.api.console.pages import problem_page
from memory.api.console.signed_in import in_console
from memory.api.strict_json import BadBody
from memory.server.words import said_of

_log = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# They answer errors as OpenAI does, so that its clients can read them.
OPENAI_PATHS = ("/v1/chat/", "/v1/responses", "/v1/models")


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as a client sees it."""

    status: int
    kind: str  # the last part of its type URI, stable: clients may act on it
    detail: str
    errors: Sequence[Mapping[str, str]] = ()  # {"field", "message"} of each field that is wrong
    headers: Mapping[str, str] = field(default_factory=dict)

    def with_headers(self, more: Mapping[str, str]) -> Problem:
        """The same, with more headers."""
        return replace(self, headers={**self.headers, **more})

    def response(self, scope: Scope) -> Response:
        """The answer, in the form of the path that was asked."""
        if in_console(str(scope.get("path", ""))):
            return problem_page(self.status, self.detail, self.headers, scope)
        openai = str(scope.get("path", "")).startswith(OPENAI_PATHS)
        status = 400 if openai and self.status == 422 else self.status
        return JSONResponse(
            openai_error(self, status) if openai else self._problem(scope),
            status,
            headers=dict(self.headers),
            media_type="application/json" if openai else MEDIA_TYPE,
        )

    def _problem(self, scope: Scope) -> dict[str, Any]:
        found = {
            "type": f"urn:parametric-memory:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "request_id": scope.get("state", {}).get("request_id"),
        }
        return found | ({"errors": [*self.errors]} if self.errors else {})


def openai_error(problem: Problem, status: int | None = None) -> dict[str, Any]:
    """{"error": {message, type, param, code}}."""
    status = status or problem.status
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
    param = problem.errors[0]["field"] if problem.errors else None
    code = "invalid_api_key" if status == 401 else problem.kind.replace("-", "_")
    return {"error": {"message": problem.detail, "type": kind, "param": param, "code": code}}


# The first class that fits decides, so children stand before their parents: status, kind, Retry-After in s.
_KNOWN: tuple[tuple[type[Exception], int, str, int | None], ...] = (
    (errors.Unauthenticated, 401, "unauthenticated", None),
    (errors.Forbidden, 403, "forbidden", None),
    (errors.QuotaExceeded, 429, "quota-exceeded", None),
    (errors.Conflict, 409, "conflict", None),
    (errors.NotFound, 404, "not-found", None),
    (errors.TextTooLarge, 413, "too-large", None),
    (errors.TooSlow, 408, "too-slow", None),
    (errors.EmptyText, 422, "empty-text", None),
    (errors.MissingScope, 422, "missing-scope", None),
    (errors.InvalidInput, 422, "invalid-input", None),
    (errors.IncompatibleAdapter, 503, "incompatible-adapter", 300),
    (errors.BlobError, 503, "adapter-unavailable", 60),
    (errors.SeesNothing, 422, "sees-nothing", None),
    (errors.ModelUnavailable, 503, "model-unavailable", 10),
    (errors.StoreBusy, 503, "store-busy", 1),
    (errors.StoreConflict, 503, "store-conflict", 1),
    (errors.DiskFull, 503, "disk-full", 30),
    (errors.StoreError, 503, "store-unavailable", 5),
)


def problem_of(error: Exception) -> Problem | None:
    """The problem that one of our errors is; None for an error nobody expected."""
    if isinstance(error, BadBody):
        return Problem(
            400 if error.field == "body" else 422, "bad-body", str(error), [_wrong(error.field, error.reason)]
        )
    for kind, status, name, wait in _KNOWN:
        if isinstance(error, kind):
            said = said_of(error)
            if said is not None:  # the log has what it really was
                _log.warning("%s: %s", name, " ".join(str(error).split()))
            return Problem(status, name, said or str(error), headers=_headers(error, status, wait))
    return None


def _headers(error: Exception, status: int, wait: int | None) -> dict[str, str]:
    if status == 401:
        return {"WWW-Authenticate": "Bearer"}
    if isinstance(error, errors.QuotaExceeded):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    return {} if wait is None else {"Retry-After": str(wait)}


def _wrong(name: str, message: str) -> dict[str, str]:
    return {"field": name, "message": message}


def install(app: FastAPI) -> None:
    """Let every error of the app end here."""
    app.add_exception_handler(errors.ParametricMemoryError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _ours(request: Request, error: Exception) -> Response:
    if isinstance(error, errors.Cancelled):
        raise ClientDisconnect from error  # nobody is there to be answered
    problem = problem_of(error)
    return unexpected(request.scope, error) if problem is None else problem.response(request.scope)


def _invalid(request: Request, error: Exception) -> Response:
    """What the schemas refuse: each wrong field with the reason, never with the value."""
    assert isinstance(error, RequestValidationError)
    wrong = [_wrong(_place(one["loc"]), one["msg"].removeprefix("Value error, ")) for one in error.errors()]
    detail = "; ".join(f"{one['field']}: {one['message']}" for one in wrong[:5])
    return Problem(422, "invalid-input", detail, wrong[:20]).response(request.scope)


def _place(loc: Sequence[str | int]) -> str:
    """("body", "messages", 0, "content") -> messages[0].content."""
    where, *path = loc
    named = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    return named or str(where)


def _http(request: Request, error: Exception) -> Response:
    """What the framework refuses: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    headers = dict(error.headers or {})
    return Problem(error.status_code, kind, str(error.detail), headers=headers).response(request.scope)


def unexpected(scope: Scope, error: Exception) -> Response:
    """The answer to what nobody foresaw; the log says where it arose."""
    _log.error("unexpected", exc_info=error)
    problem = Problem(500, "internal", "an unexpected error; the server's log has it under this request_id")
    return problem.response(scope)
