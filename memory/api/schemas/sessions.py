"""Bodies of conversations and their turns."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Self

from pydantic import BaseModel, Field

from memory.api.schemas.parts import MEMORY_ID, Many, MessageIn, Name, example, example_of
from memory.records import Role, Turn


class SessionOut(BaseModel):
    """A conversation, and how much is in it."""

    model_config = example(
        session_id="monday",
        tenant_id="acme",
        user_id="ana",
        agent_id=None,
        turns=12,
        last_at="2026-05-04T12:00:00Z",
    )

    session_id: str
    tenant_id: str
    user_id: str | None
    agent_id: str | None
    turns: int
    last_at: datetime


class SessionsOut(BaseModel):
    """One page of conversations, by name."""

    model_config = example(sessions=[example_of(SessionOut)], cursor=None)

    sessions: list[SessionOut]
    cursor: str | None = Field(description="Goes into the next call; null says that this was the last page.")


class TurnOut(BaseModel):
    """One message of a session."""

    model_config = example(
        id=MEMORY_ID,
        tenant_id="acme",
        user_id="ana",
        agent_id=None,
        session_id="monday",
        ordinal=0,
        role="user",
        content="My dog is called Biscuit.",
        created_at="2026-05-04T12:00:00Z",
        internalized=True,
    )

    id: str
    tenant_id: str
    user_id: str | None
    agent_id: str | None
    session_id: str | None
    ordinal: int
    role: Role
    content: str
    created_at: datetime
    internalized: bool = Field(description="Whether an adapter holds it.")

    @classmethod
    def of(cls, turn: Turn) -> Self:
        return cls(
            **asdict(turn.scope),
            id=turn.id,
            ordinal=turn.ordinal,
            role=turn.role,
            content=turn.text,
            created_at=turn.created_at,
            internalized=turn.internalized,
        )


class TurnsOut(BaseModel):
    """Turns of a session, oldest first."""

    model_config = example(turns=[example_of(TurnOut)])

    turns: list[TurnOut]


class AppendIn(BaseModel):
    """Messages that a session goes on with."""

    model_config = example(user_id="ana", messages=[{"role": "user", "content": "My dog is called Biscuit."}])

    user_id: Name | None = None
    agent_id: Name | None = Field(default=None, examples=["concierge"])
    messages: Many[MessageIn] = Field(min_length=1)
