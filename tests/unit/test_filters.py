"""What filters of metadata let through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory import Memory
from memory.errors import InvalidInput
from memory.records.filters import check_items, meets, needed
from memory.records.inputs import filters_in

PAGE = {"page": 3, "topic": "work", "tags": ["a"], "pinned": True}


@pytest.mark.parametrize(
    ("filters", "met"),
    [
        ({}, True),
        ({"page": 3}, True),
        ({"page": 3, "topic": "home"}, False),
        ({"gone": 1}, False),
        ({"tags": ["a"]}, True),
        ({"pinned": 1}, False),
        ({"page": {"$gt": 2}}, True),
        ({"page": {"$gt": 3}}, False),
        ({"page": {"$gte": 3, "$lt": 4}}, True),
        ({"page": {"$lte": 2.5}}, False),
        ({"topic": {"$gt": "a"}}, True),
        ({"topic": {"$gt": 1}}, False),
        ({"page": {"$lt": "9"}}, False),
        ({"pinned": {"$gte": 0}}, False),
        ({"gone": {"$lt": 9}}, False),
        ({"page": {"$eq": 3}}, True),
        ({"page": {"$ne": 3}}, False),
        ({"gone": {"$ne": 3}}, True),
        ({"topic": {"$in": ["home", "work"]}}, True),
        ({"topic": {"$nin": ["home", "work"]}}, False),
        ({"gone": {"$nin": ["home"]}}, True),
        ({"$or": [{"page": 9}, {"topic": "work"}]}, True),
        ({"$or": [{"page": 9}, {"topic": "home"}]}, False),
        ({"$and": [{"page": 3}, {"topic": "home"}]}, False),
        ({"$and": [{"page": {"$gt": 1}}, {"$or": [{"topic": "work"}, {"x": 1}]}]}, True),
        ({"page": 3, "$or": [{"topic": "home"}]}, False),
    ],
)
def test_filters_let_through(filters: dict[str, Any], met: bool) -> None:
    """Values of another type are neither more nor less, and match only `$ne` and `$nin`."""
    assert meets(PAGE, filters_in(filters)) is met


@pytest.mark.parametrize(
    "filters",
    [
        {"$not": [{"page": 1}]},
        {"page": {"$near": 1}},
        {"page": {"$gt": 1, "exact": 2}},
        {"$or": {"page": 1}},
        {"$or": []},
        {"$and": [1]},
        {"$and": [{"$xor": []}]},
        {"page": {"$in": "abc"}},
        {"page": {"$gt": [1]}},
        {"page": {"$lt": None}},
        {"page": {"$lte": True}},
    ],
)
def test_what_is_no_filter_is_refused(filters: dict[str, Any]) -> None:
    """Not met with silence, which reads as if nothing were there."""
    with pytest.raises(InvalidInput, match=r"\$"):
        filters_in(filters)


def test_keys_that_metadata_needs() -> None:
    """What a database may leave out: rows without them."""
    assert needed({"a": 1, "b": {"$ne": 2}, "c": {"$gt": 1, "$ne": 2}}) == {"a", "c"}
    assert needed({"$and": [{"a": 1}, {"$or": [{"b": 1}, {"c": 1}]}]}) == {"a"}


def test_what_is_forgotten_is_named_by_items_as_they_are() -> None:
    """An erasure under way is compared by digests of the items."""
    check_items({"page": 3, "tags": ["a"]})
    for items in ({"$or": [{"page": 3}]}, {"page": {"$gt": 3}}):
        with pytest.raises(InvalidInput, match="operator"):
            check_items(items)


def nested(levels: int) -> dict[str, Any]:
    """A filter in so many levels of $and."""
    filters: dict[str, Any] = {"page": 3}
    for _ in range(levels):
        filters = {"$and": [filters]}
    return filters


@pytest.mark.parametrize(
    "filters",
    [
        {"page": {"$in": [*range(1001)]}},
        {"page": {"$nin": ["x"] * 30_000}},
        {"$or": [{"page": n} for n in range(1001)]},
        {"$or": [{"$and": [{"page": n}, {"topic": n}]} for n in range(400)]},
        {f"key{n}": 1 for n in range(1001)},
        nested(33),
        nested(5000),
        {"page": nested(5000)["$and"]},
    ],
)
def test_a_filter_has_a_size(filters: dict[str, Any]) -> None:
    """It is held against each memory: thousands of values would make a small request hours of work."""
    with pytest.raises(InvalidInput):
        filters_in(filters)


def test_as_many_values_as_are_allowed_are_looked_for(make_memory: Callable[..., Memory]) -> None:
    """More keys than a statement of SQL takes conditions."""
    items = {f"key{n}": n for n in range(1000)}
    memory = make_memory()
    memory.add("My dog is called Biscuit.", user_id="ana", metadata=items)
    for filters in (items, {"key7": {"$in": [*range(1000)]}}):
        assert len(memory.list(user_id="ana", filters=filters).records) == 1
    assert memory.list(user_id="ana", filters={**items, "key7": 8}).records == ()
