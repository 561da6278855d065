"""What VectorIndex promises, on every implementation over every store."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from memory.conformance.samples import ANA, BEN, DIM, ELSEWHERE, record, vectors
from memory.errors import IncompatibleAdapter, InvalidInput, MissingScope
from memory.ports import MemoryStore, VectorIndex
from memory.records import Scope


def found(index: VectorIndex, scope: Scope, vector: np.ndarray, k: int = 10) -> list[str]:
    return [memory_id for memory_id, _ in index.search(scope, vector, k)]


class IndexConformance:
    """What VectorIndex promises, on every implementation over every store."""

    def test_an_empty_index_finds_nothing(self, index: VectorIndex) -> None:
        """Nor is it an error."""
        assert index.search(ANA, vectors(1), 4) == []

    def test_the_nearest_come_first_with_their_cosines(self, index: VectorIndex, store: MemoryStore) -> None:
        """Exactly as comparing with every vector says."""
        given = vectors(20)
        records = store.add([record(f"memory {n}") for n in range(20)], given)
        query = vectors(1, seed=1)
        hits = index.search(ANA, query, 5)
        cosines = given @ query[0]
        best = np.argsort(-cosines)[:5]
        assert [memory_id for memory_id, _ in hits] == [records[n].id for n in best]
        np.testing.assert_allclose([score for _, score in hits], cosines[best], rtol=1e-4)

    def test_only_the_scope_is_searched(self, index: VectorIndex, store: MemoryStore) -> None:
        """Users, agents, sessions and tenants with the very same vector stay apart."""
        scopes = [ANA, BEN, replace(ANA, session_id="s1"), replace(ANA, agent_id="bot")]
        same = np.repeat(vectors(1), 4, axis=0)
        ana, ben, session, agent = (r.id for r in store.add([record("x", s) for s in scopes], same))
        [foreign] = store.add([record("x", ELSEWHERE)], same[:1])
        query = same[0]
        assert set(found(index, ANA, query)) == {ana, session, agent}
        assert found(index, BEN, query) == [ben]
        assert found(index, Scope(session_id="s1"), query) == [session]
        assert found(index, Scope(agent_id="bot"), query) == [agent]
        assert found(index, ELSEWHERE, query) == [foreign.id]
        assert found(index, Scope(user_id="nobody"), query) == []

    def test_k_counts_within_the_scope(self, index: VectorIndex, store: MemoryStore) -> None:
        """Nearer memories of others take no place."""
        given = vectors(51)
        store.add([record(f"{n}", BEN) for n in range(50)], given[:50])
        [mine] = store.add([record("mine")], given[50:])
        assert found(index, ANA, given[0], k=1) == [mine.id]

    def test_every_write_is_found_at_once(self, index: VectorIndex, store: MemoryStore) -> None:
        """Added, updated, deleted: the next search knows."""
        one, two = vectors(2)
        [a] = store.add([record("a")], one[None])
        assert found(index, ANA, one) == [a.id]
        [b] = store.add([record("b")], two[None])
        assert found(index, ANA, two) == [b.id, a.id]
        store.update(ANA, record("a2", id=a.id), -two)
        [(nearest, score)] = index.search(ANA, -two, 1)
        assert (nearest, round(score, 4)) == (a.id, 1.0)
        store.delete(ANA, b.id)
        index.refresh("default")
        assert found(index, ANA, two) == [a.id]
        store.delete_where(ANA)
        assert found(index, ANA, two) == []

    def test_a_scope_that_names_nobody_is_an_error(self, index: VectorIndex) -> None:
        """The tenant alone never means everybody."""
        with pytest.raises(MissingScope):
            index.search(Scope(), vectors(1), 1)

    @pytest.mark.parametrize("query", [vectors(1, dim=3), vectors(2)])
    def test_a_query_must_be_one_vector_of_the_dimension(self, index: VectorIndex, query: np.ndarray) -> None:
        """The message says what came."""
        with pytest.raises(InvalidInput, match=f"of {DIM} numbers"):
            index.search(ANA, query, 1)

    def test_rows_of_another_dimension_are_refused(self, index: VectorIndex, store: MemoryStore) -> None:
        """An embedder that changed under its name is not compared with."""
        store.add([record("a", dim=8)], vectors(1, dim=8))
        with pytest.raises(IncompatibleAdapter, match="dimensions"):
            index.search(ANA, vectors(1), 1)
