"""What another server says, without the key that it was sent: whole, and event by event of a stream.

A key in one string is found however JSON writes it. In a stream it may also come in pieces, a few characters
an event: once the words so far end as the key begins, events are held until it is clear what follows.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from memory.api import foreign

INSTEAD = "***"
SHORTEST = 8  # characters; what is shorter is a word for servers without keys, as "ollama", and no secret
_HELD = 4  # characters of the key at the end of what was said, from which on nothing is passed on

_BREAK = re.compile(rb"\r?\n\r?\n")
_DATA = re.compile(rb"^data:(.*?)\r?$", re.MULTILINE)


class Redactor:
    """Takes one key out of what is read; does nothing without one."""

    def __init__(self, key: str) -> None:
        self._key = key if len(key) >= SHORTEST else ""

    def text(self, said: str) -> str:
        """A text without the key."""
        return said.replace(self._key, INSTEAD) if self._key else said

    def value(self, given: Any) -> Any:
        """The same of all strings in a JSON value."""
        if isinstance(given, str):
            return self.text(given)
        if isinstance(given, dict):
            return {self.text(name): self.value(one) for name, one in given.items()}
        return [self.value(one) for one in given] if isinstance(given, list) else given

    def body(self, data: bytes) -> bytes:
        """The same of a whole body; one without the key keeps its bytes."""
        if not self._key or not (self._key.encode() in data or b"\\" in data):
            return data
        try:
            given = foreign.read(data)
        except ValueError:
            return data.replace(self._key.encode(), INSTEAD.encode())
        kept = self.value(given)
        return data if kept == given else json.dumps(kept).encode()

    async def events(self, pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """Whole server-sent events from bytes cut anywhere, as they came where nothing is hidden.

        A stream that breaks off gives what came before it raises.
        """
        if not self._key:
            async for piece in pieces:
                yield piece
            return
        held, rest, looked = _Held(self._key), bytearray(), 0
        broken: httpx.HTTPError | None = None
        try:
            async for piece in pieces:
                rest += piece
                ready = bytearray()  # together: of each that is passed on alone the loop has more to do
                while found := _BREAK.search(rest, looked):
                    event, looked = bytes(rest[: found.end()]), 0
                    del rest[: found.end()]
                    ready += held.after(self._event(event))
                looked = max(0, len(rest) - 3)  # a break may be cut
                if ready:
                    yield bytes(ready)
        except httpx.HTTPError as error:
            broken = error
        if last := held.all() + self.body(bytes(rest)):
            yield last
        if broken is not None:
            raise broken

    def _event(self, data: bytes) -> _Event:
        event = _Event(data)
        if event.given is not None and (kept := self.value(event.given)) != event.given:
            event.given, event.changed = kept, True
        event.data = data.replace(self._key.encode(), INSTEAD.encode())
        return event


class _Event:
    """One event of a stream."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.given: Any = None  # its JSON
        self.changed = False
        try:
            self.given = foreign.read(b"\n".join(_DATA.findall(data)))
        except ValueError:
            return

    def __bytes__(self) -> bytes:
        if not self.changed:
            return self.data
        lines = [line for line in self.data.splitlines() if line and not line.startswith(b"data:")]
        return b"\n".join([*lines, b"data: " + json.dumps(self.given).encode(), b"", b""])


@dataclass(slots=True)
class _Channel:
    """Words that belong together: of one choice, one call, one part."""

    tail: str = ""  # the end of what was said, as far as it is the beginning of the key
    passed: str = ""  # as much of the tail as was passed on
    pieces: list[tuple[_Event, dict[str, Any], str]] = field(default_factory=list)  # where the rest stands


class _Held:
    """Events that wait until it is clear that they do not spell the key."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._channels: dict[Any, _Channel] = {}
        self._events: list[_Event] = []

    def after(self, event: _Event) -> bytes:
        """What can be passed on when this one has come."""
        self._events.append(event)
        for name, place, at in _deltas(event.given):
            channel = self._channels.setdefault(name, _Channel())
            channel.pieces.append((event, place, at))
            said = channel.tail + place[at]
            if self._key in said:
                self._hide(channel)
                said = said.rpartition(self._key)[2]
            channel.tail = self._beginning(said)
        if any(len(channel.tail) >= _HELD for channel in self._channels.values()):
            return b""
        return self.all()

    def all(self) -> bytes:
        """Everything that is held."""
        ready = b"".join(map(bytes, self._events))
        self._events.clear()
        for channel in self._channels.values():
            channel.pieces.clear()
            channel.passed = channel.tail
        return ready

    def _hide(self, channel: _Channel) -> None:
        """Put the words of the held events into the first of them, without the key."""
        (event, first, name), *others = channel.pieces
        said = channel.passed + "".join(place[at] for _, place, at in channel.pieces)
        hidden = said.replace(self._key, INSTEAD)
        first[name] = hidden if said.startswith(self._key) else hidden.removeprefix(channel.passed)
        event.changed = True
        for other, place, at in others:
            place[at], other.changed = "", True
        channel.passed = ""

    def _beginning(self, said: str) -> str:
        longest = min(len(said), len(self._key) - 1)
        ends = (said[len(said) - n :] for n in range(longest, 0, -1))
        return next((end for end in ends if self._key.startswith(end)), "")


def _deltas(event: Any) -> Iterator[tuple[Any, dict[str, Any], str]]:
    """The places of the words in an event of either form, each with what it goes on."""
    if not isinstance(event, dict):
        return
    if isinstance(event.get("delta"), str):
        yield tuple(str(event.get(name)) for name in ("type", "item_id", "content_index")), event, "delta"
    choices = event.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict):
            yield from _strings(choice.get("delta"), (str(choice.get("index")),))


def _strings(node: Any, path: tuple[str, ...]) -> Iterator[tuple[Any, dict[str, Any], str]]:
    if isinstance(node, Mapping):
        for name, one in node.items():
            if isinstance(one, str):
                yield (*path, name), node, name  # type: ignore[misc]
            else:
                yield from _strings(one, (*path, name))
    elif isinstance(node, list):
        for i, one in enumerate(node):
            number = one.get("index", i) if isinstance(one, dict) else i
            yield from _strings(one, (*path, str(number)))
