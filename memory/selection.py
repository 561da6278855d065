"""Which memories matter for a turn.

    candidates of the index -> rows in the scope, not expired -> score threshold and margin
    -> newness breaks near ties -> duplicates out -> the best that the merge budget holds, and no more than
    the hypernetwork was trained to combine: beyond that a merge answers worse, and then not at all

Nothing above the threshold selects nothing: then the base model answers by itself. Few adapters answer
better than many, so a memory far below the best one is left out even where the budget has room.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from memory.conversation import unlabelled
from memory.ports import Internalizer, MemoryStore, VectorIndex, Vectors
from memory.records import AdapterChoice, MemoryHit, Scope
from memory.records import now as utc_now

if TYPE_CHECKING:
    from memory.settings import Settings

NEWNESS_HALF_LIFE_DAYS = 30.0
_CANDIDATES_PER_PLACE = 4  # looked at for each place in the budget, for duplicates and overflow


@dataclass(frozen=True, slots=True)
class Selection:
    """The memories to merge, best first, and those that mattered as much but found no room."""

    chosen: tuple[MemoryHit, ...] = ()
    overflow: tuple[MemoryHit, ...] = ()
    weight_power: float = 0.0

    @property
    def choices(self) -> tuple[AdapterChoice, ...]:
        """The chosen ones as they enter the merge, each with (score / best score) ** ``weight_power``."""
        best = max((hit.score for hit in self.chosen), default=0.0)
        return tuple(
            AdapterChoice(hit.record.id, hit.score, self._weight(hit.score, best), hit.record.text)
            for hit in self.chosen
        )

    def _weight(self, score: float, best: float) -> float:
        return max(0.0, score / best) ** self.weight_power if best > 0 else 1.0


class Selector:
    """Finds memories by the embedding of a turn."""

    def __init__(
        self,
        store: MemoryStore,
        index: VectorIndex,
        settings: Settings,
        internalizer: Internalizer,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._index = index
        self._settings = settings
        self._internalizer = internalizer
        self._clock = clock

    def search(self, scope: Scope, vector: Vectors, k: int) -> list[MemoryHit]:
        """The k nearest memories of the scope, skills apart, nearest first; vector is [D] or [1, D]."""
        wanted = k
        while True:
            found = self._index.search(scope, vector, wanted)
            scores = dict(found)
            records = [r for r in self._store.get_many(scope, list(scores)) if r.kind != "skill"]
            if len(records) >= k or len(found) < wanted:
                return [MemoryHit(record, scores[record.id]) for record in records[:k]]
            wanted *= 4  # expired ones, or skills, took the places; look further

    def select(self, scope: Scope, vector: Vectors) -> Selection:
        """The memories to merge for a turn with this embedding."""
        k = _CANDIDATES_PER_PLACE * self._settings.merge_budget
        hits = self.search(scope, vector, k)
        if not hits:
            return Selection()
        budget = min(self._settings.merge_budget, self._internalizer.most_merged)
        return choose(hits, self._settings, self._clock(), budget)


def choose(
    hits: Sequence[MemoryHit], settings: Settings, at: datetime, budget: int | None = None
) -> Selection:
    """Pick from candidates, nearest first; at most `budget`, which is by default that of the settings."""
    if not hits:
        return Selection()
    least = max(settings.score_threshold, hits[0].score - settings.score_margin)
    near = [hit for hit in hits if hit.score >= least]
    ranked = sorted(near, key=lambda hit: _rank(hit, settings.recency_weight, at), reverse=True)
    distinct = tuple(_distinct(ranked))
    budget = settings.merge_budget if budget is None else budget
    return Selection(distinct[:budget], distinct[budget:], settings.weight_power)


def _rank(hit: MemoryHit, weight: float, at: datetime) -> tuple[float, datetime]:
    """cosine + weight * 2 ** (-age / 30 days); of equals the newer goes first."""
    made = hit.record.created_at
    days = max(0.0, (at - made).total_seconds() / 86_400)
    return hit.score + weight * 2.0 ** (-days / NEWNESS_HALF_LIFE_DAYS), made


def _distinct(hits: Sequence[MemoryHit]) -> Iterator[MemoryHit]:
    """Without those that say the same in the same words.

    Words are compared and not embeddings, where "My PIN is 4821." and "My PIN is 4822." are 0.95 alike.
    """
    seen = set()
    for hit in hits:
        words = tuple(re.findall(r"\w+", unlabelled(hit.record.text).casefold()))
        if words not in seen or not words:
            seen.add(words)
            yield hit
