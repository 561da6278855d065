"""Input: a file, standard input, a text, or a conversation in JSON lines."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from memory.errors import EmptyText, InvalidInput, TextTooLarge
from memory.records.inputs import Said, messages_in
from memory.text.chats import conversation
from memory.text.documents import decoded, most_bytes, text_of

STDIN = "standard input"


def file_text(path: Path, most: int) -> str:
    """The text of a document, of at most `most` bytes where it is text. Raises as `text_of` does."""
    most = most_bytes(path.name, most)
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from error
    _check_size(data, str(path), most)
    return text_of(str(path), data)


def stdin_text(most: int) -> str:
    """What is piped in, at most `most` bytes. Raises InvalidInput, TextTooLarge."""
    data = sys.stdin.buffer.read(most + 1)
    _check_size(data, STDIN, most)
    return decoded(STDIN, data)


def stdin_lines() -> Iterator[str]:
    """What is piped in, line by line as it comes. What is no UTF-8 becomes characters that are refused."""
    yield from io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8-sig", errors="surrogateescape")


def holds_messages(text: str) -> bool:
    """Whether the first line is a message {"role": ..., "content": ...}."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        return {"role", "content"} <= set(json.loads(first))
    except (ValueError, TypeError):
        return False


def messages(text: str, name: str) -> Sequence[Said]:
    """The messages of a conversation, in any form of `memory.text.chats`.

    Raises InvalidInput, naming the line, where it is none.
    """
    if found := conversation(text):
        return found
    said = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            said.append(_message(line, f"line {number} of {name}"))
    if not said:
        raise EmptyText(f"{name} is empty; there is nothing to remember")
    return said


def _message(line: str, place: str) -> dict[str, Any]:
    try:
        message: dict[str, Any] = json.loads(line)
    except ValueError as error:
        raise InvalidInput(
            f"{place} is not valid JSON ({error}); "
            'a conversation has {"role": "user", "content": "..."} a line'
        ) from error
    try:
        messages_in([message], len(line) * 4)
    except EmptyText:
        pass  # a blank message tells nothing and harms nothing
    except InvalidInput as error:
        raise InvalidInput(f"{place}: {error}") from error
    return message


def _check_size(data: bytes, name: str, most: int) -> None:
    if len(data) > most:
        raise TextTooLarge(
            f"{name} has more than {most:,} bytes, the most that is taken in one call; "
            "add it in parts, or raise MEMORY_MAX_TEXT_BYTES"
        )
