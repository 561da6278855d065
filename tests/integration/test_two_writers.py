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
from memory.backends.sql.store import SqlStore
from memory.errors import StoreConflict
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
