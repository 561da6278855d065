"""Conversations written as JSON, as programs exchange them.

    [{"role": "user", "content": "..."}, ...]            also one object a line, or under "messages"
    [{"from": "human", "value": "..."}, ...]             also under "conversations"; several in a list
    [{"role": "user", "parts": [{"text": "..."}]}, ...]

Exports of chat services have sessions and dates, which a text has no place for: `memory.upkeep.histories`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from memory.errors import InvalidInput
from memory.records import Message, Role

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("user", "human"), "user"),
    **dict.fromkeys(("assistant", "ai", "bot", "gpt", "chatgpt", "claude", "model"), "assistant"),
    **dict.fromkeys(("system", "developer"), "system"),
}
_TOOLS = ("tool", "function")
_WHO, _WHAT = ("role", "from", "sender"), ("content", "value", "text", "parts")
_WITHIN = ("messages", "conversations", "conversation")
_EXPORTS = {"mapping": "chatgpt", "chat_messages": "claude"}  # what only their conversations have


def conversation(text: str) -> list[Message] | None:
    """The messages that a text is made of, without blank ones and those of tools; None for any other text.

    Raises InvalidInput for an export of a chat service.
    """
    said = text.strip()
    if said[:1] not in ("[", "{"):
        return None
    try:
        given = json.loads(said)
    except (ValueError, RecursionError):
        given = _by_line(said)
    _refuse_export(given)
    found = _messages(given)
    if not found or all(message.role != "user" for message in found):
        return None
    return [message for message in found if message.text.strip()]


def _by_line(text: str) -> list[Any] | None:
    try:
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except (ValueError, RecursionError):
        return None


def _refuse_export(given: Any) -> None:
    first = given[0] if isinstance(given, list) and given else given
    if not isinstance(first, Mapping):
        return
    for key, source in _EXPORTS.items():
        inside = first.get(key)
        if isinstance(inside, Mapping | list) and first.keys() & {"title", "create_time", "name", "uuid"}:
            raise InvalidInput(
                f"this is an export of conversations; `memory import --from {source} FILE` "
                "remembers them with their dates and sessions"
            )


def _messages(given: Any) -> list[Message] | None:
    """The messages of a conversation, or of a list of them one after the other."""
    if isinstance(given, Mapping):
        within = _within(given)
        return _messages([given] if within is None else within)
    if not isinstance(given, list):
        return None
    found: list[Message] = []
    for one in given:
        some = _message(one)
        if some is None and isinstance(one, Mapping) and _within(one) is not None:
            some = _messages(one)
        if some is None:
            return None
        found += some
    return found


def _within(given: Mapping[str, Any]) -> list[Any] | None:
    return next((given[key] for key in _WITHIN if isinstance(given.get(key), list)), None)


def _message(given: Any) -> list[Message] | None:
    """The one message that an object is, in whatever names it has; none of a tool; None for other objects."""
    if not isinstance(given, Mapping):
        return None
    who = str(next((given[key] for key in _WHO if key in given), "")).casefold()
    content = [given[key] for key in _WHAT if key in given]
    if who in _TOOLS:
        return []
    if who not in _ROLES or not content:
        return None
    return [Message(_ROLES[who], _text(next(filter(None, content), "")))]


def _text(content: Any) -> str:
    """What content says; pictures and the like say nothing."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else [content]
    texts = [part.get("text") if isinstance(part, Mapping) else part for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str) and text)
