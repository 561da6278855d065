"""Request model of /v1/responses: the part of OpenAI's Responses API that a small model can honour."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from memory.api.picture_parts import PICTURES, TAKEN, shown_in
from memory.api.schemas import Whole
from memory.api.strict_json import BadBody
from memory.api.turn_in import ROLES, TurnIn, checked, refuse_unknown, text_of
from memory.records import Message

_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "background": (False,),
    "context_management": ([],),
    "include": ([], ["reasoning.encrypted_content"]),  # there is no reasoning to include
    "moderation": (),
    "prompt": (),
    "text": ({}, {"format": {"type": "text"}}),
    "tool_choice": ("none", "auto"),
    "tools": ([],),
    "top_logprobs": (0,),
}
# What changes nothing about the words of a reply.
_IGNORED = {"max_tool_calls", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_options"}
_IGNORED |= {"prompt_cache_retention", "reasoning", "service_tier", "stream_options", "truncation"}
_KEPT = ("previous_response_id", "conversation")  # they name what OpenAI keeps
_TEXTS = ("input_text", "output_text", "text", "refusal")
_SAYS_NOTHING = ("function_call", "reasoning")


class ItemIn(BaseModel):
    """A message, or what became of a tool."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(default="message", examples=["message"])
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | list[dict[str, Any]] | None = None
    output: str | list[dict[str, Any]] | None = None

    def message(self, place: str) -> Message | None:
        """What it says; None for what says nothing. Raises BadBody for what is not text."""
        if self.type in _SAYS_NOTHING:
            return None
        if self.type == "function_call_output":
            return Message("assistant", _text(self.output, f"{place}.output"))
        if self.type != "message":
            raise BadBody(f"{place}.type", f"{self.type!r} is not supported")
        if self.role is None:
            raise BadBody(f"{place}.role", "a message has a role")
        pictures = PICTURES[1:] if self.role == "user" else ()
        return Message(ROLES[self.role], _text(self.content, f"{place}.content", pictures))


class ResponsesIn(TurnIn):
    """A conversation whose last message, the user's, is to be answered."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"model": "reference", "user": "ana", "input": "What is my dog called?"}]
        },
    )

    input: Annotated[str, Field(min_length=1)] | Annotated[list[ItemIn], Field(min_length=1)]
    instructions: str | None = Field(default=None, description="Go before the conversation.")
    max_output_tokens: Annotated[Whole, Field(ge=1)] | None = Field(
        default=None, description="Most tokens in a reply."
    )

    @property
    def longest(self) -> int | None:
        return self.max_output_tokens

    def picture(self) -> bytes | None:
        last = "" if isinstance(self.input, str) else self.input[-1].content
        return shown_in(last, f"input[{len(self.input) - 1}].content") if isinstance(last, list) else None

    def said(self) -> list[Message]:
        refuse_kept(self.model_extra or {})
        refuse_unknown(self.model_extra or {}, _NEUTRAL, _IGNORED, {"tools": "tool_choice"})
        first = [Message("system", self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            return checked([*first, Message("user", self.input)], "input", self)
        return checked([*first, *self._items(self.input)], f"input[{len(self.input) - 1}]", self)

    def _items(self, items: list[ItemIn]) -> Iterator[Message]:
        for i, item in enumerate(items):
            if (message := item.message(f"input[{i}]")) is not None:
                yield message


def refuse_kept(given: Mapping[str, Any]) -> None:
    """Refuse names of responses and conversations that a server would have to keep. Raises BadBody."""
    for name in _KEPT:
        if given.get(name) is not None:
            raise BadBody(name, "no responses are kept here; send the whole conversation as `input`")


def _text(content: str | list[dict[str, Any]] | None, place: str, pictures: Collection[str] = ()) -> str:
    if not isinstance(content, list):
        return content or ""
    for i, part in enumerate(content):
        if part.get("type") not in (*_TEXTS, *pictures):
            raise BadBody(f"{place}[{i}].type", f"{part.get('type')!r} is not supported; {TAKEN}")
    texts = [(i, part) for i, part in enumerate(content) if part["type"] in _TEXTS]
    return "\n".join(text_of(part, f"{place}[{i}]", _name(part)) for i, part in texts)


def _name(part: Mapping[str, Any]) -> str:
    return "refusal" if part["type"] == "refusal" else "text"
