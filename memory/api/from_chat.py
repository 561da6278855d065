"""The reply of a chat completion as a response: whole, or the events of its stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import httpx

from memory.api.foreign import off_loop, read, written
from memory.api.responses_out import Cut, Event, InputTokensOut, OutputTokensOut, ResponseUsageOut, Writing
from memory.api.upstream import Answer
from memory.api.wire import RESPONSES

_CUT: dict[str, Cut] = {"length": "max_output_tokens", "content_filter": "content_filter"}


class FromChat:
    """An upstream's answer to a chat, read as the answer to a request for a response."""

    def __init__(self, response: Answer, asked: Mapping[str, Any], memory_tokens: int) -> None:
        self._response = response
        self._memory_tokens = memory_tokens
        self._writing = Writing(asked, str(asked.get("model", "")))
        self._finish: str | None = None
        self._usage: ResponseUsageOut | None = None
        self.headers = {"Content-Type": "text/event-stream; charset=utf-8"}

    async def aread(self) -> bytes:
        """The whole response. Raises ValueError for an answer that is no chat completion."""
        return await off_loop(self._whole, await self._response.aread())

    def _whole(self, data: bytes) -> bytes:
        try:
            reply = read(data)
            message = reply["choices"][0]["message"]
            whole = {"choices": [{**reply["choices"][0], "delta": message}]}
            calls = [{"index": i, **call} for i, call in enumerate(message.get("tool_calls") or ())]
            message |= {"tool_calls": calls}
            *_, last = [*self._read({**reply, **whole}), *self._end()]
        except (LookupError, TypeError, AttributeError) as error:
            raise ValueError("no chat completion") from error
        return written(last["response"])

    async def aiter_raw(self) -> AsyncIterator[bytes]:
        """The events of the stream. Without an end where the chat had none."""
        for event in self._writing.begin():
            yield _bytes(event)
        async for line in self._response.aiter_lines():
            if not line.startswith("data:") or (data := line[5:].strip()) == "[DONE]":
                continue
            chunk, events = self._chunk(data)
            for event in events:
                yield _bytes(event)
            if chunk.get("error"):
                yield RESPONSES.failed(chunk, self._writing.events).encode()
                return
        if self._finish is not None:
            for event in self._end():
                yield _bytes(event)

    async def aclose(self) -> None:
        """Let go of the upstream's answer."""
        await self._response.aclose()

    def _chunk(self, data: str) -> tuple[Mapping[str, Any], list[Event]]:
        """A piece of the stream, and the events that it makes. Raises RemoteProtocolError."""
        try:
            chunk = read(data)
            return chunk, [*self._read(chunk)]
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise httpx.RemoteProtocolError("no chunk of a chat completion") from error

    def _read(self, chunk: Mapping[str, Any]) -> Iterator[Event]:
        if isinstance(usage := chunk.get("usage"), dict):
            self._usage = _usage(usage, self._memory_tokens)
        for choice in chunk.get("choices") or ():
            delta = choice.get("delta") or {}
            if said := delta.get("content") or delta.get("refusal"):
                yield from self._writing.text(said)
            for call in delta.get("tool_calls") or ():
                function = call.get("function") or {}
                named = call.get("id") or "", function.get("name") or "", function.get("arguments") or ""
                yield from self._writing.call(call.get("index") or 0, *named)
            self._finish = choice.get("finish_reason") or self._finish

    def _end(self) -> Iterator[Event]:
        return self._writing.end(_CUT.get(self._finish or ""), usage=self._usage)


def _usage(given: Mapping[str, Any], memory_tokens: int) -> ResponseUsageOut:
    read, written = given.get("prompt_tokens") or 0, given.get("completion_tokens") or 0
    cached = (given.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    thought = (given.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    return ResponseUsageOut(
        input_tokens=read,
        input_tokens_details=InputTokensOut(cached_tokens=cached),
        output_tokens=written,
        output_tokens_details=OutputTokensOut(reasoning_tokens=thought),
        total_tokens=read + written,
        memory_tokens=memory_tokens,
    )


def _bytes(event: Event) -> bytes:
    return RESPONSES.line(event).encode()
