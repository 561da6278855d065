"""How events of OpenAI's two forms stand on the wire, and how a stream of each fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Wire:
    """Server-sent events of one form."""

    named: bool  # each event says its type on a line of its own
    end: str  # what ends a stream that is whole
    failure: Callable[[Mapping[str, Any], int], Mapping[str, Any]]  # an error, and its number in the stream

    def line(self, event: Mapping[str, Any]) -> str:
        """One event."""
        name = f"event: {event['type']}\n" if self.named else ""
        return f"{name}data: {json.dumps(event, ensure_ascii=False)}\n\n"

    def failed(self, error: Mapping[str, Any], number: int) -> str:
        """The event that ends a stream in place of what is missing; `error` is OpenAI's {"error": ...}."""
        return self.line(self.failure(error, number))


def _failure(error: Mapping[str, Any], number: int) -> Mapping[str, Any]:
    one = error["error"]
    said = {"code": one.get("code"), "message": one["message"], "param": one.get("param")}
    return {"type": "error", "sequence_number": number, **said}


CHAT = Wire(named=False, end="data: [DONE]\n\n", failure=lambda error, _: error)
RESPONSES = Wire(named=True, end="", failure=_failure)
