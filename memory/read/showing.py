"""A picture that is asked about and not remembered: a memory that only this turn knows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from memory.ports import Internalizer, Vectors
from memory.read.selection import Selection
from memory.records import RETIRED, MemoryHit, MemoryRecord, Scope

if TYPE_CHECKING:
    from PIL.Image import Image

    from hypernet.lora.adapter import LoRA

_WORDLESS = "A picture."


@dataclass(frozen=True, slots=True)
class Shown:
    """The picture as a hit among the turn's memories, and its adapter."""

    hit: MemoryHit
    lora: LoRA

    @classmethod
    def of(cls, internalizer: Internalizer, image: Image, scope: Scope) -> Shown:
        """Raises SeesNothing, InvalidInput for one that is not recognized, ModelUnavailable."""
        looked = internalizer.look(image)
        record = MemoryRecord(scope, looked.words or _WORDLESS, "", 0, RETIRED, "image", pinned=True)
        return cls(MemoryHit(record, 1.0), looked.lora)

    @property
    def id(self) -> str:
        """That of no stored memory."""
        return self.hit.record.id

    @property
    def words(self) -> str:
        """What the model says of it."""
        return self.hit.record.text

    def near(self, turn: Vectors, words: Vectors, least: float) -> Shown:
        """As near to the turn as its words are, by embeddings [1, D]; `least` at least: it was shown."""
        return replace(self, hit=replace(self.hit, score=max(least, float(words[0] @ turn[0]))))

    def in_front(self, selection: Selection) -> Selection:
        """The selection with the picture in it, whatever the turn's words made of that."""
        chosen, overflow, rest = (
            tuple(hit for hit in hits if hit.record.id != self.id)
            for hits in (selection.chosen, selection.overflow, selection.rest)
        )
        return replace(selection, chosen=(self.hit, *chosen), overflow=overflow, rest=rest)
