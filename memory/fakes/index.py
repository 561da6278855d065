"""A brute-force VectorIndex."""

from __future__ import annotations

import numpy as np

from memory.errors import IncompatibleAdapter, InvalidInput
from memory.ports import MemoryStore, Vectors
from memory.records import Scope


class BruteForceIndex:
    """Keeps nothing, and so is never stale."""

    def __init__(self, store: MemoryStore, *, embedder: str, dim: int) -> None:
        self._store = store
        self._embedder = embedder
        self._dim = dim

    def search(self, scope: Scope, vector: Vectors, k: int) -> list[tuple[str, float]]:
        scope.required()
        query = np.atleast_2d(vector)
        if query.shape != (1, self._dim):
            raise InvalidInput(f"a query is one vector of {self._dim} numbers, got shape {query.shape}")
        everything = self._store.changes(scope.tenant_id, self._embedder)
        if not everything.ids:
            return []
        if everything.vectors.shape[1] != self._dim:
            raise IncompatibleAdapter(f"rows have {everything.vectors.shape[1]} dimensions, not {self._dim}")
        scores = everything.vectors @ query[0]
        nearest = [int(row) for row in np.argsort(-scores, kind="stable")]
        inside = [row for row in nearest if scope.covers(everything.scopes[row])]
        return [(everything.ids[row], float(scores[row])) for row in inside[:k]]

    def refresh(self, tenant_id: str) -> None:
        """Nothing is kept, so nothing has to go."""
