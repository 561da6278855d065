"""Skills: tasks described in words, with adapters that do them. They say how to answer, and recall nothing.

A pinned skill joins every turn within its own scope; of the others the one nearest the turn does, where it
is near enough. Their adapters are merged beside those of the turn's memories and take none of their room.
"""

from __future__ import annotations

import numpy as np

from memory.ports import MemoryStore, Vectors
from memory.records import SKILLS, MemoryHit, MemoryRecord, Scope
from memory.settings import Settings
from memory.text.passages import Passage
from memory.write.passage_writer import Origin, PassageWriter


class Skills:
    """Makes skills, and finds those of a turn."""

    def __init__(self, store: MemoryStore, internalize: PassageWriter, settings: Settings) -> None:
        self._store = store
        self._internalize = internalize
        self._settings = settings

    def add(self, description: str, scope: Scope, *, pinned: bool) -> MemoryRecord:
        """The skill of that description in exactly this scope, made if it is new. Raises ModelUnavailable."""
        origin = Origin(scope, "skill", SKILLS, metadata={"pinned": pinned})
        [record] = self._internalize([Passage(description)], origin)
        if record.metadata.get("pinned") == pinned:
            return record
        return self._store.annotate(scope, record.id, metadata={**record.metadata, "pinned": pinned})

    def for_turn(self, scope: Scope, turn: str, vector: Vectors | None) -> tuple[MemoryHit, ...]:
        """The skills that join a turn of this scope; `vector` is the turn's embedding, where it is known."""
        records, embeddings = self._store.skills_for(scope)
        pinned = tuple(MemoryHit(record, 1.0) for record in records if record.metadata.get("pinned"))
        if len(pinned) == len(records) or not turn.strip():
            return pinned
        asked = self._internalize.embed([turn]) if vector is None else vector
        scores = embeddings @ np.asarray(asked, np.float32).reshape(-1)
        scored = (MemoryHit(r, float(score)) for r, score in zip(records, scores, strict=True))
        loose = [hit for hit in scored if not hit.record.metadata.get("pinned")]
        nearest = max(loose, key=lambda hit: hit.score)
        return (*pinned, nearest) if nearest.score >= self._settings.skill_threshold else pinned
