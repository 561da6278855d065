"""Filters: which metadata is meant.

{"topic": "work", "page": 3}                        has these items
{"page": {"$gt": 3}, "topic": {"$in": ["a", "b"]}}  compared; a number is never more than a text, say
{"$or": [{"topic": "work"}, {"urgent": True}]}      one of these; $and: all of them
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import Any

from memory.errors import InvalidInput

Same = Callable[[Any, Any], bool]
"""Whether a value is the one that a filter names."""

MAX_VALUES = 1000  # in all of a filter, which is held against each memory
_MAX_DEPTH = 32

_ABSENT = object()
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {"$gt": gt, "$gte": ge, "$lt": lt, "$lte": le}
_AMONG = ("$in", "$nin")
_COMPARING = ("$eq", "$ne", *_ORDERED, *_AMONG)
_JOINING = ("$and", "$or")


def check_filters(filters: Mapping[str, Any]) -> None:
    """Refuse unknown operators, what one cannot take, and too many values. Raises InvalidInput."""
    if sum(_values(filters, 0)) > MAX_VALUES:
        raise InvalidInput(f"filters compare with at most {MAX_VALUES:,} values; ask in parts")
    _check_operators(filters)


def _values(filters: Mapping[str, Any], depth: int) -> Iterator[int]:
    """How many values each condition compares with."""
    if depth > _MAX_DEPTH:
        raise InvalidInput(f"filters are nested in more than {_MAX_DEPTH} levels of {' and '.join(_JOINING)}")
    for key, wanted in filters.items():
        if key in _JOINING and isinstance(wanted, list):
            inner = (one for one in wanted if isinstance(one, Mapping))
            yield 1 + sum(sum(_values(one, depth + 1)) for one in inner)
        elif _compares(wanted):
            yield sum(len(one) if isinstance(one, list | tuple) else 1 for one in wanted.values())
        else:
            yield 1


def _check_operators(filters: Mapping[str, Any]) -> None:
    for key, wanted in filters.items():
        if key in _JOINING:
            for one in _joined(key, wanted):
                _check_operators(one)
        elif key.startswith("$"):
            raise InvalidInput(f"unknown operator {key!r}; use {' or '.join(_JOINING)} around filters")
        elif _compares(wanted):
            _check_comparison(wanted)


def check_items(items: Mapping[str, Any]) -> None:
    """Refuse operators where items are meant as they are: what is forgotten. Raises InvalidInput."""
    for key, value in items.items():
        if key.startswith("$") or _compares(value):
            raise InvalidInput(
                f"what is forgotten is named by items as they are, and {key!r} has an operator; "
                "list with these filters, and delete what is found"
            )


def meets(metadata: Mapping[str, Any], filters: Mapping[str, Any], same: Same | None = None) -> bool:
    """Whether metadata has all that filters ask for; they were checked before."""
    return all(_met(metadata, key, wanted, same or _same) for key, wanted in filters.items())


def needed(filters: Mapping[str, Any]) -> set[str]:
    """Keys that metadata has to have for filters to be met, as far as one can tell without it."""
    found: set[str] = set()
    for key, wanted in filters.items():
        if key == "$and":
            found.update(*map(needed, wanted))
        elif key != "$or" and not (_compares(wanted) and not wanted.keys() - {"$ne", "$nin"}):
            found.add(key)
    return found


def _met(metadata: Mapping[str, Any], key: str, wanted: Any, same: Same) -> bool:
    if key in _JOINING:
        return (all if key == "$and" else any)(meets(metadata, one, same) for one in wanted)
    value = metadata.get(key, _ABSENT)
    if _compares(wanted):
        return all(_compared(value, how, one, same) for how, one in wanted.items())
    return value is not _ABSENT and same(value, wanted)


def _compared(value: Any, how: str, wanted: Any, same: Same) -> bool:
    if how in ("$ne", "$nin"):
        return not _compared(value, {"$ne": "$eq", "$nin": "$in"}[how], wanted, same)
    if how == "$in":
        return any(_compared(value, "$eq", one, same) for one in wanted)
    if value is _ABSENT:
        return False
    return same(value, wanted) if how == "$eq" else _ordered(value, wanted) and _ORDERED[how](value, wanted)


def _ordered(value: Any, wanted: Any) -> bool:
    """Whether one can be more than the other: two numbers, or two texts."""
    return (isinstance(value, str) and isinstance(wanted, str)) or (_is_number(value) and _is_number(wanted))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(value: Any, wanted: Any) -> bool:
    return bool(value == wanted) and isinstance(value, bool) == isinstance(wanted, bool)


def _joined(key: str, wanted: Any) -> Sequence[Mapping[str, Any]]:
    if isinstance(wanted, list) and wanted and all(isinstance(one, Mapping) for one in wanted):
        return wanted
    raise InvalidInput(f'{key} takes a list of filters, as {{"{key}": [{{"page": 1}}, ...]}}')


def _compares(wanted: Any) -> bool:
    return isinstance(wanted, Mapping) and any(str(key).startswith("$") for key in wanted)


def _check_comparison(wanted: Mapping[str, Any]) -> None:
    for how, one in wanted.items():
        if how not in _COMPARING:
            raise InvalidInput(f"unknown operator {how!r}; use {', '.join(_COMPARING)}")
        if how in _AMONG and (not isinstance(one, Sequence) or isinstance(one, str)):
            raise InvalidInput(f'{how} takes a list, as {{"{how}": [1, 2]}}')
        if how in _ORDERED and not (isinstance(one, str) or _is_number(one)):
            raise InvalidInput(f"{how} takes a number or a text, got {one!r}")
