"""Conversations that are given as JSON text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from memory.text.chats import conversation
from tests.conftest import MakeMemory

DOG, REPLY = "My dog is called Biscuit.", "What a name!"
AT = datetime(2024, 3, 5, 12, tzinfo=UTC)


def _node(role: str, text: str, parent: str | None, *children: str, kind: str = "text") -> dict[str, Any]:
    content = {"content_type": kind, "parts": [text]}
    message = {"author": {"role": role}, "content": content, "create_time": AT.timestamp()}
    return {"message": message, "parent": parent, "children": list(children)}


EXPORT = {
    "title": "Dogs",
    "current_node": "reply",
    "mapping": {
        "root": {"message": None, "parent": None, "children": ["old", "said"]},
        "old": _node("user", "My dog is called Rex.", "root"),
        "said": _node("user", DOG, "root", "search"),
        "search": _node("tool", "results", "said", "reply"),
        "reply": _node("assistant", REPLY, "search"),
    },
}
CLAUDE = {
    "uuid": "1",
    "chat_messages": [
        {"sender": "human", "text": DOG, "created_at": "2024-03-05T12:00:00Z"},
        {"sender": "assistant", "text": REPLY},
    ],
}
BOTH = [("user", DOG), ("assistant", REPLY)]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([{"role": "user", "content": DOG}, {"role": "assistant", "content": REPLY}], BOTH),
        ({"messages": [{"role": "user", "content": DOG}]}, BOTH[:1]),
        ({"role": "user", "content": DOG}, BOTH[:1]),
        ([{"from": "human", "value": DOG}, {"from": "gpt", "value": REPLY}], BOTH),
        ([{"conversations": [{"from": "human", "value": DOG}]}, {"messages": []}], BOTH[:1]),
        ([{"role": "user", "parts": [{"text": DOG}]}, {"role": "model", "parts": [{"text": REPLY}]}], BOTH),
        (
            [
                {"role": "developer", "content": "Be kind."},
                {"role": "user", "content": [{"type": "text", "text": DOG}, {"type": "image_url"}]},
                {"role": "assistant", "content": None, "tool_calls": []},
                {"role": "tool", "content": "42"},
            ],
            [("system", "Be kind."), BOTH[0]],
        ),
        (EXPORT, BOTH),
        ([EXPORT, EXPORT], BOTH + BOTH),
        ({**EXPORT, "current_node": "gone"}, BOTH),
        (CLAUDE, BOTH),
    ],
)
def test_a_conversation_in_json_is_read(given: object, told: list[tuple[str, str]]) -> None:
    """In the names of its program; tools and pictures say nothing, and of branches the last one counts."""
    found = conversation(json.dumps(given, indent=1))
    assert found is not None
    assert [(line.role, line.text) for line in found] == told


def test_messages_may_be_one_a_line() -> None:
    """JSON lines."""
    text = "\n".join(json.dumps({"role": role, "content": said}) for role, said in BOTH)
    assert [line.text for line in conversation(text) or []] == [DOG, REPLY]


@pytest.mark.parametrize(
    "given",
    [
        [],
        {},
        [1, 2],
        {"role": "admin", "name": "Ben"},
        [{"role": "user", "name": "Ben"}],
        [{"role": "user", "content": DOG}, {"city": "Oslo"}],
        [{"from": "Ana", "text": "hello"}],
        {"mapping": {"a": "b"}},
        {"mapping": {"a": {"parent": "a", "message": {"author": 1}}}, "current_node": "a"},
        {"messages": 3},
        [{"role": "assistant", "content": REPLY}],
    ],
)
def test_other_json_is_no_conversation(given: object) -> None:
    """Tables, settings, and what only looks like messages."""
    assert conversation(json.dumps(given)) is None


@pytest.mark.parametrize("text", ["", "[", "[12:30] Ana: hi", "{x}", "[" * 100_000, DOG])
def test_other_text_is_no_conversation(text: str) -> None:
    """Broken and deep JSON too."""
    assert conversation(text) is None


def test_it_is_remembered_as_messages_are(make_memory: MakeMemory) -> None:
    """What the user told, as of when it was said; with a session, its messages become turns."""
    memory = make_memory()
    added = memory.add(json.dumps([EXPORT]), user_id="ana", document_id="conversations.json")
    assert [record.text.split("\n")[0] for record in added] == [f"User: {DOG}"]
    assert added[0].created_at == AT
    memory.add(json.dumps(CLAUDE), user_id="ben", session_id="s")
    assert [turn.text for turn in memory.turns(user_id="ben", session_id="s")] == [DOG, REPLY]
