"""The port of vector search."""

from __future__ import annotations

from typing import Protocol

from memory.ports.changes import Vectors
from memory.records import Scope


class VectorIndex(Protocol):
    """Finds candidates by embedding. A cache over MemoryStore: every search first catches up with it."""

    def search(self, scope: Scope, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """Up to k (memory_id, cosine) in the scope, nearest first; `vector` is [1, D] or [D].

        Raises MissingScope, and InvalidInput for a vector of another dimension.
        """
        ...

    def refresh(self, tenant_id: str) -> None:
        """Catch up now, files included: after an erasure, nothing of what went is left in the index."""
        ...
