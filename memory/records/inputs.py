"""Input types and their validation, done once at the public API."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, cast, get_args

from memory.errors import EmptyText, InvalidInput, TextTooLarge
from memory.records import (
    Message,
    Role,
    Scope,
    check_aware,
    check_characters,
    check_metadata,
    check_text,
    now,
)
from memory.records.filters import check_filters

MAX_IMAGE_BYTES = 20 * 1024 * 1024  # of a file
MAX_RECALLED = 50  # texts in one recall
MAX_CHOICES = 64  # answers that a question may name,
MAX_CHOICE = 500  # characters of each
_NOT_SAID = ("tool", "function")  # roles whose messages nobody says
_PASSAGE = 100  # characters, about
_MOST_COPIED = 8  # times what was sent,
_ALWAYS_COPIED = 1024 * 1024  # and so many characters more

Said = Message | Mapping[str, Any]
"""A message, or its usual form {"role": "user", "content": "..."}."""

Content = str | Said | Sequence[Said]
"""A text, or messages of a conversation."""


Picture = bytes | str | Path
"""An image: the bytes of its file, a path, or a data URL."""


class Whose(TypedDict, total=False):
    """Whose memory. The tenant comes from the settings where it is left out."""

    user_id: str | None
    agent_id: str | None
    session_id: str | None
    tenant_id: str | None


def scope_in(given: Mapping[str, Any], tenant: str) -> Scope:
    """The scope that keywords name. Raises MissingScope for a blank name."""
    tenant_id = given.get("tenant_id")
    return Scope(
        user_id=given.get("user_id"),
        agent_id=given.get("agent_id"),
        session_id=given.get("session_id"),
        tenant_id=tenant if tenant_id is None else tenant_id,
    )


def text_in(content: str, max_bytes: int) -> str:
    """A text that can be remembered. Raises EmptyText, TextTooLarge, InvalidInput."""
    if not isinstance(content, str):
        raise InvalidInput(f"the text is {type(content).__name__}; give str (decode bytes first)")
    check_size([content], max_bytes)
    check_text(content)
    return content


def image_in(image: Picture) -> bytes:
    """The bytes of an image file. Raises InvalidInput, for a path that leads nowhere too."""
    if isinstance(image, str) and image.startswith("data:"):
        return data_url_in(image)
    if isinstance(image, str | Path):
        path = Path(image).expanduser()
        try:
            with path.open("rb") as file:
                image = file.read(MAX_IMAGE_BYTES + 1)
        except (OSError, ValueError) as error:
            raise InvalidInput(f"cannot read the image {path}: {error}") from error
    if not isinstance(image, bytes):
        raise InvalidInput(f"the image is {type(image).__name__}; give a path, bytes or a data URL")
    if len(image) > MAX_IMAGE_BYTES:
        raise InvalidInput(f"the image has more than {MAX_IMAGE_BYTES:,} bytes; make it smaller")
    return image


def caption_in(content: Content, max_bytes: int) -> str:
    """What is said of an image, "" for nothing. Raises InvalidInput, TextTooLarge."""
    if not isinstance(content, str):
        raise InvalidInput("an image takes a caption, which is a text; add messages by themselves")
    return text_in(content, max_bytes) if content.strip() else ""


def data_url_in(url: str) -> bytes:
    """The bytes in a URL like data:image/png;base64,... Raises InvalidInput; fetches nothing."""
    kind, found, data = url.partition(";base64,")
    if not found or not kind.startswith("data:image/"):
        raise InvalidInput("the image is no data URL; give one like data:image/png;base64,...")
    if len(data) > MAX_IMAGE_BYTES * 4 // 3 + 4:
        raise InvalidInput(f"the image has more than {MAX_IMAGE_BYTES:,} bytes; make it smaller")
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise InvalidInput("the image's data URL is not valid base64") from error


def choices_in(given: Sequence[str] | None) -> tuple[str, ...]:
    """The answers that a question may have; none for None. Raises EmptyText, InvalidInput."""
    if given is None:
        return ()
    if not isinstance(given, Sequence) or isinstance(given, str | bytes):
        raise InvalidInput(f'choices are {type(given).__name__}; give a list of texts, as ["yes", "no"]')
    choices = tuple(text_in(one, MAX_CHOICE * 4).strip() for one in given)
    if not 2 <= len(choices) <= MAX_CHOICES:
        raise InvalidInput(f"{len(choices)} choices are given; give 2 to {MAX_CHOICES}")
    for one in choices:
        if len(one) > MAX_CHOICE:
            raise InvalidInput(f"a choice has {len(one)} characters; at most {MAX_CHOICE} are taken")
        if choices.count(one) > 1:
            raise InvalidInput(f"the choice {one!r} is given twice")
    return choices


def messages_in(content: Said | Sequence[Said], max_bytes: int) -> list[Message]:
    """Messages of a conversation, the blank ones left out. Raises as `text_in` does."""
    given = [content] if isinstance(content, Message | Mapping) else content
    if not isinstance(given, Sequence) or isinstance(given, bytes | bytearray):
        raise InvalidInput(f"give a text or messages, got {type(content).__name__}")
    messages = [message for one in given if (message := _message(one)).text.strip()]
    if not messages:
        raise EmptyText("the messages are empty; there is nothing to remember")
    check_size([message.text for message in messages], max_bytes)
    for message in messages:
        check_characters("a message", message.text)
    return messages


def content_in(content: object) -> str:
    """What the content of a message says: a text, parts of which texts are read, or nothing.

    Raises InvalidInput.
    """
    if content is None:
        return ""
    if isinstance(content, Sequence) and not isinstance(content, str | bytes | bytearray):
        return "\n".join(filter(None, map(_part, content))).strip()
    if not isinstance(content, str):
        raise InvalidInput(f"content is {type(content).__name__}; give str")
    return content


def check_size(texts: Sequence[str], max_bytes: int) -> None:
    """Refuse more UTF-8 bytes than that. Raises TextTooLarge."""
    if sum(map(len, texts)) <= max_bytes // 4:
        return
    size = sum(len(text.encode(errors="surrogatepass")) for text in texts)
    if size > max_bytes:
        raise TextTooLarge(
            f"the text has {size:,} bytes, at most {max_bytes:,} are taken in one call; "
            "add it in parts, or raise MEMORY_MAX_TEXT_BYTES"
        )


def check_copies(metadata: Mapping[str, Any], texts: Sequence[str]) -> None:
    """Refuse metadata that would be kept many times over, by each memory of a text. Raises InvalidInput."""
    check_metadata(metadata)
    size = len(json.dumps(dict(metadata)))
    sent = sum(map(len, texts))
    copies = max(len(texts), sent // _PASSAGE)
    if size * copies > _MOST_COPIED * (sent + size) + _ALWAYS_COPIED:
        raise InvalidInput(
            f"the metadata has {size:,} characters, and each of some {copies:,} memories would keep them; "
            "give less of it, or add the text in parts"
        )


def check_span(begins: datetime | None, ends: datetime | None) -> None:
    """Refuse a time of validity that is over before it begins. Raises InvalidInput."""
    check_aware("valid_from", begins)
    check_aware("valid_until", ends)
    if ends is not None and ends <= (begins or now()):
        raise InvalidInput(f"valid_until {ends} must be later than its beginning, {begins or 'now'}")


def filters_in(given: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What metadata has to have (`memory.records.filters`); nothing for None. Raises InvalidInput."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise InvalidInput(f'filters are {type(given).__name__}; give items of metadata, as {{"page": 3}}')
    check_filters(given)
    check_metadata(given)
    return given


def items_in(what: str, text: str) -> dict[str, Any]:
    """Items of metadata that a text spells as JSON. Raises InvalidInput."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f'{what} is no JSON; give an object like {{"topic": "work"}}') from error
    if not isinstance(found, dict):
        raise InvalidInput(f'{what} is no JSON object; give one like {{"topic": "work"}}')
    return found


