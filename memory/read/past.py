"""Vector search over retired passages, for as-of queries and for the memories that hold them.

They have no place in the index. Their embeddings are in their rows, and are compared one by one. Those of
the scopes that were asked for last are kept at hand, as long as nothing of their tenant changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from memory.ports import MemoryStore, VectorIndex, Vectors, Version
from memory.read.lru import ByteLRU
from memory.records import MemoryHit, MemoryRecord, Scope

_KEPT_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class _Kept:
    """Embeddings [N, D] of a scope's retired passages, as of a version of its tenant."""

    version: Version
    ids: list[str]
    vectors: Vectors


class PastIndex:
    """Finds passages that held at a time, and compacted memories by what they hold now."""

    def __init__(self, store: MemoryStore, index: VectorIndex) -> None:
        self._store = store
        self._index = index
        self._kept: ByteLRU[tuple[Scope, str], _Kept] = ByteLRU(_KEPT_BYTES)

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

    def holders(
        self, scope: Scope, vector: Vectors, k: int, at: datetime, embedder: str
    ) -> dict[str, tuple[float, MemoryRecord]]:
        """The memories that hold the k nearest retired passages: id -> cosine of the nearest one, and that.

        One embedding of all that a compacted memory says is near to none of it in particular.
        """
        kept = self._held(scope, at, embedder)
        if not kept.ids:
            return {}
        scores = kept.vectors @ np.atleast_2d(vector)[0]
        nearest = {kept.ids[row]: float(scores[row]) for row in np.argsort(-scores)[:k]}
        found: dict[str, tuple[float, MemoryRecord]] = {}
        passages = self._store.retired(scope, ids=nearest)
        for passage in sorted(passages, key=lambda passage: nearest[passage.id]):
            ended = passage.valid_until is not None and passage.valid_until <= at
            if passage.held_by is not None and not ended:
                found[passage.held_by] = nearest[passage.id], passage
        return found

    def forget(self, tenant_id: str) -> None:
        """Let go of what is kept of a tenant: some of it may have been erased."""
        self._kept.drop(lambda key: key[0].tenant_id == tenant_id)

    def _held(self, scope: Scope, at: datetime, embedder: str) -> _Kept:
        version = self._store.version(scope.tenant_id)
        kept = self._kept.get((scope, embedder))
        if kept is None or kept.version != version:
            kept = _Kept(version, *self._store.past(scope, at, embedder))
            self._kept.put((scope, embedder), kept, kept.vectors.nbytes + 64 * len(kept.ids))
        return kept
