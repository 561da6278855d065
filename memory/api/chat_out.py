"""Response models of /v1/chat/completions: OpenAI's, with a field for what memory did."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from memory.api.schemas.parts import MEMORY_ID
from memory.records import AdapterChoice, ChatReply, ScoredChoice, new_id

Finish = Literal["stop", "length"]


class UsedOut(BaseModel):
    """An adapter that the reply was made with."""

    memory_id: str
    score: float
    weight: float
    text: str

    @classmethod
    def of(cls, choice: AdapterChoice) -> UsedOut:
        return cls(**asdict(choice))


class ScoredOut(BaseModel):
    """One of the answers that a request named."""

    text: str
    probability: float = Field(description="Among the choices; together they are 1.")
    likelihood: float = Field(description="Mean natural logarithm of the chances of its tokens.")

    @classmethod
    def of(cls, choice: ScoredChoice) -> ScoredOut:
        return cls(**asdict(choice))


class MemoryUseOut(BaseModel):
    """What memory did for a reply."""

    adapters: list[UsedOut]
    skills: list[UsedOut] = Field(description="That said how to answer.")
    quoted: list[str] = Field(
        description="Ids of the memories whose text gave the answer, where the weights gave none or another."
    )
    memory_tokens: int = Field(description="Tokens of recalled text in the prompt; 0 for weights alone.")
    timings: dict[str, float] = Field(description="Milliseconds per step.")
    choices: list[ScoredOut] = Field(
        default=[], description="The answers that the request named, the likeliest first."
    )
    seen: str = Field(
        default="", description="What the model says of a picture that was shown, and is not remembered."
    )

    @classmethod
    def of(cls, reply: ChatReply) -> MemoryUseOut:
        return cls(
            adapters=[UsedOut.of(choice) for choice in reply.adapters],
            skills=[UsedOut.of(choice) for choice in reply.skills],
            quoted=list(reply.quoted),
            memory_tokens=reply.memory_tokens,
            timings=dict(reply.timings),
            choices=[ScoredOut.of(choice) for choice in reply.choices],
            seen=reply.seen,
        )


class UsageOut(BaseModel):
    """Tokens that were read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    memory_tokens: int = Field(description="Of the prompt: recalled text.")

    @classmethod
    def of(cls, replies: Sequence[ChatReply]) -> UsageOut:
        read = replies[0].prompt_tokens
        written = sum(reply.completion_tokens for reply in replies)
        return cls(
            prompt_tokens=read,
            completion_tokens=written,
            total_tokens=read + written,
            memory_tokens=replies[0].memory_tokens,
        )


class SaidOut(BaseModel):
    """The words of a reply."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoiceOut(BaseModel):
    """One of n replies."""

    index: int
    message: SaidOut
    finish_reason: Finish
    logprobs: None = None


class ChatOut(BaseModel):
    """A whole reply."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": f"chatcmpl-{MEMORY_ID}",
                    "object": "chat.completion",
                    "created": 1777900000,
                    "model": "reference",
                    "choices": [
                        {
                            "index": 0,
                            "message": {"role": "assistant", "content": "Biscuit"},
                            "finish_reason": "stop",
                        }
                    ],
                    "usage": {
                        "prompt_tokens": 12,
                        "completion_tokens": 3,
                        "total_tokens": 15,
                        "memory_tokens": 0,
                    },
                    "memory": {
                        "adapters": [
                            {
                                "memory_id": MEMORY_ID,
                                "score": 0.71,
                                "weight": 1.0,
                                "text": "My dog is called Biscuit.",
                            }
                        ],
                        "skills": [],
                        "memory_tokens": 0,
                        "timings": {"embed": 1.5, "select": 0.5, "merge": 0.5, "generate": 20.0},
                    },
                }
            ]
        }
    )

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoiceOut]
    usage: UsageOut
    memory: MemoryUseOut


@dataclass(frozen=True, slots=True)
class Completion:
    """One request's answer: what its parts have in common."""

    model: str
    longest: int  # tokens after which a reply is cut
    id: str = field(default_factory=lambda: f"chatcmpl-{new_id()}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, replies: Sequence[ChatReply]) -> ChatOut:
        """All choices at once."""
        return ChatOut(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=[
                ChatChoiceOut(index=i, message=SaidOut(content=reply.text), finish_reason=self.finish(reply))
                for i, reply in enumerate(replies)
            ],
            usage=UsageOut.of(replies),
            memory=MemoryUseOut.of(replies[0]),
        )

    def chunks(
        self, streams: Sequence[Iterable[str | ChatReply]], *, with_usage: bool
    ) -> Iterator[dict[str, Any]]:
        """One choice after the other, in pieces; what memory did comes with the end of each."""
        replies = []
        absent = {"usage": None} if with_usage else {}
        for index, stream in enumerate(streams):
            pieces = iter(stream)
            first = next(pieces)  # before anything is sent: what fails until then is answered with its status
            yield self._chunk(index, {"role": "assistant", "content": ""}) | absent
            for piece in chain([first], pieces):
                if isinstance(piece, str):
                    yield self._chunk(index, {"content": piece}) | absent
                    continue
                replies.append(piece)
                end = self._chunk(index, {}, self.finish(piece))
                yield end | {"memory": MemoryUseOut.of(piece).model_dump()} | absent
        if with_usage:
            yield self._base() | {"choices": [], "usage": UsageOut.of(replies).model_dump()}

    def finish(self, reply: ChatReply) -> Finish:
        """Why it ended."""
        return "length" if reply.completion_tokens >= self.longest else "stop"

    def _base(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
        }

    def _chunk(self, index: int, delta: dict[str, str], finish: Finish | None = None) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}
        return self._base() | {"choices": [choice]}
