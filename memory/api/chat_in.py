"""Request model of /v1/chat/completions: the part of OpenAI's API that a small model can honour."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from memory.api.picture_parts import PICTURES, TAKEN, shown_in
from memory.api.schemas.parts import Many, Whole
from memory.api.strict_json import BadBody
from memory.api.turn_in import ROLES, StreamOptionsIn, TurnIn, checked, refuse_unknown
from memory.records import Message

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
_IGNORED = {"parallel_tool_calls", "service_tier", "prompt_cache_key"}
_IGNORED |= {"prompt_cache_retention", "reasoning_effort", "verbosity"}


class PartIn(BaseModel):
    """Part of a message."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=["text"])
    text: str | None = None
    refusal: str | None = None
    image_url: dict[str, Any] | None = Field(
        default=None, description="A picture of the user's, its `url` a data URL: data:image/png;base64,..."
    )


class ChatMessageIn(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(extra="allow")

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | Many[PartIn] | None = None

    @property
    def of_tools(self) -> bool:
        """Whether it calls tools, or says what one found out."""
        return self.role in ("tool", "function") or bool((self.model_extra or {}).get("tool_calls"))

    @property
    def message(self) -> Message:
        """As the service takes it: its texts."""
        content = self.content
        if isinstance(content, list):
            content = "\n".join(filter(None, (part.text or part.refusal for part in content)))
        return Message(ROLES[self.role], content or "")

    def check_parts(self, place: str) -> None:
        """Refuse parts that cannot be answered. Raises BadBody."""
        pictures = PICTURES[:1] if self.role == "user" else ()
        for i, part in enumerate(self.content if isinstance(self.content, list) else ()):
            if part.type not in ("text", "refusal", *pictures):
                raise BadBody(f"{place}.content[{i}].type", f"{part.type!r} is not supported; {TAKEN}")


class ChatIn(TurnIn):
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

    messages: Many[ChatMessageIn] = Field(min_length=1)
    stream_options: StreamOptionsIn | None = None
    n: Annotated[Whole, Field(ge=1, le=MOST_CHOICES)] | None = 1
    max_tokens: Annotated[Whole, Field(ge=1)] | None = Field(
        default=None, description="Most tokens in a reply."
    )
    max_completion_tokens: Annotated[Whole, Field(ge=1)] | None = Field(default=None, description="The same.")
    stop: Annotated[str, Field(min_length=1)] | Many[Annotated[str, Field(min_length=1)]] | None = None

    @property
    def longest(self) -> int | None:
        """Most tokens in a reply, where it is said."""
        return self.max_tokens if self.max_completion_tokens is None else self.max_completion_tokens

    @property
    def stops(self) -> tuple[str, ...]:
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @property
    def wanted(self) -> int:
        return self.n or 1

    def picture(self) -> bytes | None:
        asked, place = self._asked
        parts = [part.model_dump() for part in asked.content] if isinstance(asked.content, list) else []
        return shown_in(parts, f"{place}.content")

    def said(self) -> list[Message]:
        refuse_unknown(self.model_extra or {}, _NEUTRAL, _IGNORED, _CHOICES)
        if len(self.stops) > 4:
            raise BadBody("stop", "at most 4 strings")
        asked, place = self._asked
        asked.check_parts(place)
        said = [one.message for one in self.messages]
        return checked(said if asked is self.messages[-1] else [*said, asked.message], place, self)

    @property
    def _asked(self) -> tuple[ChatMessageIn, str]:
        """The message that is answered, and its place: the last, or the one for which tools were called.

        The latter is then asked again, after what they found out.
        """
        i = len(self.messages) - 1
        while i and self.messages[i].of_tools:
            i -= 1
        return self.messages[i], f"messages[{i}]"
