"""A sweep takes what no row points at, and nothing else."""

from __future__ import annotations

from datetime import timedelta

from memory.fakes import InMemoryBlobs, InMemoryStore
from memory.upkeep.sweep import GRACE, sweep
from tests.tiny_memories import ANA, ELSEWHERE, Clock, adapter, record, vectors


def test_orphans_go_when_they_are_old_enough() -> None:
    """A blob without a row stays for the grace of a write in progress; rows keep theirs for ever."""
    clock = Clock()
    store, blobs = InMemoryStore(clock=clock), InMemoryBlobs(clock=clock)
    live = blobs.put("default", b"live")
    blobs.put("default", b"orphan")
    blobs.put("ghost", b"of a tenant whose first row never came")
    store.add([record("tea", adapter=adapter(b"live"))], vectors(1))
    assert sweep(store, blobs) == 0
    clock.pass_by(seconds=GRACE.total_seconds())
    assert sweep(store, blobs) == 2
    assert blobs.digests("default") == [live]
    assert blobs.digests("ghost") == []


def test_a_blob_is_kept_by_its_own_tenant_only() -> None:
    """The same bytes under another tenant are an orphan there."""
    store, blobs = InMemoryStore(), InMemoryBlobs()
    store.add([record("tea", adapter=adapter(b"x"))], vectors(1))
    store.add([record("milk", ELSEWHERE, adapter=adapter(b"y"))], vectors(1))
    blobs.put("default", b"x")
    blobs.put("other", b"x")
    assert sweep(store, blobs, older_than=timedelta(0)) == 1
    kept = record("tea", ANA, adapter=adapter(b"x")).adapter.digest
    assert blobs.missing("default", [kept]) == set()
