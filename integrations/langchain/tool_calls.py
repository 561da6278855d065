"""Renders and parses tool calls in the Hermes format, which Qwen uses too."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, InvalidToolCall, ToolCall, ToolMessage
from langchain_core.messages.tool import invalid_tool_call, tool_call

OPENS, CLOSES = "<tool_call>", "</tool_call>"
_CALL = re.compile(rf"{OPENS}\s*(.*?)\s*(?:{CLOSES}|\Z)", re.DOTALL)

_INTRODUCTION = (
    "You may call functions to answer the user. Their signatures are within <tools></tools>:\n"
    "<tools>\n{signatures}\n</tools>\n"
    "For each call, return a JSON object with the function's name and arguments within "
    f"{OPENS}{CLOSES}:\n"
    f'{OPENS}\n{{{{"name": <function-name>, "arguments": <arguments-object>}}}}\n{CLOSES}'
)


def instructions(tools: Sequence[Mapping[str, Any]], choice: str | None) -> str:
    """What a system message says about tools in the form of OpenAI, and about having to use one."""
    said = _INTRODUCTION.format(signatures="\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools))
    if choice in (None, "auto"):
        return said
    return f"{said}\nYou must call " + ("a function." if choice == "any" else f"the function {choice}.")


def written(message: AIMessage) -> str:
    """An assistant's message with its tool calls, as the model would have written it."""
    calls = [
        json.dumps({"name": c["name"], "arguments": c["args"]}, ensure_ascii=False)
        for c in message.tool_calls
    ]
    return "\n".join([*filter(None, [str(message.text)]), *(f"{OPENS}\n{call}\n{CLOSES}" for call in calls)])


def response(message: ToolMessage) -> str:
    """What a tool returned, as the model reads it."""
    return f"<tool_response>\n{message.text}\n</tool_response>"


def parse(text: str) -> tuple[str, list[ToolCall], list[InvalidToolCall]]:
    """A reply -> its plain text, its tool calls, and those that cannot be read."""
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for found in _CALL.finditer(text):
        try:
            said = json.loads(found[1])
            calls.append(tool_call(name=said["name"], args=dict(said.get("arguments") or {}), id=_new_id()))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            invalid.append(invalid_tool_call(name=None, args=found[1], id=_new_id(), error=str(error)))
    return _CALL.sub("", text).strip(), calls, invalid


def shown(text: str) -> int:
    """How many characters of a reply under way are surely plain text and no beginning of a call."""
    if OPENS in text:
        return text.index(OPENS)
    held = next((n for n in range(len(OPENS) - 1, 0, -1) if text.endswith(OPENS[:n])), 0)
    return len(text) - held


def _new_id() -> str:
    return f"call_{uuid4().hex}"
