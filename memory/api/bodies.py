"""Bodies of requests, before anything else sees them: bounded in size, and JSON only as we can take it."""

from __future__ import annotations

from hashlib import sha256

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from memory.api.problems import Problem, problem_of
from memory.api.strict_json import BadBody, parsed

UPLOADS = ("/v1/import",)  # read by their routes, piece by piece, with a limit of their own


class Bodies:
    """ASGI middleware. A body that is too large is refused by its announced size, or as soon as it is."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if b"%00" in scope.get("raw_path", b"") or b"%00" in scope.get("query_string", b""):
            nul = Problem(400, "bad-request", "the address holds a NUL character")
            await nul.response(scope)(scope, receive, send)
            return
        if scope["path"] in UPLOADS:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = await self._read(headers, receive)
        problem = self._too_large() if body is None else _checked(headers, body)
        if problem is not None:
            await problem.response(scope)(scope, receive, send)
            return
        scope["state"]["body_sha256"] = sha256(body or b"").hexdigest()
        await self._app(scope, _again(body or b"", receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        """All of it; None where it is too large. Raises ClientDisconnect for one that was broken off."""
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            return None
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > self._max_bytes:
                return None
        return bytes(body)

    def _too_large(self) -> Problem:
        detail = f"the body is larger than {self._max_bytes:,} bytes; send it in parts"
        return Problem(413, "too-large", detail, headers={"Connection": "close"})


def _checked(headers: Headers, body: bytes) -> Problem | None:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body or not (kind == "application/json" or kind.endswith("+json")):
        return None
    try:
        parsed(body)
    except BadBody as error:
        return problem_of(error)
    return None


def _again(body: bytes, receive: Receive) -> Receive:
    """What a body that was read gives to the next reader; after it, whatever comes."""
    read = False

    async def again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
