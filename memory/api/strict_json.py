"""JSON as every part behind the API can take it: bounded depth and numbers, text that can be stored."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from memory.errors import InvalidInput

MAX_DEPTH = 32  # of arrays and objects in each other
MAX_DIGITS = 300  # of one number
_INT64 = 2**63


class BadBody(InvalidInput):
    """The body of a request cannot be used; `field` says where, in the words of JSON: messages[0].content."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


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
    left = [("", value, 0)]
    while left:
        path, one, depth = left.pop()
        if depth > MAX_DEPTH:
            raise BadBody(_named(path), f"it is nested too deep; at most {MAX_DEPTH} levels are read")
        if isinstance(one, str):
            _check_text(path, one)
        elif isinstance(one, int) and not -_INT64 <= one < _INT64:
            raise BadBody(_named(path), "the number is too large; 64 bits are kept")
        elif isinstance(one, float) and not math.isfinite(one):
            raise BadBody(_named(path), "the number is too large")
        else:
            left += [(inner, item, depth + 1) for inner, item in _items(path, one)]


def _items(path: str, one: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(one, dict):
        for key, item in one.items():
            _check_text(path, key)
            yield f"{path}.{key}" if path else key, item
    elif isinstance(one, list):
        for place, item in enumerate(one):
            yield f"{path}[{place}]", item


def _check_text(path: str, text: str) -> None:
    if "\0" in text:
        raise BadBody(_named(path), f"it holds a NUL character at {text.index(chr(0))}")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadBody(
            _named(path), f"it is not valid Unicode at character {error.start}: half of a surrogate pair"
        ) from error


def _named(path: str) -> str:
    return path or "body"
