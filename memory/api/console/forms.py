"""What forms send: text fields, where an empty one is one that was left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.datastructures import UploadFile

from memory.errors import InvalidInput
from memory.records.inputs import Whose, items_in

Fields = Mapping[str, str]


async def _fields(request: Request) -> Fields:
    """The text fields of a form, or of a query."""
    if request.method == "GET":
        return _filled(request.query_params)
    return _filled(await request.form(max_files=0, max_fields=50))


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
    async with request.form(max_files=1, max_fields=50) as form:
        for value in form.values():
            if isinstance(value, UploadFile) and value.filename:
                return Sent(_filled(form), PurePath(value.filename).name, await value.read())
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
