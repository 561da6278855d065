"""What forms send: text fields, where an empty one is one that was left out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Annotated, Any
from urllib.parse import parse_qsl

import anyio
import anyio.to_thread
from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from memory.errors import InvalidInput, TextTooLarge
from memory.records.inputs import Whose, items_in

Fields = Mapping[str, str]

_MOST_FIELDS = 50
_MOST_BYTES = 1024 * 1024  # of a form without files: what is longer is uploaded
_PIECE = 64 * 1024  # bytes of a form that are read before others have their turn


async def _fields(request: Request) -> Fields:
    """The text fields of a form, or of a query."""
    if request.method == "GET":
        return _filled(request.query_params)
    if _kind(request) == "multipart/form-data":
        return _filled(await _parts(request, most_files=0))
    body = await request.body() if _kind(request) == "application/x-www-form-urlencoded" else b""
    return _filled(await anyio.to_thread.run_sync(_pairs, body))


def _kind(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _pairs(body: bytes) -> dict[str, str]:
    """What a form without files says, as browsers encode it. Raises TextTooLarge, InvalidInput."""
    if len(body) > _MOST_BYTES:
        raise TextTooLarge(f"the form has more than {_MOST_BYTES:,} bytes; upload the text as a file")
    try:
        return dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise InvalidInput(f"the form has more than {_MOST_FIELDS} fields") from error


async def _parts(request: Request, *, most_files: int) -> FormData:
    """A form in parts, as one with a file is. Raises InvalidInput."""
    body = await request.body()
    if not body.rstrip().endswith(b"--"):
        raise InvalidInput("the form ends in the middle; send it again")

    async def pieces() -> AsyncGenerator[bytes, None]:
        for start in range(0, len(body), _PIECE):
            await anyio.sleep(0)
            yield body[start : start + _PIECE]

    parser = MultiPartParser(request.headers, pieces(), max_files=most_files, max_fields=_MOST_FIELDS)
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise InvalidInput(f"this is no form that can be read: {error.message}") from error


def _filled(given: Mapping[str, Any]) -> Fields:
    """The fields that say something."""
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    lines = {name: value.replace("\r\n", "\n").strip() for name, value in texts.items()}  # browsers send CRLF
    return {name: value for name, value in lines.items() if value}


Form = Annotated[Fields, Depends(_fields)]


@dataclass(frozen=True, slots=True)
class Sent:
    """A form with a file."""

    fields: Fields
    name: str
    data: bytes


async def _upload(request: Request) -> Sent:
    """A form with one file. Raises InvalidInput without."""
    form = await _parts(request, most_files=1) if _kind(request) == "multipart/form-data" else FormData()
    try:
        for value in form.values():
            if isinstance(value, UploadFile) and value.filename:
                return Sent(_filled(form), PurePath(value.filename).name, await value.read())
    finally:
        await form.close()
    raise InvalidInput("choose a file")


Upload = Annotated[Sent, Depends(_upload)]


def whole(fields: Fields, name: str, otherwise: int | None = None) -> int | None:
    """A whole number. Raises InvalidInput."""
    if name not in fields:
        return otherwise
    try:
        return int(fields[name])
    except ValueError as error:
        raise InvalidInput(f"{name} is no whole number") from error


def whose(fields: Fields, tenant_id: str) -> Whose:
    """Whose memory a form means, in the tenant of the key."""
    names = ("user_id", "agent_id", "session_id")
    user, agent, session = (fields.get(name) for name in names)
    return Whose(tenant_id=tenant_id, user_id=user, agent_id=agent, session_id=session)


def needed(fields: Fields, name: str) -> str:
    """A field that has to be filled in. Raises InvalidInput."""
    if name not in fields:
        raise InvalidInput(f"{name} is empty; fill it in")
    return fields[name]


def moment(fields: Fields, name: str = "as_of") -> datetime | None:
    """A date or time of a form, in UTC where it has no zone. Raises InvalidInput."""
    if name not in fields:
        return None
    try:
        at = datetime.fromisoformat(fields[name])
    except ValueError as error:
        raise InvalidInput(f"{name} is no date; give one like 2026-05-04") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def metadata(fields: Fields) -> dict[str, Any] | None:
    """Items of metadata: JSON. Raises InvalidInput."""
    return items_in("metadata", fields["metadata"]) if "metadata" in fields else None
