"""Passages that are retired, found by their embeddings: for the past, and for the memories that hold them.

They have no place in the index. Their embeddings are in their rows, and are compared one by one: a few
milliseconds for a thousand.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from memory.ports import MemoryStore, VectorIndex, Vectors
from memory.records import MemoryHit, Scope


class Past:
    """Finds passages that held at a time, and compacted memories by what they hold now."""

    def __init__(self, store: MemoryStore, index: VectorIndex) -> None:
        self._store = store
        self._index = index

    def search(
        self, scope: Scope, vector: Vectors, k: int, as_of: datetime, embedder: str
    ) -> list[MemoryHit]:
        """The k nearest passages of the scope, nearest first; vector is [D] or [1, D]."""
        query = np.atleast_2d(vector)[0]
        ids, vectors = self._store.past(scope, as_of, embedder)
        scores = dict(zip(ids, (vectors @ query).tolist() if ids else (), strict=True))
        wanted = k
        while True:
            found = self._index.search(scope, vector, wanted)
            candidates = scores | dict(found)
            nearest = sorted(candidates, key=lambda memory_id: -candidates[memory_id])
            present = {memory_id for memory_id, _ in found}
            records = self._store.get_many(scope, nearest, as_of=as_of)
            if len([r for r in records if r.id in present]) >= k or len(found) < wanted:
                return [MemoryHit(record, candidates[record.id]) for record in records[:k]]
            wanted *= 4  # newer ones took the places; look further

    def holders(self, scope: Scope, vector: Vectors, k: int, at: datetime, embedder: str) -> dict[str, float]:
        """The memories that hold the k nearest retired passages: id -> cosine of the nearest one.

        One embedding of all that a compacted memory says is near to none of it in particular.
        """
        ids, vectors = self._store.past(scope, at, embedder)
        if not ids:
            return {}
        scores = vectors @ np.atleast_2d(vector)[0]
        nearest = {ids[row]: float(scores[row]) for row in np.argsort(-scores)[:k]}
        found: dict[str, float] = {}
        for passage in self._store.retired(scope, ids=nearest):
            if passage.held_by is not None:
                found[passage.held_by] = max(nearest[passage.id], found.get(passage.held_by, -1.0))
        return found
