"""Selects the skills for a turn.

A pinned skill joins every turn within its own scope; of the others the one nearest the turn does, where it
is near enough. Their adapters are merged beside those of the turn's memories and take none of their room.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from memory.ports import MemoryStore, Vectors
from memory.records import MemoryHit, Scope
from memory.settings import Settings


class TurnSkills:
    """Finds the skills of a turn."""

    def __init__(self, store: MemoryStore, embed: Callable[[str], Vectors], settings: Settings) -> None:
        self._store = store
        self._embed = embed
        self._settings = settings

    def __call__(self, scope: Scope, turn: str, vector: Vectors | None) -> tuple[MemoryHit, ...]:
        """The skills that join a turn of this scope; `vector` is the turn's embedding, where it is known."""
        records, embeddings = self._store.skills_for(scope)
        pinned = tuple(MemoryHit(record, 1.0) for record in records if record.metadata.get("pinned"))
        if len(pinned) == len(records) or not turn.strip():
            return pinned
        asked = self._embed(turn) if vector is None else vector
        scores = embeddings @ np.asarray(asked, np.float32).reshape(-1)
        scored = (MemoryHit(r, float(score)) for r, score in zip(records, scores, strict=True))
        loose = [hit for hit in scored if not hit.record.metadata.get("pinned")]
        nearest = max(loose, key=lambda hit: hit.score)
        return (*pinned, nearest) if nearest.score >= self._settings.skill_threshold else pinned
