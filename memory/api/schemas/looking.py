"""Response models of /v1/explain and /v1/holdings."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from memory.api.schemas.finding import ChoiceOut, ChoicesOut, HitOut
from memory.api.schemas.parts import example, example_of
from memory.read.explanation import Candidate, Explanation, Outcome
from memory.records import Holding, HoldingPage


class CandidateOut(BaseModel):
    """A memory that was looked at for a turn, and what became of it."""

    model_config = example(
        hit=example_of(HitOut), share=0.5, relevance=0.96, outcome="merged", gave_way_to=None, weight=1.0
    )

    hit: HitOut
    share: float = Field(description="Of the turn's words that it has, the rarer the more.")
    relevance: float = Field(description="Cosine and weighted share.")
    outcome: Outcome
    gave_way_to: str | None = Field(description="Id of the memory that stands in its place.")
    weight: float | None = Field(description="In the merge.")

    @classmethod
    def of(cls, one: Candidate) -> Self:
        return cls(
            hit=HitOut.of(one.hit),
            share=one.share,
            relevance=one.relevance,
            outcome=one.outcome,
            gave_way_to=one.gave_way_to,
            weight=one.weight,
        )


class ExplanationOut(BaseModel):
    """What a turn would merge, and the candidates that it was chosen from, the most relevant first."""

    model_config = example(
        candidates=[example_of(CandidateOut)], **example_of(ChoicesOut), threshold=0.25, margin=0.2
    )

    candidates: list[CandidateOut]
    adapters: list[ChoiceOut] = Field(description="As /v1/select gives them.")
    threshold: float = Field(description="Least cosine of a candidate.")
    margin: float = Field(description="Most that a relevance may be below the best one.")

    @classmethod
    def of(cls, why: Explanation) -> Self:
        return cls(
            candidates=[CandidateOut.of(one) for one in why.candidates],
            adapters=[ChoiceOut.of(one) for one in why.choices],
            threshold=why.threshold,
            margin=why.margin,
        )


class HoldingOut(BaseModel):
    """How many memories that hold now a user and agent have, or a document of theirs; skills apart."""

    model_config = example(
        tenant_id="acme",
        user_id="ana",
        agent_id=None,
        session_id=None,
        document_id="handbook",
        memories=12,
        characters=4711,
        last_at="2026-05-04T12:00:00Z",
    )

    tenant_id: str
    user_id: str | None
    agent_id: str | None
    session_id: str | None
    document_id: str | None = Field(description="null: of all that they told.")
    memories: int
    characters: int
    last_at: datetime = Field(description="When the newest was told.")

    @classmethod
    def of(cls, one: Holding) -> Self:
        return cls(
            tenant_id=one.scope.tenant_id,
            user_id=one.scope.user_id,
            agent_id=one.scope.agent_id,
            session_id=one.scope.session_id,
            document_id=one.document_id,
            memories=one.memories,
            characters=one.characters,
            last_at=one.last_at,
        )


class HoldingsOut(BaseModel):
    """One page of what users and agents have, by name."""

    model_config = example(holdings=[example_of(HoldingOut)], cursor=None)

    holdings: list[HoldingOut]
    cursor: str | None = Field(description="Goes into the next call; null says that this was the last page.")

    @classmethod
    def of(cls, page: HoldingPage) -> Self:
        return cls(holdings=[HoldingOut.of(one) for one in page.holdings], cursor=page.cursor)
