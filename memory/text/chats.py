"""Conversations written as JSON, as programs exchange them and chat services export them.

    [{"role": "user", "content": "..."}, ...]            also one object a line, or under "messages"
    [{"from": "human", "value": "..."}, ...]             also under "conversations"
    [{"role": "user", "parts": [{"text": "..."}]}, ...]
    {"mapping": {...}, "current_node": "..."}            an export of ChatGPT: the branch shown last
    {"chat_messages": [{"sender": "human", ...}]}        an export of Claude

and several of the last four in a list.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from memory.records import Role

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "ai", "bot", "gpt", "chatgpt", "claude", "model"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}
_TOOLS = ("tool", "function")
_WHO, _WHAT = ("role", "from", "sender"), ("content", "value", "text", "parts")
_WHEN = ("create_time", "created_at")
_WITHIN = ("messages", "conversations", "conversation", "chat_messages")
_SHOWN = ("text", "multimodal_text")  # of ChatGPT's kinds of content


@dataclass(frozen=True, slots=True)
class Line:
    """A message of somebody, and when it was said where that is known."""

    role: Role
    text: str
    at: datetime | None = None


def conversation(text: str) -> list[Line] | None:
    """The messages that a text is made of, without blank ones and those of tools; None for any other text."""
    said = text.strip()
    if said[:1] not in ("[", "{"):
        return None
    try:
        given = json.loads(said)
    except (ValueError, RecursionError):
        given = _by_line(said)
    found = _lines(given)
    if not found or all(line.role != "user" for line in found):
        return None
    return [line for line in found if line.text.strip()]


def _by_line(text: str) -> list[Any] | None:
    try:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        return None


def _lines(given: Any) -> list[Line] | None:
    """The messages of a conversation, or of a list of them one after the other."""
    if isinstance(given, Mapping):
        if isinstance(given.get("mapping"), Mapping):
            return _branch(given["mapping"], given.get("current_node"))
        within = _within(given)
        return _lines([given] if within is None else within)
    if not isinstance(given, list):
        return None
    found: list[Line] = []
    for one in given:
        message = _line(one)
        some = [message] if message is not None else _lines(one) if _whole(one) else None
        if some is None:
            return None
        found += some
    return found


def _whole(given: Any) -> bool:
    """Whether it is a conversation with its messages inside."""
    return isinstance(given, Mapping) and (
        isinstance(given.get("mapping"), Mapping) or _within(given) is not None
    )


def _within(given: Mapping[str, Any]) -> list[Any] | None:
    return next((given[key] for key in _WITHIN if isinstance(given.get(key), list)), None)


def _line(given: Any) -> Line | None:
    """A message, in whatever names it has; None for an object that is none."""
    if not isinstance(given, Mapping):
        return None
    who = str(next((given[key] for key in _WHO if key in given), "")).casefold()
    content = [given[key] for key in _WHAT if key in given]
    if who in _TOOLS:
        return Line("system", "")
    if who not in _ROLES or not content:
        return None
    return Line(_ROLES[who], _text(next(filter(None, content), "")), _when(given))


def _branch(mapping: Mapping[str, Any], last: Any) -> list[Line]:
    """What was said on the way to the message that was shown last; empty messages are left out."""
    nodes = {key: node for key, node in mapping.items() if isinstance(node, Mapping)}
    if last not in nodes:
        last = next((key for key in reversed(nodes) if not nodes[key].get("children")), None)
    found: list[Line] = []
    while last in nodes:
        node = nodes.pop(last)  # visited once, whatever parents it names
        line = _node(node.get("message"))
        found += [] if line is None else [line]
        last = node.get("parent")
    return found[::-1]


def _node(message: Any) -> Line | None:
    if not isinstance(message, Mapping):
        return None
    author, content = message.get("author"), message.get("content")
    if not isinstance(author, Mapping) or not isinstance(content, Mapping):
        return None
    role = _ROLES.get(str(author.get("role")))
    parts = content.get("parts")
    if role is None or content.get("content_type") not in _SHOWN or not isinstance(parts, list):
        return None
    return Line(role, _text(parts), _when(message))


def _text(content: Any) -> str:
    """What content says; pictures and the like say nothing."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str) and text)


def _when(given: Mapping[str, Any]) -> datetime | None:
    at = next((given[key] for key in _WHEN if given.get(key)), None)
    try:
        if isinstance(at, int | float):
            return datetime.fromtimestamp(at, UTC)
        found = datetime.fromisoformat(at) if isinstance(at, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
