"""Zep: sessions (threads) with messages, and facts, as its API returns them.

    {"session_id" | "thread_id", "user_id",
     "messages": [{"uuid", "role_type", "role", "content", "created_at"}],
     "facts": [{"uuid", "fact" | "content", "created_at", "valid_at", "invalid_at", "expired_at"}]}

one such object, several in a list or under "sessions", or edges of the graph alone. In older versions `role`
says who speaks; where `role_type` does, `role` is a name. A fact that holds no longer is of the past.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memory.upkeep.histories.history import (
    Conversation,
    Fact,
    HistoryMessage,
    LeftOut,
    Told,
    moment,
    named,
    objects,
    past,
    plain,
    speaker,
    spoken,
    unspoken,
)

_LISTS = ("sessions", "threads")
_FACTS = ("facts", "relevant_facts", "edges")


def looks(documents: Sequence[Any]) -> bool:
    """Whether a file has this form."""
    return any(_looks(one) for one in objects(documents, *_LISTS))


def read(documents: Sequence[Any], left_out: LeftOut) -> Iterator[Told]:
    """Its conversations and facts."""
    for one in objects(documents, *_LISTS):
        if _is_message(one):
            continue
        if isinstance(one.get("fact"), str):
            yield from _fact(one, one, left_out)
        for name in _FACTS:
            for fact in _listed(one, name):
                yield from _fact({"fact": fact} if isinstance(fact, str) else fact, one, left_out)
        if said := _messages(_listed(one, "messages"), left_out):
            yield Conversation(said, _session(one), user_id=named(one.get("user_id")))
    loose = [one for one in objects(documents, *_LISTS) if _is_message(one)]
    if said := _messages(loose, left_out):
        yield Conversation(said, _session(loose[0]))


def _looks(one: Mapping[str, Any]) -> bool:
    dated = any(
        isinstance(m, Mapping) and ("role_type" in m or "uuid" in m) for m in _listed(one, "messages")
    )
    listed = any(_listed(one, name) for name in _FACTS)
    return dated or listed or _is_message(one) or isinstance(one.get("fact"), str)


def _is_message(one: Mapping[str, Any]) -> bool:
    return "role_type" in one and "content" in one


def _listed(one: Mapping[str, Any], name: str) -> list[Any]:
    found = one.get(name)
    return found if isinstance(found, list) else []


def _session(one: Mapping[str, Any]) -> str | None:
    names = ("session_id", "thread_id", "thread_uuid", "uuid")
    return next((found for name in names if (found := named(one.get(name)))), None)


def _messages(messages: Sequence[Any], left_out: LeftOut) -> list[HistoryMessage]:
    said = []
    for one in messages:
        role = (one.get("role_type") or one.get("role")) if isinstance(one, Mapping) else None
        who = speaker(role)
        text = "" if who is None else spoken(one.get("content"), left_out)
        if who is None or not text:
            left_out["empty" if who else unspoken(role)] += 1
        else:
            said.append(HistoryMessage(who, text, past(one.get("created_at"))))
    return said


def _fact(fact: Any, around: Mapping[str, Any], left_out: LeftOut) -> Iterator[Told]:
    given = fact if isinstance(fact, Mapping) else {}
    texts = (given.get("content"), given.get("fact"))  # `fact` is deprecated where both are given
    text = next((plain(one).strip() for one in texts if isinstance(one, str) and one.strip()), "")
    if not text:
        left_out["empty"] += 1
        return
    begins = moment(given.get("valid_at"))
    ends = moment(given.get("invalid_at")) or moment(given.get("expired_at"))
    told = past(given.get("created_at"))
    since = begins or told
    if ends is not None and since is not None and ends <= since:
        left_out["never held"] += 1
        return
    yield Fact(text, told, begins, ends, _session(around) if around is not fact else None,
               named(around.get("user_id")))  # fmt: skip
