"""The port of the model that reads each found text together with the question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Reranker(Protocol):
    """A question and texts -> how well each text answers it."""

    def relevance(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """[N] texts -> [N] numbers, higher for the better answer. Raises ModelUnavailable."""
        ...
