"""Request model of /v1/responses: the part of OpenAI's Responses API that a small model can honour."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from memory.api.picture_parts import PICTURES, TAKEN, shown_in
from memory.api.schemas.parts import Many, Whole
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
_OUTPUTS = ("function_call_output", "custom_tool_call_output")
_CALLS = re.compile(r"\w+_call|reasoning|mcp_list_tools")  # say nothing


class ItemIn(BaseModel):
    """A message, or what became of a tool."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(default="message", examples=["message"])
    role: Literal["system", "developer", "user", "assistant"] | None = None
    content: str | Many[dict[str, Any]] | None = None
    output: str | Many[dict[str, Any]] | None = None

    @property
    def of_tools(self) -> bool:
        """Whether it calls tools, or says what one found out."""
        return self.type in _OUTPUTS or _CALLS.fullmatch(self.type) is not None

    def message(self, place: str) -> Message | None:
        """What it says; None for what says nothing. Raises BadBody for what is no message."""
        if self.type in _OUTPUTS:
            return Message("assistant", _text(self.output, f"{place}.output"))
        if self.of_tools:
            return None
        if self.type != "message":
            raise BadBody(f"{place}.type", f"{self.type!r} is not supported")
        if self.role is None:
            raise BadBody(f"{place}.role", "a message has a role")
        return Message(ROLES[self.role], _text(self.content, f"{place}.content"))

    def check_parts(self, place: str) -> None:
        """Refuse parts that cannot be answered. Raises BadBody."""
        pictures = PICTURES[1:] if self.role == "user" else ()
        for i, part in enumerate(self.content if isinstance(self.content, list) else ()):
            if part.get("type") not in (*_TEXTS, *pictures):
                raise BadBody(f"{place}.content[{i}].type", f"{part.get('type')!r} is not supported; {TAKEN}")


class ResponsesIn(TurnIn):
    """A conversation whose last message, the user's, is to be answered."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [{"model": "reference", "user": "ana", "input": "What is my dog called?"}]
        },
    )

    input: Annotated[str, Field(min_length=1)] | Annotated[Many[ItemIn], Field(min_length=1)]
    instructions: str | None = Field(default=None, description="Go before the conversation.")
    max_output_tokens: Annotated[Whole, Field(ge=1)] | None = Field(
        default=None, description="Most tokens in a reply."
    )

    @property
    def longest(self) -> int | None:
        return self.max_output_tokens

    def picture(self) -> bytes | None:
        if isinstance(self.input, str):
            return None
        i = _asked(self.input)
        content = self.input[i].content
        return shown_in(content, f"input[{i}].content") if isinstance(content, list) else None

    def said(self) -> list[Message]:
        refuse_kept(self.model_extra or {})
        refuse_unknown(self.model_extra or {}, _NEUTRAL, _IGNORED, {"tools": "tool_choice"})
        first = [Message("system", self.instructions)] if self.instructions else []
        if isinstance(self.input, str):
            return checked([*first, Message("user", self.input)], "input", self)
        i = _asked(self.input)
        self.input[i].check_parts(f"input[{i}]")
        found = [item.message(f"input[{j}]") for j, item in enumerate(self.input)]
        asked = found[i:] if i == len(found) - 1 else [*found[i:], found[i]]
        said = [one for one in (*first, *found[:i], *asked) if one is not None]
        return checked(said, f"input[{i}]", self)


def _asked(items: Sequence[ItemIn]) -> int:
    """The place of the message that is answered: the last, or the one for which tools were called.

    The latter is then asked again, after what they found out.
    """
    i = len(items) - 1
    while i and items[i].of_tools:
        i -= 1
    return i


def refuse_kept(given: Mapping[str, Any]) -> None:
    """Refuse names of responses and conversations that a server would have to keep. Raises BadBody."""
    for name in _KEPT:
        if given.get(name) is not None:
            raise BadBody(name, "no responses are kept here; send the whole conversation as `input`")


def _text(content: str | list[dict[str, Any]] | None, place: str) -> str:
    if not isinstance(content, list):
        return content or ""
    texts = [(i, part) for i, part in enumerate(content) if part.get("type") in _TEXTS]
    return "\n".join(text_of(part, f"{place}[{i}]", _name(part)) for i, part in texts)


def _name(part: Mapping[str, Any]) -> str:
    return "refusal" if part["type"] == "refusal" else "text"
