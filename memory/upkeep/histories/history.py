"""What histories have in common: conversations of dated messages, and facts that stand alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from memory.records import MAX_NAME, now

Speaker = Literal["user", "assistant"]
LeftOut = Counter[str]
"""Reason -> how many messages or facts are not taken over for it."""

_SPEAKERS: dict[str, Speaker] = {"user": "user", "human": "user", "assistant": "assistant", "ai": "assistant"}
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # before it, a date is a placeholder such as year 1
_MILLISECONDS = 1e11  # a number of seconds above it would lie after the year 5000
_MARKS = re.compile(
    "\ue200.*?\ue201|【\\d+[^】]{0,80}】", re.DOTALL
)  # citations, of no use without their page
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class HistoryMessage:
    """What somebody said, and when, where the file tells."""

    role: Speaker
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages in their order. Names are those of the file; None where it has none."""

    messages: Sequence[HistoryMessage]
    session_id: str | None = None
    title: str = ""
    user_id: str | None = None
    agent_id: str | None = None

    @property
    def at(self) -> datetime | None:
        """When it began."""
        return next((message.at for message in self.messages if message.at is not None), None)


@dataclass(frozen=True, slots=True)
class Fact:
    """A statement that another memory had drawn from what was said."""

    text: str
    at: datetime | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    session_id: str | None = None
    user_id: str | None = None
    agent_id: str | None = None


Told = Conversation | Fact


def speaker(role: object) -> Speaker | None:
    """Who speaks; None for what no person and no assistant said: system, tool, function."""
    return _SPEAKERS.get(role.casefold()) if isinstance(role, str) else None


def unspoken(role: object) -> str:
    """The reason to leave such a message out."""
    known = ("system", "developer", "tool", "function")
    return role if isinstance(role, str) and role in known else "unknown role"


def moment(value: object) -> datetime | None:
    """A time as seconds or milliseconds since 1970 or in ISO 8601; None for what is none, or cannot be."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            found = datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS else value, UTC)
        elif isinstance(value, str):
            found = datetime.fromisoformat(value)
            found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return found if found >= _EARLIEST else None


def past(value: object) -> datetime | None:
    """The same for when something was said, which is not to come."""
    found = moment(value)
    return found if found is not None and found <= now() else None


def named(value: object) -> str | None:
    """An id or name that a scope can have; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    return plain(value).strip()[:MAX_NAME].strip() or None


def plain(text: str) -> str:
    """A text without what no database stores, and without marks that only its product could show."""
    return _MARKS.sub("", _UNSTORABLE.sub("", text))


def spoken(content: object, left_out: LeftOut) -> str:
    """The text of a message's content: text itself, or parts of which those with text count."""
    if isinstance(content, str):
        return plain(content).strip()
    if not isinstance(content, Sequence):
        return ""
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(text, str):
            texts.append(text)
        elif part:
            left_out["image, file or tool part"] += 1
    return plain("\n".join(texts)).strip()


def objects(documents: Sequence[Any], *wrappers: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of a file: its values, members of its lists, and of lists under these names."""
    for document in documents:
        for one in document if isinstance(document, list) else [document]:
            if not isinstance(one, Mapping):
                continue
            inner = next((one[name] for name in wrappers if isinstance(one.get(name), list)), None)
            if inner is None:
                yield one
            else:
                yield from (item for item in inner if isinstance(item, Mapping))
