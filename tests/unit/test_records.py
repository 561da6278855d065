"""What a record refuses to hold, whatever store it is for."""

from __future__ import annotations

import pytest

from memory.conformance.samples import NOON, record
from memory.errors import EmptyText, InvalidInput, MissingScope
from memory.records import Message, Scope, check_aware
from memory.records.inputs import messages_in


@pytest.mark.parametrize("text", ["", " \n\t"])
def test_blank_text_is_no_memory(text: str) -> None:
    """There has to be something to remember."""
    with pytest.raises(EmptyText):
        record(text)


@pytest.mark.parametrize(("text", "message"), [("a\0b", "NUL character at 1"), ("a\ud800", "Unicode")])
def test_text_that_no_database_keeps_is_refused(text: str, message: str) -> None:
    """NUL characters and undecodable bytes are named, not stored."""
    with pytest.raises(InvalidInput, match=message):
        record(text)


@pytest.mark.parametrize("metadata", [{"at": NOON}, {"n": float("nan")}, {1: "one"}, {"t": (1, 2)}])
def test_metadata_that_json_would_change_is_refused(metadata: dict[str, object]) -> None:
    """What goes in comes out the same, or does not go in."""
    with pytest.raises(InvalidInput, match="metadata"):
        record("tea", metadata=metadata)


@pytest.mark.parametrize("name", ["", "  "])
def test_a_blank_name_is_an_error(name: str) -> None:
    """An unset variable must not widen a scope."""
    for what in ("user_id", "agent_id", "session_id", "tenant_id"):
        with pytest.raises(MissingScope, match=what):
            Scope(**{what: name})


def test_times_without_a_zone_are_refused() -> None:
    """A naive time means another moment on another machine."""
    with pytest.raises(InvalidInput, match="time zone"):
        record("tea", expires_at=NOON.replace(tzinfo=None))


def test_names_and_times_of_other_types_are_refused() -> None:
    """With one clear error: a number as user, a date as text."""
    with pytest.raises(InvalidInput, match="user_id is int; give str"):
        Scope(user_id=5)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="expires_at is str; give a datetime"):
        check_aware("expires_at", "2030-01-01")  # type: ignore[arg-type]


def test_messages_of_other_products_are_read_for_their_text() -> None:
    """Parts, developers, tools and a call without words: what somebody says is taken, the rest left out."""
    parts = [{"type": "text", "text": "My hat is blue."}, {"type": "image_url", "image_url": {"url": "u"}}]
    given = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None, "tool_calls": []},
        {"role": "tool", "content": "17 degrees"},
        {"role": "user", "content": None},
    ]
    said = [Message("system", "Be brief."), Message("user", "My hat is blue.")]
    assert messages_in(given, 1000) == said
    with pytest.raises(InvalidInput, match="parts of content are"):
        messages_in([{"role": "user", "content": [5]}], 1000)
