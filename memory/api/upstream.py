"""Client of the upstream LLM: any OpenAI-compatible server, configured by the operator alone.

Its key goes into one header of the requests to it, and nowhere else: what it answers is searched for the key
before anything reads it, and our errors name neither address nor key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx

from memory.api import foreign
from memory.api.redacted import Redactor
from memory.settings import Settings

_KINDS = {400: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_error"}
_CONNECT_S = 10.0
_EVENTS = "text/event-stream"
_KEPT_OPEN = 512  # connections; those to us are limited, and so those from here


class UpstreamError(Exception):
    """What the client gets in place of a reply: a status, and an error in OpenAI's form."""

    def __init__(
        self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"the upstream failed: {status}")
        self.status = status
        self.body = body
        self.headers = headers or {}

    @property
    def no_route(self) -> bool:
        """Whether there seems to be nothing at the path that was asked, rather than no such model."""
        return self.status in (404, 405, 501) and self.body["error"].get("code") != "model_not_found"


class Answer:
    """The beginning of what the other server answers; nothing of it shows the key."""

    def __init__(self, response: httpx.Response, redactor: Redactor) -> None:
        self._response = response
        self._redactor = redactor
        self.headers = {"Content-Type": _header(response, "Content-Type", redactor) or _EVENTS}

    async def aread(self) -> bytes:
        """All of it."""
        data = b"".join([piece async for piece in foreign.bounded(self._response, foreign.MOST_BYTES)])
        return await foreign.off_loop(self._redactor.body, data)

    def aiter_raw(self) -> AsyncIterator[bytes]:
        """The bytes of a stream; its events, where there is a key to look for."""
        return self._redactor.events(foreign.bounded(self._response, foreign.MOST_BYTES))

    async def aiter_lines(self) -> AsyncIterator[str]:
        """The lines of a stream."""
        lines = foreign.Lines()
        async for piece in self.aiter_raw():
            for line in lines.feed(piece):
                yield line.decode(errors="replace").rstrip("\r")

    async def aclose(self) -> None:
        """Let go of it, read or not."""
        await self._response.aclose()


class Upstream:
    """The other server. One for all requests of ours; used on the event loop."""

    def __init__(self, settings: Settings) -> None:
        """Take the settings' address, which must be there."""
        self._redactor = redactor(settings)
        self._models = settings.upstream_models
        self.chat_only = False  # it was found to have no /v1/responses
        # The bytes of a stream are passed on as they come.
        headers = {"Accept-Encoding": "identity", **key_headers(settings)}
        self._client = httpx.AsyncClient(
            base_url=str(settings.upstream_url).rstrip("/") + "/",
            headers=headers,
            timeout=httpx.Timeout(settings.upstream_timeout_s, connect=_CONNECT_S),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=_KEPT_OPEN),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # or one tenant's went with another's
        )

    def model(self, asked: str) -> str:
        """What the upstream calls a model that a client asks for."""
        return self._models.get(asked, asked)

    async def open(self, path: str, body: bytes | None) -> Answer:
        """Send a request, of a body as `foreign.written` makes it; returns at the head of the answer.

        The caller closes it. Raises UpstreamError where it cannot be reached, is too slow, or refuses.
        """
        method = "GET" if body is None else "POST"
        try:
            kind = {} if body is None else {"Content-Type": "application/json"}
            request = self._client.build_request(method, path, content=body, headers=kind)
            response = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise unreachable(error) from error
        if response.status_code >= 300:
            raise await self._refusal(response)
        return Answer(response, self._redactor)

    async def _refusal(self, response: httpx.Response) -> UpstreamError:
        try:
            data = b"".join([piece async for piece in foreign.bounded(response, foreign.MOST_OF_ERROR)])
        except (foreign.TooMuch, foreign.Compressed):
            data = b""
        except httpx.HTTPError as error:
            return unreachable(error)
        finally:
            await response.aclose()
        status = response.status_code
        if status in (401, 403):  # its key is wrong, not the client's; such errors may quote it
            return failed(502, "the upstream model refuses the server's key; tell the server's operator")
        if status < 400:
            return failed(502, "the upstream model answers with a redirect; tell the server's operator")
        after = _header(response, "Retry-After", self._redactor)
        waits = {"Retry-After": after} if after else {}
        return UpstreamError(status, self._readable(status, data), waits)

    def _readable(self, status: int, data: bytes) -> Mapping[str, Any]:
        """The upstream's own error where it is in OpenAI's form, else one that says what it is."""
        try:
            given = foreign.read(self._redactor.body(data))
        except ValueError:
            given = None
        if isinstance(given, dict) and isinstance(given.get("error"), dict):
            return given
        kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
        return error_body(f"the upstream model answers with status {status}", kind)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._client.aclose()


def _header(response: httpx.Response, name: str, redactor: Redactor) -> str:
    """One of its headers; "" for one that could be no header of ours."""
    said: str = response.headers.get(name, "")
    return redactor.text(said) if said.isascii() and said.isprintable() else ""


def key_headers(settings: Settings) -> dict[str, str]:
    """What lets us in there."""
    key = _key(settings)
    return {"Authorization": f"Bearer {key}"} if key else {}


def redactor(settings: Settings) -> Redactor:
    """What takes the key out of all that the upstream says."""
    return Redactor(_key(settings))


def _key(settings: Settings) -> str:
    return settings.upstream_key.get_secret_value() if settings.upstream_key else ""


def unreachable(error: httpx.HTTPError) -> UpstreamError:
    """The error for a connection that fails, or that is silent for too long."""
    if isinstance(error, httpx.TimeoutException):
        return failed(504, "the upstream model does not answer in time; try again")
    if isinstance(error, foreign.TooMuch):
        return failed(502, f"the upstream model answers with more than {foreign.MOST_BYTES:,} bytes")
    if isinstance(error, foreign.Compressed):
        return failed(502, "the upstream model answers compressed, which it was not asked for")
    return failed(502, "the upstream model cannot be reached, or broke off; try again")


def failed(status: int, message: str) -> UpstreamError:
    """An error of this server's about the upstream."""
    return UpstreamError(status, error_body(message, "server_error"))


def error_body(message: str, kind: str) -> dict[str, Any]:
    """An error as OpenAI's clients read it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": "upstream_error"}}
