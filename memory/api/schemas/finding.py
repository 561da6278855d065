"""Bodies of /v1/search and /v1/select."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, Field

from memory.api.schemas.memories import MemoryOut
from memory.api.schemas.parts import FILTERS, MEMORY_ID, ScopeIn, Text, Time, Whole, example, example_of
from memory.records import MAX_PAGE, AdapterChoice, MemoryHit


class SearchIn(ScopeIn):
    """What to look for."""

    model_config = example(user_id="ana", query="What is my dog called?", k=4)

    query: Text
    as_of: Time | None = Field(default=None, description="What held at that time, instead of now.")
    k: Whole = Field(4, ge=1, le=MAX_PAGE, description="Most memories to find.")
    filters: dict[str, Any] | None = Field(default=None, description=FILTERS)


class HitOut(BaseModel):
    """A memory that was found, and its cosine with the query."""

    model_config = example(score=0.71, memory=example_of(MemoryOut), passage=None)

    score: float
    memory: MemoryOut
    passage: MemoryOut | None = Field(description="Of a compacted memory: what of it was found.")

    @classmethod
    def of(cls, hit: MemoryHit) -> Self:
        passage = None if hit.passage is None else MemoryOut.of(hit.passage)
        return cls(score=hit.score, memory=MemoryOut.of(hit.record), passage=passage)


class HitsOut(BaseModel):
    """What was found, nearest first."""

    model_config = example(hits=[example_of(HitOut)])

    hits: list[HitOut]


class SelectIn(ScopeIn):
    """What a turn would say."""

    model_config = example(user_id="ana", query="What is my dog called?")

    query: Text
    as_of: Time | None = Field(default=None, description="What held at that time, instead of now.")
    filters: dict[str, Any] | None = Field(default=None, description=FILTERS)


class ChoiceOut(BaseModel):
    """An adapter that the turn would merge."""

    memory_id: str
    score: float
    weight: float = Field(description="In the merge.")
    text: str

    @classmethod
    def of(cls, choice: AdapterChoice) -> Self:
        return cls(memory_id=choice.memory_id, score=choice.score, weight=choice.weight, text=choice.text)


class ChoicesOut(BaseModel):
    """The adapters a turn would merge, best first; none where nothing matters for it."""

    model_config = example(
        adapters=[{"memory_id": MEMORY_ID, "score": 0.71, "weight": 1.0, "text": "My dog is called Biscuit."}]
    )

    adapters: list[ChoiceOut]
