"""Two servers on one database change the same memory, which both have read: and one of them may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import URL

from memory import Memory
from memory.backends.blobs.folder import FileBlobStore
from memory.backends.sql.store import SqlStore
from memory.errors import Erased, StoreConflict
from memory.records import MemoryRecord
from tests.command import echoes
from tests.faults import Faulty

Change = Callable[[Memory, MemoryRecord], Any]

CHANGES: dict[str, tuple[str, Change]] = {
    "pin": ("annotate", lambda memory, seen: memory.update(seen.id, pinned=True, expects=seen)),
    "expiry": ("update", lambda memory, seen: memory.update(seen.id, expires_at=None, expects=seen)),
    "text": (
        "revise",
        lambda memory, seen: memory.update(seen.id, f"My dog is called {id(memory)}.", expects=seen),
    ),
    "deletion": ("delete", lambda memory, seen: memory.delete(seen.id, expects=seen)),
}


@pytest.fixture
def writers(database_url: URL, tmp_path: Path) -> Iterator[Callable[[str], list[Memory]]]:
    """Two memories on one database, as two processes have it, whose first writes come at the same moment."""
    with ExitStack() as running:

        def make(write: str) -> list[Memory]:
            at_once = Barrier(2, timeout=20)

            def meeting() -> Callable[[str], None]:
                met = False

                def fault(step: str) -> None:
                    nonlocal met
                    if step == f"before store.{write}" and not met:
                        met = True
                        at_once.wait()

                return fault

            parts = [Faulty(SqlStore.open(database_url), "store", meeting()) for _ in range(2)]
            home = tmp_path / "home"
            return [running.enter_context(Memory(home=home, store=part, **echoes())) for part in parts]

        yield make


@pytest.mark.parametrize("what", CHANGES)
def test_of_two_changes_to_what_both_have_read_one_is_refused(
    writers: Callable[[str], list[Memory]], what: str
) -> None:
    """Whatever they change, and however close they come."""
    write, change = CHANGES[what]
    both = writers(write)
    [added] = both[0].add("My dog is called Biscuit.", user_id="ana")
    seen = both[0].get(added.id)

    def tried(memory: Memory) -> str:
        try:
            change(memory, seen)
        except StoreConflict:
            return "refused"
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(tried, both)) == ["done", "refused"]


def test_without_having_read_both_changes_are_made(writers: Callable[[str], list[Memory]]) -> None:
    """Who says nothing of what was read wins or loses nothing: the second is made on top of the first."""
    one, other = writers("update")
    [added] = one.add("My dog is called Biscuit.", user_id="ana", metadata={"a": 1})
    with ThreadPoolExecutor(2) as pool:
        expiry = pool.submit(one.update, added.id, expires_at=None, metadata={"b": 2})
        pin = pool.submit(other.update, added.id, expires_at=None, pinned=True)
        expiry.result(), pin.result()
    stands = one.get(added.id)
    assert (stands.metadata, stands.pinned) == ({"b": 2}, True)


Crossed = tuple[Memory, Memory, list[Callable[[], Any]]]

FACTS = [f"My {thing} is called {thing.title()}son." for thing in ("dog", "cat", "horse", "boat")]


@pytest.fixture
def crossed(database_url: URL, tmp_path: Path) -> Iterator[Crossed]:
    """Two memories on one database; before the first reads an adapter, what is in the list happens, once."""
    meanwhile: list[Callable[[], Any]] = []

    def fault(step: str) -> None:
        if step == "before blobs.get" and meanwhile:
            meanwhile.pop()()

    where = {"home": tmp_path / "home", "adapter_cache_mb": 0}
    with ExitStack() as running:
        blobs = Faulty(FileBlobStore(tmp_path / "home" / "blobs"), "blobs", fault)
        first, second = (
            running.enter_context(Memory(**where, store=SqlStore.open(database_url), **given, **echoes()))
            for given in ({"blobs": blobs}, {})
        )
        for fact in FACTS:
            second.add(fact, user_id="ana")
        yield first, second, meanwhile


def test_a_turn_is_answered_though_its_memories_are_compacted_meanwhile(crossed: Crossed) -> None:
    """What was chosen has no adapter any more: it is chosen anew, out of what has taken its place."""
    first, second, meanwhile = crossed
    meanwhile.append(lambda: second.compact(user_id="ana", min_adapters=2))
    reply = first.ask("What is my dog called?", user_id="ana")
    assert meanwhile == []
    assert "Dogson" in reply.text
    assert second.list(user_id="ana").records[0].compacted == len(FACTS)


def test_a_turn_whose_memories_are_forgotten_meanwhile_says_so(crossed: Crossed) -> None:
    """Asked again, it knows nothing."""
    first, second, meanwhile = crossed
    meanwhile.append(lambda: second.forget(user_id="ana"))
    with pytest.raises(Erased):
        first.ask("What is my dog called?", user_id="ana")
    assert meanwhile == []
    reply = first.ask("What is my dog called?", user_id="ana")
    assert (reply.adapters, "Dogson" in reply.text) == ((), False)


@pytest.mark.parametrize("by", ["compact", "forget"])
def test_a_compaction_that_is_crossed_goes_on_with_the_rest(crossed: Crossed, by: str) -> None:
    """It counts a conflict where another compacted or forgot what it was at, and joins what others told."""
    first, second, meanwhile = crossed
    for fact in FACTS:
        second.add(fact, user_id="ben")
    crossing = {
        "compact": lambda: second.compact(user_id="ana", min_adapters=2),
        "forget": lambda: second.forget(user_id="ana"),
    }
    meanwhile.append(crossing[by])
    report = first.compact(min_adapters=2)
    assert meanwhile == []
    assert report.conflicts == 1
    assert [found.compacted for found in second.list(user_id="ben").records] == [len(FACTS)]
    left = {"compact": [len(FACTS)], "forget": []}[by]
    assert [found.compacted for found in second.list(user_id="ana").records] == left
