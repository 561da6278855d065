"""A base model that is none: it calls the first tool it is told of, and answers once it has the result."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from memory.fakes.models import EchoGeneration, EchoInternalizer
from memory.ports import GenerationRequest
from memory.records import Message

_TOOLS = re.compile(r"<tools>\n(.*?)\n</tools>", re.DOTALL)


class ToolCaller:
    """Fills the port Generator."""

    base_fingerprint = EchoInternalizer.base_fingerprint
    window = 8192

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return sum(1 + len(message.text.split()) for message in messages)

    def stream(self, request: GenerationRequest) -> EchoGeneration:
        said = request.messages[-1].text
        tools = [found for message in request.messages if (found := _TOOLS.search(message.text))]
        answer = "I see." if not tools or "<tool_response>" in said else _call(tools[0][1], said)
        return EchoGeneration(self.count_tokens(request.messages), answer.split(" "))

    def close(self) -> None:
        """Nothing is open."""


def _call(tools: str, question: str) -> str:
    tool = json.loads(tools.splitlines()[0])
    schema = tool.get("parameters", {})
    arguments = {
        name: _value(one, question)
        for name, one in schema.get("properties", {}).items()
        if name in schema.get("required", [])
    }
    call = json.dumps({"name": tool["name"], "arguments": arguments}, ensure_ascii=False)
    return f"Let me see.\n<tool_call>\n{call}\n</tool_call>"


def _value(schema: dict[str, Any], question: str) -> Any:
    if schema.get("type") == "integer":
        return int((re.findall(r"\d+", question) or ["1"])[0])
    if "enum" in schema:
        return schema["enum"][0]
    quoted = re.findall(r"'([^']+)'", question)
    return quoted[0] if quoted else question
