"""Request model of /v1/chat/completions: the part of OpenAI's API that a small model can honour."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from memory.api.schemas import Name, Time, Whole
from memory.api.strict_json import BadBody
from memory.inputs import Whose
from memory.read.options import Mode
from memory.records import Message, Role

MOST_CHOICES = 8

# What clients send beside that, with the values that ask for nothing; others would be silently disobeyed.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "presence_penalty": (0,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "tools": ([],),
    "tool_choice": ("none", "auto"),
    "functions": ([],),
    "function_call": ("none", "auto"),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "audio": (),
    "prediction": (),
    "web_search_options": (),
}
_CHOICES = {"tools": "tool_choice", "functions": "function_call"}
# What changes nothing about the words of a reply.
_IGNORED = {"parallel_tool_calls", "service_tier", "safety_identifier", "prompt_cache_key"}
_IGNORED |= {"prompt_cache_retention", "reasoning_effort", "verbosity"}


# What a tool found out was said by whoever asked it; the calls themselves say nothing, and are left out.
_ROLES: dict[str, Role] = {
    **{"system": "system", "developer": "system", "user": "user"},
    **{"assistant": "assistant", "tool": "assistant", "function": "assistant"},
}


class PartIn(BaseModel):
    """Part of a message."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["text"])
    text: str | None = None


class ChatMessageIn(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[PartIn] | None = None

    def message(self, place: str) -> Message:
        """As the service takes it. Raises BadBody for what is not text."""
        return Message(_ROLES[self.role], self._text(place))

    def _text(self, place: str) -> str:
        if not isinstance(self.content, list):
            return self.content or ""
        for i, part in enumerate(self.content):
            if part.type != "text":
                raise BadBody(f"{place}.content[{i}].type", f"{part.type!r} is not supported; only text is")
        return "\n".join(part.text or "" for part in self.content)


class StreamOptionsIn(BaseModel):
    """About a stream."""

    model_config = ConfigDict(extra="allow")

    include_usage: bool | None = None


class ChatMetadataIn(BaseModel):
    """Names that go with a request; two of them are known here."""

    model_config = ConfigDict(extra="allow")

    session_id: Name | None = Field(default=None, description="The conversation.", examples=["monday"])
    agent_id: Name | None = Field(default=None, description="The agent.", examples=["concierge"])


class ChatIn(BaseModel):
    """A conversation whose last message, the user's, is to be answered."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "model": "reference",
                    "user": "ana",
                    "metadata": {"session_id": "monday"},
                    "messages": [{"role": "user", "content": "What is my dog called?"}],
                }
            ]
        },
    )

    model: str = Field(description="As /v1/models names it.", examples=["reference"])
    messages: list[ChatMessageIn] = Field(min_length=1)
    user: Name | None = Field(default=None, description="Whose memory answers, and keeps what is told.")
    metadata: ChatMetadataIn | None = None
    store: bool | None = Field(
        default=None, description="false: answer from memory, and remember nothing of it."
    )
    mode: Mode = Field("auto", description="An extension: how memory comes in.")
    as_of: Time | None = Field(default=None, description="An extension: what held at that time is recalled.")
    filters: dict[str, Any] | None = Field(
        default=None, description="An extension: items that the metadata of what is recalled has to have."
    )
    session_turns: bool | None = Field(
        default=None,
        description="An extension: true puts the session's newest turns before the one message that is sent.",
    )
    stream: bool | None = False
    stream_options: StreamOptionsIn | None = None
    n: Annotated[Whole, Field(ge=1, le=MOST_CHOICES)] | None = 1
    max_tokens: Annotated[Whole, Field(ge=1)] | None = Field(
        default=None, description="Most tokens in a reply."
    )
    max_completion_tokens: Annotated[Whole, Field(ge=1)] | None = Field(default=None, description="The same.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(
        default=None, description="0, the default here, is greedy."
    )
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Sample among the likeliest tokens that together have this chance."
    )
    seed: Whole | None = None
    stop: Annotated[str, Field(min_length=1)] | list[Annotated[str, Field(min_length=1)]] | None = None

    @property
    def longest(self) -> int | None:
        """Most tokens in a reply, where it is said."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    def whose(self, tenant_id: str) -> Whose | None:
        """Whose memory; None where nobody is named."""
        named = self.metadata or ChatMetadataIn()
        if (self.user, named.session_id, named.agent_id) == (None, None, None):
            return None
        return Whose(
            tenant_id=tenant_id, user_id=self.user, agent_id=named.agent_id, session_id=named.session_id
        )

    def said(self) -> list[Message]:
        """The conversation, blank messages left out. Raises BadBody for what cannot be followed."""
        self._check()
        said = [one.message(f"messages[{i}]") for i, one in enumerate(self.messages)]
        if said[-1].role != "user" or not said[-1].text.strip():
            raise BadBody(
                f"messages[{len(said) - 1}]", "the last message must be the user's, and say something"
            )
        return [message for message in said if message.text.strip()]

    def _check(self) -> None:
        given = self.model_extra or {}
        for name, value in given.items():
            if value is None or name in _IGNORED or value in _NEUTRAL.get(name, ()):
                continue
            if given.get(_CHOICES.get(name, "")) == "none":
                continue  # tools that are not to be called
            known = "not supported" if name in _NEUTRAL else "unknown"
            raise BadBody(name, f"this parameter is {known}; leave it out")
        if len(self.stops) > 4:
            raise BadBody("stop", "at most 4 strings")
        if self.session_turns and (len(self.messages) > 1 or self.store is False):
            raise BadBody("session_turns", "goes with one message, of a chat that is remembered")
