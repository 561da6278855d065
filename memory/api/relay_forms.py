"""The two forms in which another LLM is asked, chat completions and responses: what a relay reads of them.

A request is read for what is said in it, and gets recalled text into its instructions; a reply is read along
for its words. Everything else passes on as it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from memory.api.foreign import Lines, read
from memory.api.responses_in import refuse_kept
from memory.api.strict_json import BadBody
from memory.api.turn_in import text_of
from memory.api.wire import CHAT, RESPONSES, Wire

_INSTRUCTIONS = ("system", "developer")
_WORDS = {**dict.fromkeys(("text", "input_text", "output_text"), "text"), "refusal": "refusal"}
Item = Mapping[str, Any]


@dataclass(slots=True)
class Heard(ABC):
    """The text of a streamed reply, read along as its bytes pass."""

    text: str = ""
    ended: bool = False  # the upstream said that nothing more comes
    failed: bool = False  # it said that it could not go on
    events: int = 0
    _lines: Lines = field(default_factory=Lines)

    @property
    def reply(self) -> str:
        """What was said, where it is a whole reply; else ""."""
        return self.text if self.ended and not self.failed else ""

    def feed(self, data: bytes) -> None:
        """Read some bytes of server-sent events, cut anywhere."""
        for line in self._lines.feed(data):
            if line.startswith(b"data:"):
                self._data(line[5:].strip())

    def _data(self, data: bytes) -> None:
        if data == b"[DONE]":
            self.ended = True
            return
        self.events += 1
        try:
            event = read(data)
            self.failed = self.failed or bool(event.get("error"))
            self.event(event)
        except (ValueError, TypeError, LookupError, AttributeError):
            return  # nothing that we understand; it is passed on all the same

    @abstractmethod
    def event(self, event: Mapping[str, Any]) -> None:
        """Read one event."""


class Form(Protocol):
    """One form of asking."""

    path: str  # after the upstream's address
    wire: Wire

    def items(self, given: Mapping[str, Any]) -> list[Item]:
        """What is said in a request, with role and content where it is a message. Raises BadBody."""
        ...

    def with_known(self, given: Mapping[str, Any], known: str) -> dict[str, Any]:
        """The request with recalled text in its instructions."""
        ...

    def text(self, reply: Mapping[str, Any]) -> str:
        """The words of a whole reply; "" where it calls tools instead."""
        ...

    def heard(self) -> Heard:
        """What reads a stream along."""
        ...


class ChatForm:
    """/v1/chat/completions."""

    path = "chat/completions"
    wire = CHAT

    def items(self, given: Mapping[str, Any]) -> list[Item]:
        return _items(given.get("messages"), "messages")

    def with_known(self, given: Mapping[str, Any], known: str) -> dict[str, Any]:
        return {**given, "messages": _with_known(cast(list[Any], given["messages"]), known)}

    def text(self, reply: Mapping[str, Any]) -> str:
        try:
            return str(reply["choices"][0]["message"].get("content") or "")
        except (LookupError, TypeError, AttributeError):
            return ""

    def heard(self) -> Heard:
        return _HeardChat()


class ResponsesForm:
    """/v1/responses."""

    path = "responses"
    wire = RESPONSES

    def items(self, given: Mapping[str, Any]) -> list[Item]:
        """Raises BadBody also for what the upstream keeps: tenants share its key, and so its store."""
        refuse_kept(given)
        if not isinstance(given.get("instructions"), str | None):
            raise BadBody("instructions", "give a text")
        said = given.get("input")
        spoken: Item = {"role": "user", "content": said}
        items = [spoken] if isinstance(said, str) else _items(said, "input")
        for i, item in enumerate(items):
            if item.get("type") == "item_reference":
                raise BadBody(f"input[{i}]", "no responses are kept here; send the item itself")
        return items

    def with_known(self, given: Mapping[str, Any], known: str) -> dict[str, Any]:
        first = given.get("instructions")
        instructions = f"{first}\n\n{known}" if first and known else first or known
        return {**given, **({"instructions": instructions} if known else {})}

    def text(self, reply: Mapping[str, Any]) -> str:
        try:
            if reply.get("status") == "failed":
                return ""
            messages = [item for item in reply["output"] if item.get("type") == "message"]
            parts = [part for message in messages for part in message["content"]]
            return "".join(part["text"] for part in parts if part.get("type") == "output_text")
        except (LookupError, TypeError, AttributeError):
            return ""

    def heard(self) -> Heard:
        return _HeardResponse()


CHAT_COMPLETIONS = ChatForm()
RESPONSE = ResponsesForm()


class _HeardChat(Heard):
    def event(self, event: Mapping[str, Any]) -> None:
        choices: list[dict[str, Any]] = event["choices"]
        first: dict[str, Any] = next((c for c in choices if c.get("index", 0) == 0), {})
        self.text += (first.get("delta") or {}).get("content") or ""
        self.ended = self.ended or bool(first.get("finish_reason"))


class _HeardResponse(Heard):
    def event(self, event: Mapping[str, Any]) -> None:
        kind = event["type"]
        if kind == "response.output_text.delta":
            self.text += event["delta"]
        self.failed = self.failed or kind in ("error", "response.failed")
        self.ended = self.ended or self.failed or kind in ("response.completed", "response.incomplete")


def _items(given: Any, name: str) -> list[Item]:
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise BadBody(name, f"give a list of {'messages' if name == 'messages' else 'items'}, at least one")
    for i, one in enumerate(given):
        if "role" in one:
            _check_content(one, f"{name}[{i}].content")
    return given


def _check_content(message: Item, place: str) -> None:
    """Refuse what no upstream can read; parts of a type that is unknown here are the upstream's to judge.

    A user says something; who calls a tool need not.
    """
    content = message.get("content")
    if isinstance(content, str) or (content in (None, []) and message["role"] != "user"):
        return
    if not isinstance(content, list) or not content:
        raise BadBody(place, "give a text, or parts")
    for i, part in enumerate(content):
        if not isinstance(part, dict) or not isinstance(part.get("type"), str):
            raise BadBody(f"{place}[{i}]", "give an object with a type")
        if part["type"] in _WORDS:
            text_of(part, f"{place}[{i}]", _WORDS[part["type"]])


def _with_known(messages: Sequence[Any], known: str) -> list[Any]:
    """The messages with recalled text behind the first instructions, or before everything."""
    if not known:
        return [*messages]
    first = messages[0]
    if first.get("role") not in _INSTRUCTIONS:
        return [{"role": "system", "content": known}, *messages]
    content = first.get("content")
    if isinstance(content, list):
        return [{**first, "content": [*content, {"type": "text", "text": known}]}, *messages[1:]]
    return [{**first, "content": f"{content}\n\n{known}" if content else known}, *messages[1:]]
