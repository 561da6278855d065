"""Types of fields, and what several bodies have: whose memory, and what is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from memory.records import MAX_NAME, Scope
from memory.records.inputs import Content, Whose, content_in, scope_in

FILTERS = 'What the metadata has to have, as {"topic": "work", "page": {"$gt": 3}}.'
MEMORY_ID = "18b2f0c3a1d4e5f60718293a4b5c6d7e"


def _no_truth(given: object) -> object:
    """Python counts true as 1."""
    if isinstance(given, bool):
        raise ValueError("give a number")
    return given


def _utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("the time is out of range") from error


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, examples=["ana"])]
Time = Annotated[AwareDatetime, AfterValidator(_utc), Field(examples=["2030-01-01T00:00:00Z"])]
Whole = Annotated[int, BeforeValidator(_no_truth)]
Text = Annotated[str, Field(min_length=1, examples=["My dog is called Biscuit."])]


T = TypeVar("T")
Many = Annotated[list[T], Field(fail_fast=True)]
"""A list that a body may have, of which the first wrong item alone is an error: there may be 100,000."""


def example(**values: Any) -> ConfigDict:
    """The configuration of a model: no unknown fields, and what it looks like."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


def example_of(model: type[BaseModel]) -> Any:
    """What a model looks like."""
    extra: Any = model.model_config["json_schema_extra"]
    return extra["examples"][0]


class ScopeIn(BaseModel):
    """Whose memory. The tenant is that of the key."""

    model_config = ConfigDict(extra="forbid")

    user_id: Name | None = Field(default=None, description="The person.")
    agent_id: Name | None = Field(default=None, description="The agent.", examples=["concierge"])
    session_id: Name | None = Field(default=None, description="The conversation.", examples=["monday"])

    def whose(self, tenant_id: str) -> Whose:
        """As the service takes it."""
        return Whose(
            tenant_id=tenant_id, user_id=self.user_id, agent_id=self.agent_id, session_id=self.session_id
        )

    def scope(self, tenant_id: str) -> Scope:
        """As the stores take it."""
        return scope_in(self.whose(tenant_id), tenant_id)


class MessageIn(BaseModel):
    """One line of a conversation."""

    model_config = ConfigDict(  # clients send their messages as they have them, calls and names among them
        extra="ignore",
        json_schema_extra={"examples": [{"role": "user", "content": "My dog is called Biscuit."}]},
    )

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Many[dict[str, Any]] | None = Field(
        description='A text, or parts like {"type": "text", "text": "..."}, of which only texts are read; '
        "null beside calls of tools."
    )
    recalled: bool = Field(default=False, description="Said from memory: never remembered again.")

    @model_validator(mode="before")
    @classmethod
    def _calls_alone(cls, given: Any) -> Any:
        calls = isinstance(given, Mapping) and (given.get("tool_calls") or given.get("function_call"))
        return {"content": None, **given} if calls else given

    @property
    def size(self) -> int:
        """Of its text, in bytes of UTF-8. Raises InvalidInput."""
        return len(content_in(self.content).encode())


class ContentIn(BaseModel):
    """A text, or messages of a conversation."""

    text: Text | None = None
    messages: Many[MessageIn] | None = None

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        if not self._has_one_content():
            raise ValueError("give either text or messages")
        return self

    def _has_one_content(self) -> bool:
        return (self.text is None) != (self.messages is None)

    @property
    def content(self) -> Content:
        """As the service takes it."""
        if self.text is not None:
            return self.text
        return [message.model_dump() for message in self.messages or []]
