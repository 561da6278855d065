"""Response models of /v1/responses: OpenAI's, with a field for what memory did; and the events of a stream.

A whole response and a streamed one are written alike: the events of the one make the other.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from memory.api.chat_out import MemoryUseOut
from memory.api.schemas.parts import MEMORY_ID
from memory.records import new_id

# What a response repeats of its request, and what it says where the request says nothing.
_REPEATED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "reasoning": {"effort": None, "summary": None},
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_p": None,
    "truncation": "disabled",
    "user": None,
}


Status = Literal["completed", "incomplete", "in_progress"]


class InputTokensOut(BaseModel):
    """Of the tokens that were read."""

    cached_tokens: int = 0
    cache_write_tokens: int = 0


class OutputTokensOut(BaseModel):
    """Of the tokens that were written."""

    reasoning_tokens: int = 0


class ResponseUsageOut(BaseModel):
    """Tokens that were read and written."""

    input_tokens: int
    input_tokens_details: InputTokensOut = InputTokensOut()
    output_tokens: int
    output_tokens_details: OutputTokensOut = OutputTokensOut()
    total_tokens: int
    memory_tokens: int = Field(description="Of those read: recalled text.")


class ResponseOut(BaseModel):
    """A whole response. It repeats what was asked for."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "id": f"resp_{MEMORY_ID}",
                    "object": "response",
                    "created_at": 1777900000,
                    "status": "completed",
                    "model": "reference",
                    "output": [
                        {
                            "id": f"msg_{MEMORY_ID}",
                            "type": "message",
                            "role": "assistant",
                            "status": "completed",
                            "content": [{"type": "output_text", "text": "Biscuit", "annotations": []}],
                        }
                    ],
                    "usage": {
                        "input_tokens": 12,
                        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                        "output_tokens": 3,
                        "output_tokens_details": {"reasoning_tokens": 0},
                        "total_tokens": 15,
                        "memory_tokens": 0,
                    },
                }
            ]
        },
    )

    id: str
    object: Literal["response"] = "response"
    created_at: int
    status: Status
    error: None = None
    incomplete_details: dict[str, str] | None = None
    model: str
    output: list[dict[str, Any]]
    usage: ResponseUsageOut | None = None
    memory: MemoryUseOut | None = None


Event = dict[str, Any]
Cut = Literal["max_output_tokens", "content_filter"]  # why a reply is not whole


@dataclass(slots=True)
class Writing:
    """A response while it is written: text and calls come in, events go out."""

    asked: Mapping[str, Any]  # the request
    model: str
    id: str = field(default_factory=lambda: f"resp_{new_id()}")
    created_at: int = field(default_factory=lambda: int(time.time()))
    output: list[dict[str, Any]] = field(default_factory=list)
    events: int = 0  # that went out
    _calls: dict[int, int] = field(default_factory=dict)  # the caller's number of a call -> its place

    def begin(self) -> Iterator[Event]:
        """What a stream begins with."""
        yield self._event("response.created", response=self._response("in_progress"))
        yield self._event("response.in_progress", response=self._response("in_progress"))

    def text(self, piece: str) -> Iterator[Event]:
        """More words of the message that is being written."""
        if not self.output or self.output[-1]["type"] != "message":
            yield from self._message()
        part = self.output[-1]["content"][0]
        part["text"] += piece
        yield self._of_last("response.output_text.delta", content_index=0, delta=piece, logprobs=[])

    def call(self, number: int, call_id: str, name: str, arguments: str) -> Iterator[Event]:
        """A call of a tool, or more of the arguments of one that is known by its number."""
        if number not in self._calls:
            self._calls[number] = len(self.output)
            call = {"type": "function_call", "call_id": call_id, "name": name, "arguments": ""}
            yield from self._added({"id": f"fc_{new_id()}", "status": "in_progress", **call})
        place = self._calls[number]
        self.output[place]["arguments"] += arguments
        if arguments:
            yield self._of(place, "response.function_call_arguments.delta", delta=arguments)

    def end(self, cut: Cut | None, **more: Any) -> Iterator[Event]:
        """What a stream ends with; `more` are the response's usage and memory."""
        for place in range(len(self.output)):
            yield from self._done(place)
        status: Status = "incomplete" if cut else "completed"
        more |= {"incomplete_details": {"reason": cut} if cut else None}
        yield self._event(f"response.{status}", response=self._response(status, **more))

    def _response(self, status: Status, **more: Any) -> dict[str, Any]:
        """The response as it stands."""
        repeated = {name: _or(self.asked.get(name), default) for name, default in _REPEATED.items()}
        return ResponseOut(
            id=self.id,
            created_at=self.created_at,
            status=status,
            model=self.model,
            output=self.output,
            **{**repeated, **more},
        ).model_dump(mode="json")

    def _message(self) -> Iterator[Event]:
        yield from self._added(
            {"id": f"msg_{new_id()}", "type": "message", "role": "assistant", "status": "in_progress"}
            | {"content": []}
        )
        part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        self.output[-1]["content"].append(part)
        yield self._of_last("response.content_part.added", content_index=0, part={**part})

    def _added(self, item: dict[str, Any]) -> Iterator[Event]:
        self.output.append(item)
        place = len(self.output) - 1
        yield self._event("response.output_item.added", output_index=place, item=deepcopy(item))

    def _done(self, place: int) -> Iterator[Event]:
        item = self.output[place]
        item["status"] = "completed"
        if item["type"] == "message":
            [part] = item["content"]
            text = {"content_index": 0, "text": part["text"], "logprobs": []}
            yield self._of(place, "response.output_text.done", **text)
            yield self._of(place, "response.content_part.done", content_index=0, part={**part})
        else:
            told = {"name": item["name"], "arguments": item["arguments"]}
            yield self._of(place, "response.function_call_arguments.done", **told)
        yield self._event("response.output_item.done", output_index=place, item=deepcopy(item))

    def _of_last(self, kind: str, **given: Any) -> Event:
        return self._of(len(self.output) - 1, kind, **given)

    def _of(self, place: int, kind: str, **given: Any) -> Event:
        return self._event(kind, item_id=self.output[place]["id"], output_index=place, **given)

    def _event(self, kind: str, **given: Any) -> Event:
        self.events += 1
        return {"type": kind, "sequence_number": self.events - 1, **given}


def _or(given: Any, default: Any) -> Any:
    return default if given is None else given
