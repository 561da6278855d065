"""What MemoryStore promises an index about changes, on every implementation."""

from __future__ import annotations

import numpy as np

from memory.conformance.samples import ANA, BEN, ELSEWHERE, EMBEDDER, record, vectors
from memory.ports import START, MemoryStore, Version


class ChangesConformance:
    """What MemoryStore promises an index about changes, on every implementation."""

    def test_a_tenant_begins_at_the_start(self, store: MemoryStore) -> None:
        """Nothing stored, nothing changed."""
        assert store.version("default") == START
        nothing = store.changes("default", EMBEDDER)
        assert (nothing.version, nothing.full, nothing.ids, nothing.removed) == (START, True, (), ())

    def test_all_embeddings_are_there_from_the_start(self, store: MemoryStore) -> None:
        """With their scopes, bit for bit, and no other tenant's."""
        given = vectors(2)
        a, b = store.add([record("a"), record("b", BEN)], given)
        store.add([record("a", ELSEWHERE)], vectors(1))
        changes = store.changes("default", EMBEDDER)
        assert (changes.ids, changes.scopes, changes.full) == ((a.id, b.id), (ANA, BEN), True)
        assert changes.version == Version(2, b.id) == store.version("default")
        np.testing.assert_array_equal(changes.vectors, given)

    def test_only_what_is_new_comes_after_a_version(self, store: MemoryStore) -> None:
        """Added and updated ids once, deleted ones as removed; what came and went is only removed."""
        a, b = store.add([record("a"), record("b")], vectors(2))
        before = store.version("default")
        c, d = store.add([record("c"), record("d")], vectors(2))
        store.update(ANA, record("a2", id=a.id), vectors(1, seed=7))
        store.delete(ANA, b.id)
        store.delete(ANA, d.id)
        changes = store.changes("default", EMBEDDER, before)
        assert (changes.full, changes.ids, set(changes.removed)) == (False, (c.id, a.id), {b.id, d.id})
        np.testing.assert_array_equal(changes.vectors[1], vectors(1, seed=7)[0])
        assert store.changes("default", EMBEDDER, changes.version).ids == ()

    def test_a_version_of_another_database_begins_anew(self, store: MemoryStore) -> None:
        """One that the history does not hold, ahead of it or beside it, gives everything."""
        [a] = store.add([record("a")], vectors(1))
        for foreign in (Version(9, a.id), Version(1, "another")):
            changes = store.changes("default", EMBEDDER, foreign)
            assert (changes.full, changes.ids, changes.removed) == (True, (a.id,), ())

    def test_embedders_do_not_mix(self, store: MemoryStore) -> None:
        """Each sees its own rows; one that loses a row to another sees it removed."""
        a, b = store.add([record("a"), record("b", embedder="other")], vectors(2))
        before = store.version("default")
        assert (store.changes("default", EMBEDDER).ids, store.changes("default", "other").ids) == (
            (a.id,),
            (b.id,),
        )
        assert store.embedders("default") == {EMBEDDER, "other"}
        store.update(ANA, record("a", id=a.id, embedder="other"), vectors(1))
        assert store.changes("default", EMBEDDER, before).removed == (a.id,)
        assert store.changes("default", "other", before).ids == (a.id,)

    def test_what_is_not_new_changes_no_version(self, store: MemoryStore) -> None:
        """Known content, reads and deletions of nothing leave an index current."""
        store.add([record("a")], vectors(1))
        before = store.version("default")
        store.add([record("a")], vectors(1))
        store.delete_where(BEN)
        store.page(ANA)
        assert store.version("default") == before
