"""The port of the embedding model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from memory.ports.changes import Vectors


class Embedder(Protocol):
    """Text -> task embedding."""

    @property
    def name(self) -> str:
        """Recorded in every row; vectors of different names are never compared."""
        ...

    @property
    def dim(self) -> int:
        """D."""
        ...

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[N] texts -> float32 [N, D], each row of length 1. Raises ModelUnavailable."""
        ...
