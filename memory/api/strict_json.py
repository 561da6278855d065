"""Strict JSON: limited in depth and values, with text that can be stored.

`Bounds` looks at a body while it comes in, before anything is made of it; `parsed` makes the values.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from memory.errors import InvalidInput

MAX_DEPTH = 32  # of arrays and objects in each other
MAX_DIGITS = 300  # of one number
MAX_VALUES = 100_000  # in one body: numbers, texts, arrays and objects
MAX_MEMBERS = 5_000  # of one object
_MOST_NAMED = 200  # letters of a place in a message
_INT64 = 2**63
_Place = tuple[Any, str | int]  # the place around, and the name or number in it
_IN_TEXT = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")


class BadBody(InvalidInput):
    """The body of a request cannot be used; `field` says where, in the words of JSON: messages[0].content."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Bounds:
    """Counts what a body holds while it comes in. Linear, and in steps as small as the pieces it comes in."""

    def __init__(self) -> None:
        self._values = self._depth = 0
        self._in_text = self._escaped = False

    def feed(self, piece: bytes) -> None:
        """Look at the next piece. Raises BadBody once there are too many values, or they are too deep."""
        at = 0
        if self._escaped:  # the piece before ended between a backslash and what it escapes
            at, self._escaped = 1, not piece
        while at < len(piece):
            if self._in_text:
                at = self._rest_of_text(piece, at)
            else:
                quote = piece.find(b'"', at)
                end = len(piece) if quote < 0 else quote
                self._look(piece[at:end])
                self._in_text, at = quote >= 0, end + 1

    def _rest_of_text(self, piece: bytes, at: int) -> int:
        match = _IN_TEXT.match(piece, at)
        end = len(piece) if match is None else match.end()
        self._in_text = piece[end : end + 1] != b'"'
        self._escaped = piece[end : end + 1] == b"\\"
        if not self._in_text:
            self._count(1)
        return end + 1

    def _look(self, between: bytes) -> None:
        """What stands between texts: a comma or a bracket goes with each value."""
        self._count(between.count(b",") + between.count(b"[") + between.count(b"{"))
        for bracket in _BRACKETS.findall(between):
            self._depth += 1 if bracket in (b"[", b"{") else -1
            if self._depth > MAX_DEPTH + 8:  # just above it, `parsed` names the field
                raise BadBody("body", f"it is nested too deep; at most {MAX_DEPTH} levels are read")
            if self._depth < 0:
                raise BadBody("body", "it is not valid JSON: a bracket closes nothing")

    def _count(self, more: int) -> None:
        self._values += more
        if self._values > 2 * MAX_VALUES:  # of an object's item, the name counts too
            raise BadBody("body", f"it holds more than {MAX_VALUES:,} values; send it in parts")


def parsed(body: bytes) -> Any:
    """What the body says. Raises BadBody, naming the field."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadBody("body", f"it is not UTF-8 at byte {error.start}") from error
    try:
        value = json.loads(text, parse_int=_integer, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise BadBody(
            "body", f"it is no JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from error
    except RecursionError as error:
        raise BadBody("body", f"it is nested too deep; at most {MAX_DEPTH} levels are read") from error
    _check(value)
    return value


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:  # Python itself refuses thousands of digits, as no JSON error
        raise BadBody("body", f"it holds a number of {len(digits)} digits")
    return int(digits)


def _no_number(name: str) -> Any:
    raise BadBody("body", f"it holds {name}, which JSON does not know")


def _check(value: Any) -> None:
    """Walks without recursion, so that no depth can hurt."""
    left: list[tuple[_Place | None, Any, int]] = [(None, value, 0)]
    while left:
        place, one, depth = left.pop()
        if depth > MAX_DEPTH:
            raise BadBody(_named(place), f"it is nested too deep; at most {MAX_DEPTH} levels are read")
        if isinstance(one, str):
            _check_text(place, one)
        elif isinstance(one, int) and not -_INT64 <= one < _INT64:
            raise BadBody(_named(place), "the number is too large; 64 bits are kept")
        elif isinstance(one, float) and not math.isfinite(one):
            raise BadBody(_named(place), "the number is too large")
        else:
            left += [((place, part), item, depth + 1) for part, item in _items(place, one)]


def _items(place: _Place | None, one: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(one, dict):
        if len(one) > MAX_MEMBERS:  # each that is not known would be an error of its own
            raise BadBody(_named(place), f"it has {len(one):,} members; at most {MAX_MEMBERS:,} are read")
        for key in one:
            _check_text(place, key)
        yield from one.items()
    elif isinstance(one, list):
        yield from enumerate(one)


def _check_text(place: _Place | None, text: str) -> None:
    if "\0" in text:
        raise BadBody(_named(place), f"it holds a NUL character at {text.index(chr(0))}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadBody(
            _named(place), f"it is not valid Unicode at character {error.start}: half of a surrogate pair"
        ) from error


def _named(place: _Place | None) -> str:
    """As messages[0].content; made only where something is wrong: a name may be as long as the body."""
    parts: list[str | int] = []
    while place is not None:
        place, part = place
        parts.append(part if isinstance(part, int) else part[:_MOST_NAMED])
    said = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in reversed(parts))
    return said.removeprefix(".")[:_MOST_NAMED] or "body"
