"""Messages as OpenAI's API and most programs keep them, in JSON or JSON lines.

    [{"role": "user", "content": "..."}, ...]             one conversation
    {"messages": [...]}                                   one, or several in a list or a line each

`content` is a text or a list of parts, of which those with text count. Where messages have a `created_at`,
`timestamp` or `create_time` it is kept. System, developer, tool and function messages are left out, and what
an assistant only calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from memory.upkeep.histories.history import (
    Conversation,
    HistoryMessage,
    LeftOut,
    Told,
    named,
    objects,
    past,
    speaker,
    spoken,
    unspoken,
)

_TIMES = ("created_at", "timestamp", "create_time", "created")
_IDS = ("session_id", "conversation_id", "thread_id", "id")


def looks(documents: Sequence[Any]) -> bool:
    """Whether a file has this form."""
    return any(_is_message(one) or _listed(one) is not None for one in objects(documents))


def read(documents: Sequence[Any], left_out: LeftOut) -> Iterator[Told]:
    """Its conversations. Bare messages of a file are one, which has no name."""
    loose = []
    for document in documents:
        whole = document if isinstance(document, list) else [document]
        found = [one for one in whole if isinstance(one, Mapping)]
        loose += [one for one in found if _is_message(one)]
        for one in found:
            messages = _listed(one)
            if messages is not None:
                said = _messages(messages, _at(one), left_out)
                names = (named(one.get(name)) for name in _IDS)
                session = next((name for name in names if name), None) or _digest(said)
                yield Conversation(said, session, user_id=named(one.get("user_id")) or named(one.get("user")))
            elif not _is_message(one):
                left_out["not a message"] += 1
    if loose:
        yield Conversation(_messages(loose, None, left_out))


def _listed(one: Mapping[str, Any]) -> list[Any] | None:
    found = one.get("messages")
    return (
        found
        if isinstance(found, list) and any(isinstance(m, Mapping) and "role" in m for m in found)
        else None
    )


def _is_message(one: Mapping[str, Any]) -> bool:
    return isinstance(one.get("role"), str) and ("content" in one or "tool_calls" in one)


def _at(one: Mapping[str, Any]) -> datetime | None:
    return next((at for name in _TIMES if (at := past(one.get(name)))), None)


def _messages(messages: Sequence[Any], began: datetime | None, left_out: LeftOut) -> list[HistoryMessage]:
    said = []
    for one in messages:
        role = one.get("role") if isinstance(one, Mapping) else None
        who = speaker(role)
        text = "" if who is None else spoken(one.get("content"), left_out)
        if who is None or not text:
            called = who is not None and (one.get("tool_calls") or one.get("function_call"))
            left_out["tool" if called else "empty" if who else unspoken(role)] += 1
        else:
            said.append(HistoryMessage(who, text, _at(one) or began))
    return said


def _digest(said: Sequence[HistoryMessage]) -> str:
    """A name for a conversation without one: the same for the same messages, in whatever file."""
    whole = "\0".join(f"{message.role}\0{message.text}" for message in said)
    return f"openai-{hashlib.sha256(whole.encode()).hexdigest()[:24]}"
