"""The upstream's key in what the upstream says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pytest

from memory.api.redacted import Redactor

KEY = "sk-upstream/secret+4711"


def passed(pieces: Sequence[bytes], key: str = KEY, broken: bool = False) -> bytes:
    """What a stream of these pieces is passed on as."""

    async def source() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        if broken:
            raise httpx.ReadError("gone")

    async def read() -> bytes:
        said = b""
        try:
            async for piece in Redactor(key).events(source()):
                said += piece
        except httpx.ReadError:
            assert broken
        return said

    return asyncio.run(read())


def chat(*said: str, index: int = 0) -> list[bytes]:
    """Events of a chat's stream."""
    return [
        f"data: {json.dumps({'choices': [{'index': index, 'delta': {'content': one}}]})}\n\n".encode()
        for one in said
    ]


def words(stream: bytes, index: int = 0) -> str:
    """What one choice of a stream says."""
    events = [json.loads(line[5:]) for line in stream.splitlines() if line.startswith(b"data:")]
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == index]
    return "".join(choice["delta"]["content"] for choice in choices)


@pytest.mark.parametrize("size", [1, 2, 5, 7, 1000])
def test_a_key_in_a_stream_is_hidden_however_its_bytes_are_cut(size: int) -> None:
    """And the words around it are as they were."""
    whole = b"".join(chat("a ", f"b {KEY} c", " d"))
    stream = passed([whole[i : i + size] for i in range(0, len(whole), size)])
    assert words(stream) == "a b *** c d"


@pytest.mark.parametrize("size", [1, 2, 3, 9, 30])
def test_a_key_in_pieces_of_any_size_is_hidden(size: int) -> None:
    """At most its first three characters, which every key has, are seen."""
    said = f"The key is {KEY}, twice {KEY}."
    stream = passed(chat(*(said[i : i + size] for i in range(0, len(said), size))))
    assert KEY not in words(stream)
    assert KEY[4:] not in stream.decode()
    assert words(stream).startswith("The key is ")
    assert words(stream).endswith(".")


def test_what_only_begins_like_the_key_comes_through_as_it_was() -> None:
    """Byte by byte, also at the end and where a stream breaks off."""
    events = chat("sk-up", "stairs ", "sk-upstream/secret", "+4712 ", "sk-upstream/sec")
    assert passed(events) == b"".join(events)
    assert passed(events, broken=True) == b"".join(events)
    cut = [*events, b'data: {"choices": [{"del']
    assert passed(cut, broken=True) == b"".join(cut)


def test_choices_are_read_apart() -> None:
    """Halves of a key in two choices are no key; a whole one is, between the words of another."""
    half = len(KEY) // 2
    apart = [*chat(KEY[:half], index=0), *chat(KEY[half:], index=1)]
    assert passed(apart) == b"".join(apart)
    mixed = [*chat(KEY[:half], index=0), *chat("hello", index=1), *chat(KEY[half:] + "!", index=0)]
    stream = passed(mixed)
    assert words(stream, 0) == "***!"
    assert words(stream, 1) == "hello"


def test_arguments_of_calls_and_deltas_of_responses_are_read_too() -> None:
    """In pieces as well."""
    half = len(KEY) // 2

    def call(said: str) -> bytes:
        calls = [{"index": 0, "function": {"arguments": said}}]
        return f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'tool_calls': calls}}]})}\n\n".encode()

    def delta(said: str) -> bytes:
        event = {"type": "response.output_text.delta", "item_id": "m", "delta": said}
        return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()

    for form in (call, delta):
        stream = passed([form(KEY[:half]), form(KEY[half:])])
        assert KEY[half:] not in stream.decode()
        assert b"***" in stream
        assert stream.count(b"event: ") == 2 * (form is delta)


@pytest.mark.parametrize(
    "written",
    [KEY, KEY.replace("/", r"\/"), KEY.replace("+", r"\u002B"), "".join(f"\\u{ord(c):04x}" for c in KEY)],
)
def test_a_key_is_found_however_json_writes_it(written: str) -> None:
    """In whole bodies and in streams, in names and values."""
    body = f'{{"a": ["x {written}"], "{written}": 1}}'
    kept: Any = json.loads(Redactor(KEY).body(body.encode()))
    assert kept == {"a": ["x ***"], "***": 1}
    stream = passed([f"data: {body}\n\n".encode()])
    assert json.loads(stream[5:]) == kept


def test_what_is_no_json_is_searched_as_well() -> None:
    """Comments, pages, and what is left when a stream ends."""
    assert Redactor(KEY).body(f"<p>{KEY}</p>".encode()) == b"<p>***</p>"
    assert passed([f": {KEY}\n\n".encode(), f"data: {KEY}".encode()]) == b": ***\n\ndata: ***"


@pytest.mark.parametrize("key", ["", "EMPTY", "ollama"])
def test_a_word_in_place_of_a_key_is_no_secret(key: str) -> None:
    """Servers without keys ask for one; replies may say it."""
    events = chat("ollama is EMPTY", " of secrets")
    assert passed(events, key) == b"".join(events)
    assert Redactor(key).body(b'"ollama EMPTY"') == b'"ollama EMPTY"'
