"""Request and response models of /v1/recall."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from memory.api.schemas.parts import FILTERS, MEMORY_ID, Many, MessageIn, ScopeIn, Text, Time, example
from memory.read.recalled import Recall, Recalled
from memory.records.inputs import MAX_RECALLED


class RecallIn(ScopeIn):
    """What another model is about to be asked."""

    model_config = example(user_id="ana", query="Suggest a birthday dinner for me.", k=20)

    query: Text
    k: int = Field(20, ge=1, le=MAX_RECALLED, description="Most texts to recall.")
    max_tokens: int | None = Field(
        default=None, ge=1, description="Of all texts together; by default MEMORY_RECALL_TOKENS."
    )
    before: Many[MessageIn] | None = Field(
        default=None, description="Messages that the model sees anyway: what they show is left out."
    )
    as_of: Time | None = Field(default=None, description="What held at that time, instead of now.")
    filters: dict[str, Any] | None = Field(default=None, description=FILTERS)


class RecalledOut(BaseModel):
    """One text, with when it was told and who said it."""

    memory_id: str
    text: str
    said_at: datetime
    score: float = Field(description="Relevance: cosine and shared words.")
    speaker: str | None
    document_id: str | None
    session_id: str | None
    shown: str = Field(description="The text as the prompt has it.")

    @classmethod
    def of(cls, one: Recalled) -> Self:
        return cls(**asdict(one))


class RecallOut(BaseModel):
    """What was recalled: what holds first, the most relevant first."""

    model_config = example(
        prompt="What is known from earlier conversations, the most relevant first:\n"
        "- 2026-05-04 User: I am allergic to peanuts.",
        tokens=24,
        texts=[
            {
                "memory_id": MEMORY_ID,
                "text": "User: I am allergic to peanuts.",
                "said_at": "2026-05-04T12:00:00Z",
                "score": 0.42,
                "speaker": "user",
                "document_id": None,
                "session_id": "monday",
                "shown": "User: I am allergic to peanuts.",
            }
        ],
    )

    prompt: str = Field(description="The texts as they go into a prompt.")
    tokens: int = Field(description="Of the prompt.")
    texts: list[RecalledOut]

    @classmethod
    def of(cls, recalled: Recall) -> Self:
        texts = [RecalledOut.of(one) for one in recalled]
        return cls(prompt=recalled.prompt, tokens=recalled.tokens, texts=texts)
