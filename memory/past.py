"""Asking the past: what held at an earlier time, passage by passage, whatever was made of it since.

What is retired has no place in the index, which answers for the present. Its embeddings are in its rows, and
are compared one by one: that costs more than the index, and the past is asked rarely.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from memory.ports import MemoryStore, VectorIndex, Vectors
from memory.records import MemoryHit, Scope


class Past:
    """Finds passages that held at a time."""

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