def check_expiry(expires_at: datetime | None) -> None:
    """Refuse a time that has passed, or that names no time zone. Raises InvalidInput."""
    if expires_at is None:
        return
    check_aware("expires_at", expires_at)
    if expires_at <= now():
        raise InvalidInput(f"expires_at {expires_at} has passed already")


_TEXTS = frozenset(("text", "input_text", "output_text"))  # types of parts that OpenAI's clients send


def _part(part: object) -> str:
    """The text of a part of a message; "" for an image and its like."""
    if isinstance(part, str):
        return part
    text = part.get("text") or "" if isinstance(part, Mapping) else None
    kind = part.get("type", "text") if isinstance(part, Mapping) else None
    if not isinstance(text, str) or not isinstance(kind, str):
        raise InvalidInput('parts of content are like {"type": "text", "text": "..."}')
    return text if kind in _TEXTS else ""


def _message(one: Said) -> Message:
    if isinstance(one, Message):
        one = {"role": one.role, "content": one.text, "recalled": one.recalled}
    if not isinstance(one, Mapping):
        raise InvalidInput(f'a message is {{"role": ..., "content": ...}}, got {type(one).__name__}')
    role = one.get("role")
    if role in _NOT_SAID:
        return Message("system", "")  # of a tool
    role = "system" if role == "developer" else role
    if role not in get_args(Role):
        raise InvalidInput(f"role is {role!r}; choose one of {', '.join(get_args(Role))}")
    return Message(cast(Role, role), content_in(one.get("content")), bool(one.get("recalled", False)))
