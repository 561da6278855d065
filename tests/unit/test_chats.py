"""Conversations that are given as JSON text."""

from __future__ import annotations

import json

import pytest

from memory.errors import InvalidInput
from memory.text.chats import conversation
from tests.conftest import MakeMemory

DOG, REPLY = "My dog is called Biscuit.", "What a name!"
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
    ],
)
def test_a_conversation_in_json_is_read(given: object, told: list[tuple[str, str]]) -> None:
    """In the names of its program; tools and pictures say nothing."""
    found = conversation(json.dumps(given, indent=1))
    assert found is not None
    assert [(message.role, message.text) for message in found] == told


def test_messages_may_be_one_a_line() -> None:
    """JSON lines."""
    text = "\n".join(json.dumps({"role": role, "content": said}) for role, said in BOTH)
    assert [message.text for message in conversation(text) or []] == [DOG, REPLY]


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


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ([{"title": "Dogs", "mapping": {}}], "chatgpt"),
        ({"title": "Dogs", "mapping": {"a": {}}}, "chatgpt"),
        ([{"uuid": "1", "name": "Dogs", "chat_messages": []}], "claude"),
    ],
)
def test_an_export_of_a_chat_service_says_how_it_is_imported(given: object, source: str) -> None:
    """It has sessions and dates, which `add` would lose."""
    with pytest.raises(InvalidInput, match=f"memory import --from {source} FILE"):
        conversation(json.dumps(given))


def test_it_is_remembered_as_messages_are(make_memory: MakeMemory) -> None:
    """With a session, its messages become turns."""
    memory = make_memory()
    text = json.dumps([{"role": role, "content": said} for role, said in BOTH])
    added = memory.add(text, user_id="ana", document_id="chat.json")
    assert [record.text.split("\n")[0] for record in added] == [f"User: {DOG}"]
    memory.add(text, user_id="ben", session_id="s")
    assert [turn.text for turn in memory.turns(user_id="ben", session_id="s")] == [DOG, REPLY]
