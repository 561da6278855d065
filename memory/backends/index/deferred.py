"""An index that is made when it is first needed: who searches imports NumPy and the shards, not who lists."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from memory.ports import VectorIndex, Vectors
from memory.records import Scope


class DeferredIndex:
    """Fills the port `VectorIndex` as what it makes does. Safe to share between threads."""

    def __init__(self, make: Callable[[], VectorIndex]) -> None:
        self._make = make
        self._making = Lock()
        self._made: VectorIndex | None = None

    def search(self, scope: Scope, vector: Vectors, k: int) -> list[tuple[str, float]]:
        return self._index().search(scope, vector, k)

    def refresh(self, tenant_id: str) -> None:
        self._index().refresh(tenant_id)

    def _index(self) -> VectorIndex:
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made
