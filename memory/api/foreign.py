"""What another server answers, which may be anything: no more than so many bytes, and the JSON in them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import anyio.to_thread
import httpx

MOST_BYTES = 64 * 1024 * 1024  # of an answer, whole or streamed
MOST_OF_ERROR = 1024 * 1024
MOST_KEPT = 1_000_000  # characters of a reply that become a turn
_MAX_DEPTH = 64  # of arrays and objects in each other
_SMALL = 64 * 1024  # bytes, of which something is made faster than a thread is found

T = TypeVar("T")


class TooMuch(httpx.RemoteProtocolError):
    """It says more than is read of an answer."""


class Compressed(httpx.DecodingError):
    """It was asked for plain bytes, and a kilobyte of others may stand for a gigabyte."""


async def bounded(response: httpx.Response, most: int) -> AsyncIterator[bytes]:
    """The bytes as they come. Raises Compressed, and TooMuch after the last that is read."""
    _check_plain(response)
    left = most
    async for piece in response.aiter_raw():
        left = _less(left, piece)
        yield piece


def bounded_whole(response: httpx.Response, most: int) -> bytes:
    """All of what a client without a loop gets. Raises as `bounded` does."""
    _check_plain(response)
    left, pieces = most, list[bytes]()
    for piece in response.iter_raw():
        left = _less(left, piece)
        pieces.append(piece)
    return b"".join(pieces)


async def off_loop(make: Callable[[bytes], T], data: bytes) -> T:
    """What is made of the bytes: of many of them in a thread, for that takes a while."""
    return await anyio.to_thread.run_sync(make, data) if len(data) > _SMALL else make(data)


def _less(left: int, piece: bytes) -> int:
    if len(piece) > left:
        raise TooMuch("longer than any answer is read")
    return left - len(piece)


def _check_plain(response: httpx.Response) -> None:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Compressed("compressed, which was not asked for")


def read(data: bytes | str) -> Any:
    """Its JSON. Raises ValueError, also for what is nested too deep and for numbers that are none."""
    try:
        value = json.loads(data, parse_constant=_no_number)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    level = [value]
    for _ in range(_MAX_DEPTH):
        if not level:
            return value
        level = [inner for one in level for inner in _inside(one)]
    raise ValueError("nested too deep")


def _inside(one: Any) -> Iterator[Any]:
    items = one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return (item for item in items if isinstance(item, dict | list))


def _no_number(name: str) -> Any:
    raise ValueError(name)


def written(value: Any) -> bytes:
    """As JSON, with halves of characters escaped. Raises ValueError for numbers that are none."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def storable(said: str) -> str:
    """A text without halves of characters and NULs, which no database takes."""
    return said.encode(errors="replace").decode().replace("\0", "")


class Lines:
    """Lines out of bytes cut anywhere, in time linear in these."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are whole now, without their ends."""
        if b"\n" not in data:
            self._begun.append(data)
            return []
        *lines, rest = b"".join([*self._begun, data]).split(b"\n")
        self._begun = [rest]
        return lines
