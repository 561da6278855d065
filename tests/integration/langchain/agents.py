"""A chat model that decides by rule when to call a tool: the small base models of tests cannot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult

from integrations.langchain import ParametricChatModel


class Planner(ParametricChatModel):
    """Looks up the weather when the last thing said is about it; answers everything else itself."""

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        if not _asks_for_weather(messages):
            return super()._generate(messages, *args, **kwargs)
        call = {"name": "weather", "args": {"city": "Porto"}, "id": f"call-{len(messages)}"}
        return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=[call]))])

    def _stream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        if not _asks_for_weather(messages):
            yield from super()._stream(messages, *args, **kwargs)
            return
        chunk = tool_call_chunk(name="weather", args=json.dumps({"city": "Porto"}), id="call", index=0)
        yield ChatGenerationChunk(message=AIMessageChunk("", tool_call_chunks=[chunk], chunk_position="last"))


def _asks_for_weather(messages: list[BaseMessage]) -> bool:
    return messages[-1].type == "human" and "weather" in messages[-1].text


def weather(city: str) -> str:
    """The weather in a city."""
    return f"sunny in {city}"
