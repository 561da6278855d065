"""What is sent to a server. Nothing here sends: verbs are steps, and whoever takes them does the waiting.

    verb  --Call-->  whoever sends  --httpx.Response or httpx.TransportError-->  verb
    verb  --Pause->  whoever waits  ----------------------------------------->   verb

So the blocking and the asynchronous client share all but the sending.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from memory.client import failures
from memory.errors import InvalidInput

T = TypeVar("T")

_LONGEST_WAIT_S = 5.0  # that a server may ask for before a call is sent again
_FIRST_WAIT_S = 0.2  # where it asks for none; doubled each time
_CONNECT_S = 5.0  # to wait for a connection, at most
_NOT_DONE = (429, 503)  # the server did nothing of it
_UNKNOWN = (502, 504)  # something between says that no answer came


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)  # None: left out
    body: Mapping[str, Any] | None = None  # sent as JSON
    key: str | None = None  # Idempotency-Key: sent again with it, it is answered and not repeated
    if_match: str | None = None  # ETag that the memory has to have still
    repeatable: bool = True  # whether it may arrive twice
    streamed: bool = False  # the answer is read as it comes, by whoever asked; closed by them too
    upload: Path | None = None  # a file that is sent, in place of a body
    into: Path | None = None  # a file that the answer goes into, whole or not at all

    def request(self) -> dict[str, Any]:
        """As `httpx.Client.build_request` takes it. Raises InvalidInput for what JSON cannot say."""
        headers = {} if self.key is None else {"Idempotency-Key": self.key}
        if self.if_match is not None:
            headers["If-Match"] = self.if_match
        given: dict[str, Any] = {
            "method": self.method,
            "url": self.path,
            "params": {name: value for name, value in self.params.items() if value is not None},
        }
        if self.upload is not None:
            headers["Content-Type"] = "application/zip"
        if self.body is not None:
            headers["Content-Type"] = "application/json"
            try:
                given["content"] = json.dumps(self.body, allow_nan=False)
            except ValueError as error:
                raise InvalidInput(f"this cannot be sent as JSON: {error}") from error
        return given | {"headers": headers}


@dataclass(frozen=True, slots=True)
class Pause:
    """To wait for so long."""

    seconds: float


Steps = Generator[Call | Pause, Any, T]


@dataclass(slots=True)
class Server:
    """Which server is asked, and how patiently."""

    url: str
    retries: int
    model: str | None = None  # as it names its model, once that was asked

    def __post_init__(self) -> None:
        """Raises InvalidInput for an address that no server has."""
        self.url = checked_url(self.url)


def checked_url(given: str) -> str:
    """The address of a server, without what does not belong to it. Raises InvalidInput."""
    url = given.strip().rstrip("/").removesuffix("/v1")
    wrong = InvalidInput(
        f"{_without_password(given)!r} is no server's URL; give one like http://127.0.0.1:8750"
    )
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as error:
        raise wrong from error
    if not fine or parts.query or parts.fragment or any(char.isspace() for char in url):
        raise wrong
    if parts.username is not None:
        raise InvalidInput("leave name and password out of the URL; a server takes a key")
    return url


def checked_key(key: str | None) -> str | None:
    """A key that can be sent. Raises InvalidInput, and never says it."""
    if key is None:
        return None
    if not key.strip() or not key.strip().isascii() or not key.strip().isprintable():
        raise InvalidInput("the key is not one: it is blank, or has characters that no key has")
    return key.strip()


def connection(server: Server, key: str | None, timeout_s: float) -> dict[str, Any]:
    """What a client of httpx is made with. Raises InvalidInput for a key that cannot be sent."""
    checked = checked_key(key)
    return {
        "base_url": server.url,
        "headers": {} if checked is None else {"Authorization": f"Bearer {checked}"},
        "timeout": httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_S)),
        "verify": server.url.startswith("https:"),  # certificates take a while to load
    }


def asked(server: Server, call: Call) -> Steps[httpx.Response]:
    """The answer to a call, which is sent again where that can help.

    What never arrived, and what the server says it did not do, is sent again. What may have arrived, only
    where twice does no harm. Raises what the answer says, ServerUnavailable or ServerMismatch.
    """
    for attempt in range(server.retries + 1):
        try:
            response: httpx.Response = yield call
        except httpx.TransportError as error:
            arrived = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
            final = attempt == server.retries or (arrived and not call.repeatable)
            hopeless = httpx.UnsupportedProtocol | httpx.ReadTimeout  # asked again, a slow one is slower
            if final or isinstance(error, hopeless):
                raise failures.unreachable(error, server.url, uploading=call.upload is not None) from error
            yield Pause(_backoff(attempt))
            continue
        if response.is_success:
            return response
        wait = _wait(response, call, attempt)
        if attempt == server.retries or wait is None:
            break
        yield Pause(wait)
    raise failures.of(response, server.url)


def told(server: Server, call: Call, read: Callable[[Any], T]) -> Steps[T]:
    """What a call is answered, read. Raises ServerMismatch where it cannot be, and as `asked` does."""
    response = yield from asked(server, call)
    return (yield from understood(server, lambda: read(response.json())))


def understood(server: Server, read: Callable[[], T]) -> Steps[T]:
    """An answer, read. Raises ServerMismatch for one of another form."""
    try:
        return read()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        version = yield from _version()
        raise failures.mismatch(server.url, version) from error


def _version() -> Steps[str | None]:
    """What the server says it is; None where it is none of ours."""
    try:
        response: httpx.Response = yield Call("GET", "/health/live")
        found = response.json()
    except (httpx.TransportError, ValueError):
        return None
    version = found.get("version") if isinstance(found, dict) else None
    return str(version) if version else None


def _wait(response: httpx.Response, call: Call, attempt: int) -> float | None:
    """Seconds after which to send it again; None: never."""
    status = response.status_code
    meanwhile = status == 409 and call.key is not None and attempt > 0  # the first one is still at work
    if not (status in _NOT_DONE or meanwhile or (status in _UNKNOWN and call.repeatable)):
        return None
    try:
        wait = float(response.headers.get("Retry-After", _backoff(attempt)))
    except ValueError:  # a date
        return None
    return wait if wait <= _LONGEST_WAIT_S else None


def _backoff(attempt: int) -> float:
    return float(_FIRST_WAIT_S * 2**attempt)


def _without_password(url: str) -> str:
    """The address as a message may quote it."""
    before, at, after = url.rpartition("@")
    return f"{before.partition('//')[0]}//...@{after}" if at else url
