"""The langgraph store: what it is told it holds, over SQL rows, across restarts and namespaces."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from langgraph.store.base import GetOp, InvalidNamespaceError, PutOp, SearchOp

from integrations.langchain import ParametricMemory, ParametricStore
from memory.errors import InvalidInput


@pytest.fixture
def store(anybody: ParametricMemory) -> ParametricStore:
    return anybody.as_store()


def test_items_come_back_as_they_were(store: ParametricStore) -> None:
    """Value, key, namespace and times; the last write counts, and the first one's time of making stays."""
    store.put(("users", "ana"), "dog", {"text": "My dog is called Biscuit.", "age": 3})
    first = store.get(("users", "ana"), "dog")
    store.put(("users", "ana"), "dog", {"text": "My dog is called Rocket.", "tags": ["a", {"b": None}]})
    item = store.get(("users", "ana"), "dog")
    assert item.value == {"text": "My dog is called Rocket.", "tags": ["a", {"b": None}]}
    assert (item.namespace, item.key) == (("users", "ana"), "dog")
    assert item.created_at == first.created_at <= item.updated_at
    assert isinstance(item.updated_at, datetime)
    assert store.get(("users", "ben"), "dog") is None
    assert store.get(("users",), "dog") is None


def test_items_outlive_the_process(make_memory: Any) -> None:
    """Another memory on the same home reads them."""
    ParametricStore(make_memory()).put(("a",), "k", {"text": "kept"})
    assert ParametricStore(make_memory()).get(("a",), "k").value == {"text": "kept"}


def test_equal_items_are_several(store: ParametricStore) -> None:
    """The same value under other keys and namespaces is there each time, and one goes without the other."""
    for place, key in ((("a",), "1"), (("a",), "2"), (("b",), "1")):
        store.put(place, key, {"text": "the same"})
    store.delete(("a",), "1")
    store.delete(("a",), "unknown")
    assert store.get(("a",), "1") is None
    assert store.get(("a",), "2").value == store.get(("b",), "1").value == {"text": "the same"}


def test_search_by_meaning_filter_and_prefix(store: ParametricStore) -> None:
    """Nearest first with scores, inside the prefix, narrowed by filters, in pages."""
    store.put(("users", "ana"), "dog", {"text": "My dog is called Biscuit.", "age": 3})
    store.put(("users", "ana"), "cat", {"text": "My cat is called Onyx.", "age": 9})
    store.put(("users", "ben"), "dog", {"text": "My dog is called Rocket.", "age": 5})
    found = store.search(("users", "ana"), query="What is my dog called?")
    assert [item.key for item in found] == ["dog", "cat"]
    assert found[0].score > found[1].score
    keys = [(item.namespace[-1], item.key) for item in store.search(("users",), filter={"age": {"$gt": 3}})]
    assert sorted(keys) == [("ana", "cat"), ("ben", "dog")]
    assert [item.key for item in store.search(("users", "ana"), filter={"age": 9})] == ["cat"]
    pages = [store.search((), limit=1, offset=n)[0] for n in range(3)]
    assert len({(page.namespace, page.key) for page in pages}) == 3
    assert store.search((), offset=3) == []
    with pytest.raises(InvalidInput, match="like"):
        store.search((), filter={"age": {"$like": 3}})


def test_what_is_not_indexed_is_not_found_by_meaning(
    store: ParametricStore, anybody: ParametricMemory
) -> None:
    """It is got and listed, but neither found by a query nor internalized; `index` picks the fields."""
    store.put(("a",), "secret", {"text": "My dog is called Biscuit."}, index=False)
    store.put(("a",), "open", {"text": "My cat is called Onyx.", "note": "a dog lives here"}, index=["note"])
    assert [item.key for item in store.search(("a",), query="dog Biscuit")] == ["open"]
    assert {item.key for item in store.search(("a",))} == {"secret", "open"}
    told = [record.text for record in anybody.get_all(agent_id="langgraph")]
    assert sorted(told) == ["a dog lives here", "a/secret"]


def test_namespaces_are_listed(store: ParametricStore) -> None:
    """By prefix, suffix, wildcard and depth."""
    for place in (("users", "ana", "facts"), ("users", "ben", "facts"), ("docs",)):
        store.put(place, "k", {"text": "/".join(place)})
    assert store.list_namespaces() == [("docs",), ("users", "ana", "facts"), ("users", "ben", "facts")]
    assert store.list_namespaces(prefix=("users",), max_depth=1) == [("users",)]
    assert store.list_namespaces(prefix=("users", "*", "facts"), limit=1) == [("users", "ana", "facts")]
    assert store.list_namespaces(suffix=("ben", "facts")) == [("users", "ben", "facts")]


def test_wrong_namespaces_and_values_are_refused(store: ParametricStore) -> None:
    """With langgraph's own errors, also for operations handed in; nothing of the batch is written."""
    for wrong in ((), ("a", 1), ("a.b",), ("a", ("b",)), ("a", "")):
        with pytest.raises(InvalidNamespaceError):
            store.put(wrong, "k", {"text": "x"})
    for op in (GetOp(("a", 1), "k"), SearchOp(("a", None)), PutOp("ab", "k", {"text": "x"}), GetOp(7, "k")):
        with pytest.raises(InvalidNamespaceError):
            store.batch([PutOp(("a",), "fine", {"text": "x"}), op])
    with pytest.raises(InvalidInput, match="JSON"):
        store.put(("a",), "k", {"at": datetime(2026, 1, 1)})
    with pytest.raises(NotImplementedError, match="TTL"):
        store.put(("a",), "k", {"text": "x"}, ttl=5)
    assert store.search(()) == []


async def test_the_store_can_be_awaited(store: ParametricStore) -> None:
    """The async members do the same."""
    await store.aput(("a",), "k", {"text": "My dog is called Biscuit."})
    assert (await store.aget(("a",), "k")).value["text"] == "My dog is called Biscuit."
    assert [item.key for item in await store.asearch(("a",), query="dog")] == ["k"]
    await store.adelete(("a",), "k")
    assert await store.alist_namespaces() == []


def test_long_values_are_whole(store: ParametricStore) -> None:
    """A value of many passages is one item, found by any of them."""
    text = " ".join(f"The number {n} is on page {n * 7} of the book." for n in range(60))
    store.put(("a",), "book", {"content": text})
    assert store.get(("a",), "book").value == {"content": text}
    assert [item.key for item in store.search(("a",), query="number 59 page 413")] == ["book"]
    store.put(("a",), "book", {"content": "Nothing."})
    assert len(store.service.list(agent_id="langgraph").records) == 1


def test_owners_are_apart(anybody: ParametricMemory) -> None:
    """Items of one user's store are not in another's, and an unnamed store's are in no user's chat."""
    anybody.as_store().put(("a",), "k", {"text": "My dog is called Biscuit."})
    ParametricStore(anybody.service, user_id="ben").put(("a",), "k", {"text": "My dog is called Rocket."})
    assert ParametricStore(anybody.service, user_id="ana").search(()) == []
    assert anybody.search("dog", user_id="ana") == []
    assert [hit.record.text for hit in anybody.search("dog", user_id="ben")] == ["My dog is called Rocket."]
