"""chat and ask: a conversation goes out, and a reply comes back piece by piece.

A reply is always read as a stream: it can be cancelled, and no long silence ends it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Unpack

import httpx

from memory.client import decoding, failures
from memory.client.calls import Call, Server, Steps, asked, told
from memory.client.encoding import ANY_SIZE, image_url, lines, moment, named
from memory.errors import Cancelled, EmptyText, InvalidInput, ParametricMemoryError, ServerUnavailable
from memory.read.options import AskOptions, Mode
from memory.records import AdapterChoice, ChatReply, ScoredChoice
from memory.records.inputs import Picture, Said, choices_in, filters_in, text_in

_PATH = "/v1/chat/completions"


@dataclass(frozen=True, slots=True)
class Turn:
    """What is to be answered."""

    body: Mapping[str, Any]
    cancelled: Event | None


def chat(
    message: str,
    *,
    image: Picture | None = None,
    mode: Mode = "auto",
    before: Sequence[Said] | None = None,
    **asking: Unpack[AskOptions],
) -> Turn:
    """Answer a message from memory, and remember what it tells and shows, as `Memory.chat` does.

    Not sent again once it may have arrived: what a message tells is told once. Raises as `Memory.chat` does,
    and ServerError.
    """
    said = [{"role": "user", "content": text_in(message, ANY_SIZE)}]
    earlier = lines(before) if before else []
    return _turn(_showing(earlier + said, image), mode, asking, {"session_turns": before is None or None})


def ask(
    question: str,
    *,
    image: Picture | None = None,
    choices: Sequence[str] | None = None,
    mode: Mode = "auto",
    **asking: Unpack[AskOptions],
) -> Turn:
    """Answer a question from memory, and store nothing; with `image` and `choices` as `Memory.ask` does."""
    said = {"role": "user", "content": text_in(question, ANY_SIZE)}
    return answer(said, image=image, choices=choices, mode=mode, **asking)


def answer(
    messages: Said | Sequence[Said],
    *,
    image: Picture | None = None,
    choices: Sequence[str] | None = None,
    mode: Mode = "auto",
    adapters: Sequence[AdapterChoice] | None = None,
    **asking: Unpack[AskOptions],
) -> Turn:
    """Answer the last message of a conversation that the caller keeps, and store nothing.

    `adapters`, from `select`, are used where given; an empty list recalls nothing. Skills join anyway.
    `image` and `choices` as in `ask`.
    """
    named = None if adapters is None else [_adapter(choice) for choice in adapters]
    said = lines(messages)
    if said[-1]["role"] != "user":
        raise EmptyText("the conversation has no user message to answer")
    more = {"store": False, "adapters": named, "choices": [*choices_in(choices)] or None}
    return _turn(_showing(said, image), mode, asking, more)


def opened(server: Server, turn: Turn) -> Steps[httpx.Response]:
    """The beginning of a reply, still to be read."""
    if server.model is None:
        server.model = yield from told(server, Call("GET", "/v1/models"), _model)
    repeatable = turn.body.get("store") is False
    body = {**turn.body, "model": server.model}
    call = Call("POST", _PATH, body=body, repeatable=repeatable, streamed=True)
    response: httpx.Response = yield from asked(server, call)
    return response


@dataclass(slots=True)
class Reply:
    """Reads the lines of a stream."""

    server: Server
    turn: Turn
    _pieces: list[str] = field(default_factory=list)
    _memory: Mapping[str, Any] = field(default_factory=dict)
    _usage: Mapping[str, Any] = field(default_factory=dict)
    _ended: bool = False

    def read(self, line: str) -> Iterator[str]:
        """The pieces of text in a line. Raises what the server says went wrong, and Cancelled."""
        if self.turn.cancelled is not None and self.turn.cancelled.is_set():
            raise Cancelled("whoever asked has gone; nothing of the turn is kept")
        if not line.startswith("data:"):
            return  # a comment that keeps the connection open, or the line between events
        data = line.removeprefix("data:").strip()
        if data == "[DONE]":
            self._ended = True
            return
        try:
            yield from self._event(json.loads(data))
        except ParametricMemoryError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise failures.mismatch(self.server.url, None) from error

    def whole(self) -> ChatReply:
        """The whole reply. Raises ServerUnavailable where the stream broke off."""
        if not self._ended:
            raise ServerUnavailable(f"the reply of {self.server.url} broke off; what it stored is not known")
        try:
            return ChatReply(
                text="".join(self._pieces).strip(),
                adapters=tuple(map(decoding.choice, self._memory.get("adapters", ()))),
                prompt_tokens=self._usage.get("prompt_tokens", 0),
                memory_tokens=self._memory.get("memory_tokens", 0),
                completion_tokens=self._usage.get("completion_tokens", 0),
                timings=self._memory.get("timings", {}),
                skills=tuple(map(decoding.choice, self._memory.get("skills", ()))),
                quoted=tuple(self._memory.get("quoted", ())),
                choices=tuple(ScoredChoice(**one) for one in self._memory.get("choices", ())),
                seen=self._memory.get("seen", ""),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise failures.mismatch(self.server.url, None) from error

    def _event(self, event: Mapping[str, Any]) -> Iterator[str]:
        if "error" in event:
            raise failures.of_event(event, self.server.url)
        self._memory = event.get("memory") or self._memory
        self._usage = event.get("usage") or self._usage
        for choice in event["choices"]:
            piece = choice["delta"].get("content")
            if piece:
                self._pieces.append(piece)
                yield piece


def _model(said: Mapping[str, Any]) -> str:
    return str(said["data"][0]["id"])


def _turn(
    messages: Sequence[Mapping[str, Any]], mode: Mode, asking: AskOptions, more: Mapping[str, Any]
) -> Turn:
    scope = named(asking).required()
    inside = {"session_id": scope.session_id, "agent_id": scope.agent_id}
    body: dict[str, Any] = {
        "messages": [{"role": one["role"], "content": one["content"]} for one in messages],
        "user": scope.user_id,
        "metadata": {name: value for name, value in inside.items() if value is not None} or None,
        "mode": mode,
        "as_of": moment("as_of", asking.get("as_of")),
        "filters": dict(filters_in(asking.get("filters"))) or None,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    body |= {**_sampling(asking), **more}
    return Turn({name: value for name, value in body.items() if value is not None}, asking.get("cancelled"))


def _showing(messages: list[dict[str, Any]], image: Picture | None) -> list[dict[str, Any]]:
    """The messages, the last one with a picture in it."""
    if image is None:
        return messages
    *before, last = messages
    url = {"url": image_url(image)}
    parts = [{"type": "text", "text": last["content"]}, {"type": "image_url", "image_url": url}]
    return [*before, {**last, "content": parts}]


def _adapter(choice: AdapterChoice) -> dict[str, Any]:
    return {"memory_id": choice.memory_id, "score": choice.score, "weight": choice.weight}


def _sampling(asking: AskOptions) -> dict[str, Any]:
    """As OpenAI's API names it. Raises InvalidInput."""
    stop = asking.get("stop") or ()
    longest = asking.get("max_new_tokens")
    if longest is not None and longest < 1:
        raise InvalidInput(f"max_new_tokens is {longest}; give at least 1")
    return {
        "max_tokens": longest,
        "temperature": asking.get("temperature"),
        "seed": asking.get("seed"),
        "stop": ([stop] if isinstance(stop, str) else list(stop)) or None,
        "top_p": asking.get("top_p"),
    }
