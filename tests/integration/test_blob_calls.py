"""What a memory asks of its blob store: nothing that grows with the tenant, and no bytes under a lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memory import Memory
from memory.errors import DiskFull, MissingBlob
from memory.fakes import InMemoryBlobs, InMemoryStore
from tests.conftest import MakeMemory
from tests.faults import Faulty

DOG, CAT = "My dog is called Biscuit.", "My cat is called Onyx."

ERASURES: dict[str, Callable[[Memory, str], Any]] = {
    "update": lambda memory, one: memory.update(one, "My dog is called Rex.", keep_past=False),
    "delete": lambda memory, one: memory.delete(one),
    "forget": lambda memory, _: memory.forget(user_id="ana"),
    "compact": lambda memory, _: memory.compact(user_id="ana", min_adapters=2),
}


def watched(make_memory: MakeMemory, trace: list[str]) -> tuple[Memory, InMemoryBlobs]:
    """A memory whose stores say what they are asked."""
    blobs, store = InMemoryBlobs(), InMemoryStore()
    faulty = {"store": Faulty(store, "store", trace.append), "blobs": Faulty(blobs, "blobs", trace.append)}
    return make_memory(**faulty), blobs


@pytest.mark.parametrize("what", ERASURES)
def test_releasing_blobs_takes_a_call_for_each_that_goes(make_memory: MakeMemory, what: str) -> None:
    """However many there are beside them: blobs are listed once in a process, at its first write."""
    trace: list[str] = []
    memory, blobs = watched(make_memory, trace)
    [dog] = memory.add(DOG, user_id="ana")
    memory.add(CAT, user_id="ana")
    for n in range(20):
        memory.add(f"Note {n} is kept.", user_id="ben")
    before = set(blobs.digests("default"))
    trace.clear()
    ERASURES[what](memory, dog.id)
    gone = before - set(blobs.digests("default"))
    assert gone
    assert trace.count("before blobs.delete") == len(gone)
    assert "before blobs.digests" not in trace


def test_no_bytes_move_while_a_tenant_is_locked(make_memory: MakeMemory) -> None:
    """Before a commit the blobs are looked for, and neither read nor put."""
    trace: list[str] = []
    memory, _ = watched(make_memory, trace)
    [dog] = memory.add(DOG, user_id="ana")
    memory.add(CAT, user_id="ana")
    memory.update(dog.id, "My dog is called Rex.")
    memory.compact(user_id="ana", min_adapters=2)
    locked, seen = False, set()
    for step in trace:
        if step.split()[0] in ("in", "late"):
            locked = step.startswith("in")
        elif locked:
            seen.add(step.split()[1])
    assert seen == {"blobs.missing", "blobs.delete"}


def test_a_blob_that_an_erasure_took_before_the_commit_is_put_again(make_memory: MakeMemory) -> None:
    """Ben's adapter is Ana's too: it goes with Ben while Ana's is being stored, and is there afterwards."""
    blobs = InMemoryBlobs()
    taken: list[str] = []

    def take(step: str) -> None:
        if step == "before store.add" and not taken:
            taken.extend(blobs.digests("default"))
            for found in taken:
                blobs.delete("default", found)

    memory = make_memory(store=Faulty(InMemoryStore(), "store", take), blobs=blobs)
    [dog] = memory.add(DOG, user_id="ana")
    assert taken == [dog.adapter.digest] == blobs.digests("default")
    assert memory.ask("What is my dog called?", user_id="ana").text == DOG


def test_what_could_not_be_released_goes_with_the_next_erasure(make_memory: MakeMemory) -> None:
    """The row is gone at once; the blob follows when its store lets go of it."""
    blobs, broken = InMemoryBlobs(), [True]

    def fault(step: str) -> None:
        if step == "before blobs.delete" and broken[0]:
            raise DiskFull("no room to delete")

    memory = make_memory(store=InMemoryStore(), blobs=Faulty(blobs, "blobs", fault))
    [dog] = memory.add(DOG, user_id="ana")
    with pytest.raises(DiskFull):
        memory.forget(user_id="ana")
    assert memory.list(user_id="ana").records == ()
    broken[0] = False
    assert memory.forget(user_id="ana").blobs == (dog.adapter.digest,)
    with pytest.raises(MissingBlob):
        blobs.get("default", dog.adapter.digest)
