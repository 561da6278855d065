"""Names, ids and hashes, and what a text or metadata has to be."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from memory.errors import EmptyText, InvalidInput, MissingScope

Kind = Literal["message", "document", "session", "skill", "image"]
Role = Literal["system", "user", "assistant"]
SkipReason = Literal[
    "question", "request", "small talk", "not to be kept", "instruction", "recalled", "empty", "duplicate"
]
State = Literal["current", "pinned", "past", "coming"]  # of memories, as a listing shows them

SCOPE_FIELDS = ("user_id", "agent_id", "session_id")  # what a scope may give inside its tenant
ID_LENGTH = 32  # characters of what `new_id` gives
MAX_NAME = 255  # characters in a tenant, user, agent, session or document id
MAX_METADATA = 64 * 1024  # characters of JSON
STANDALONE_KINDS: tuple[Kind, ...] = ("document", "skill", "image")  # superseded by nothing that is told
SINGLE_KINDS: tuple[Kind, ...] = ("skill", "image")  # supersede nothing, have no past, are never compacted
IMAGE = "image"  # what metadata says of the picture that an image is: see memory.write.thumbnails
SKILLS = "skills"  # document_id that all skills have: the index on it finds them among many memories


def new_id() -> str:
    """32 hex characters: nanoseconds since 1970, then 64 random bits. Sorts by time of making."""
    return f"{time.time_ns():016x}{secrets.token_hex(8)}"


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def content_hash(text: str, kind: Kind = "message", metadata: Mapping[str, Any] | None = None) -> str:
    """sha256 of the text's UTF-8 bytes, in hex: the key under which equal content is stored once.

    A skill has another hash than a fact of the same words; so has each image, by the hash of its picture in
    ``metadata``. Raises InvalidInput for text that UTF-8 cannot say.
    """
    check_characters("the text", text)
    salt = f"{kind}\0" if kind in SINGLE_KINDS else ""
    if kind == "image":
        salt += f"{image_of(metadata or {}).get('sha256')}\0"
    return hashlib.sha256(f"{salt}{text}".encode()).hexdigest()


def image_of(metadata: Mapping[str, Any]) -> Mapping[str, Any]:
    """What metadata says of a picture: sha256, width, height, thumbnail; nothing where it says none."""
    found = metadata.get(IMAGE)
    return found if isinstance(found, Mapping) else {}


def check_name(what: str, value: str | None) -> None:
    """Refuse a name that is given but blank, too long, or not storable (NUL, lone surrogates).

    Blank is refused rather than read as "not given": an unset variable must not widen a scope.
    """
    if value is None:
        return
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is {type(value).__name__}; give str")
    if not value.strip():
        raise MissingScope(f"{what} is blank; give a name, or leave it out")
    if len(value) > MAX_NAME:
        raise InvalidInput(f"{what} has {len(value)} characters; at most {MAX_NAME} are allowed")
    check_characters(what, value)


def check_characters(what: str, text: str) -> None:
    """Refuse what not every database stores: NUL characters and lone surrogates (undecodable bytes)."""
    if "\0" in text:
        raise InvalidInput(f"{what} holds a NUL character at {text.index(chr(0))}; is it a binary file?")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{what} is not valid Unicode at character {error.start}; decode it first"
        ) from error


def check_text(text: str) -> None:
    """Refuse text that is blank or cannot be stored. Raises EmptyText, InvalidInput."""
    if not text.strip():
        raise EmptyText("the text is empty; there is nothing to remember")
    check_characters("the text", text)


def check_aware(what: str, at: datetime | None) -> None:
    """Refuse a time without a time zone, and what is no time. Raises InvalidInput."""
    if at is not None and not isinstance(at, datetime):
        raise InvalidInput(f"{what} is {type(at).__name__}; give a datetime with a time zone")
    if at is not None and at.tzinfo is None:
        raise InvalidInput(f"{what} {at} has no time zone; use an aware datetime")


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Refuse metadata that would not come back the same from JSON, or is too large. Raises InvalidInput."""
    if metadata == {}:  # which most rows that are read have, hundreds a recall
        return
    try:
        said = json.dumps(dict(metadata), allow_nan=False)
        same = json.loads(said) == dict(metadata)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"metadata cannot be kept as JSON: {error}") from error
    if len(said) > MAX_METADATA:  # each change of the text keeps a copy of it
        raise InvalidInput(f"the metadata has {len(said):,} characters; at most {MAX_METADATA:,} are kept")
    if not same:
        raise InvalidInput("metadata changes on its way through JSON; use string keys, lists, numbers, text")


def notes(metadata: Mapping[str, Any] | None, pinned: bool | None) -> dict[str, Any]:
    """What of a memory changes without another adapter; None means unchanged. Raises InvalidInput."""
    if metadata is not None:
        check_metadata(metadata)
    return ({} if metadata is None else {"metadata": dict(metadata)}) | (
        {} if pinned is None else {"pinned": pinned}
    )
