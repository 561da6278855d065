"""Why a turn merges what it merges: what became of each candidate, noted while the choice is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from memory.records import AdapterChoice, MemoryHit

Outcome = Literal["merged", "too far", "no answer", "beyond margin", "gave way", "said twice", "no room"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One memory that was looked at for a turn."""

    hit: MemoryHit
    share: float  # of the turn's words, the rarer the more, in [0, 1]
    relevance: float  # cosine and weighted share
    outcome: Outcome
    gave_way_to: str | None = None  # id of the memory that stands in its place
    weight: float | None = None  # in the merge


@dataclass(frozen=True, slots=True)
class Explanation:
    """A choice, and the candidates it was made from, the most relevant first."""

    candidates: tuple[Candidate, ...] = ()
    choices: tuple[AdapterChoice, ...] = ()
    threshold: float = 0.0  # least cosine
    margin: float = 0.0  # most that a relevance may be below the best one


@dataclass(slots=True)
class Fates:
    """Filled by `selection.choose` step by step: why each candidate left."""

    left: dict[str, Outcome] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)  # id -> id of what stands in its place

    def leave(self, before: Iterable[MemoryHit], after: Iterable[MemoryHit], why: Outcome) -> None:
        """Note those of `before` that are not in `after`; the first reason stays."""
        stayed = {hit.record.id for hit in after}
        for hit in before:
            if hit.record.id not in stayed:
                self.left.setdefault(hit.record.id, why)

    def give_way(self, older: str, newer: str) -> None:
        """Note that one memory stands in the place of another."""
        self.left[older], self.places[older] = "gave way", newer
        self.left.pop(newer, None)

    def explain(
        self,
        hits: Iterable[MemoryHit],
        shares: Mapping[str, float],
        word_weight: float,
        choices: tuple[AdapterChoice, ...],
    ) -> tuple[Candidate, ...]:
        """All candidates with what became of them."""
        weights = {choice.memory_id: choice.weight for choice in choices}
        found = []
        for hit in hits:
            key = hit.record.id
            share = shares.get(key, 0.0)
            merged = key in weights
            found.append(
                Candidate(
                    hit,
                    share,
                    hit.score + word_weight * share,
                    "merged" if merged else self.left.get(key, "no room"),
                    None if merged else self.places.get(key),
                    weights.get(key),
                )
            )
        return tuple(sorted(found, key=lambda one: one.relevance, reverse=True))
