"""Selects the skills for a turn.

One skill joins a turn, since two ways of answering in one merge spoil what it says: of those that are not
pinned the nearest to the turn, where it is near enough, else the pinned one that was set last. Its adapter is
merged beside those of the turn's memories and takes none of their room.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np

from memory.ports import MemoryStore, Vectors
from memory.records import MemoryHit, MemoryRecord, Scope
from memory.settings import Settings


class TurnSkills:
    """Finds the skills of a turn."""

    def __init__(self, store: MemoryStore, embed: Callable[[str], Vectors], settings: Settings) -> None:
        self._store = store
        self._embed = embed
        self._settings = settings

    def __call__(self, scope: Scope, turn: str, vector: Vectors | None) -> tuple[MemoryHit, ...]:
        """The skill that joins a turn of this scope; `vector` is the turn's embedding, where it is known."""
        records, embeddings = self._store.skills_for(scope)
        pinned = [record for record in records if record.metadata.get("pinned")]
        if len(pinned) < len(records) and turn.strip():
            asked = self._embed(turn) if vector is None else vector
            scores = embeddings @ np.asarray(asked, np.float32).reshape(-1)
            scored = (MemoryHit(r, float(score)) for r, score in zip(records, scores, strict=True))
            loose = (hit for hit in scored if not hit.record.metadata.get("pinned"))
            nearest = max(loose, key=lambda hit: hit.score)
            if nearest.score >= self._settings.skill_threshold:
                return (nearest,)
        return tuple(MemoryHit(record, 1.0) for record in sorted(pinned, key=_set_at)[-1:])


def _set_at(record: MemoryRecord) -> datetime:
    return record.updated_at or record.created_at
