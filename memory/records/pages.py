"""Parts of listings, and the cursors between them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeVar

from memory.errors import InvalidInput
from memory.records.remembered import MemoryRecord, Scope

T = TypeVar("T")
MAX_PAGE = 1000  # memories in one page of a listing


class Named(Protocol):
    """What has an id."""

    @property
    def id(self) -> str: ...


def cut(found: Sequence[T], limit: int, cursor: Callable[[T], str]) -> tuple[tuple[T, ...], str | None]:
    """A page of `limit`, where one more was looked for, and where the next page begins, if there is one."""
    return tuple(found[:limit]), cursor(found[limit - 1]) if len(found) > limit else None


def id_cursor(one: Named) -> str:
    """Where a page of rows by id ends: the id, with a sum over it, so that not any text is a cursor."""
    return f"{one.id}.{zlib.crc32(one.id.encode()):08x}"


def after_id(cursor: str | None) -> str | None:
    """The id after which a page goes on. Raises InvalidInput for an invalid cursor."""
    if cursor is None:
        return None
    found, _, summed = str(cursor).rpartition(".")
    if summed != f"{zlib.crc32(found.encode(errors='surrogatepass')):08x}":
        raise InvalidInput("the cursor is not valid; pass the one that the previous page returned")
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing. `cursor` goes into the next call; None says that this was the last page.

    `damaged` are ids of memories that belong here and cannot be read; they can be erased.
    """

    records: tuple[MemoryRecord, ...]
    cursor: str | None
    damaged: tuple[str, ...] = ()


def every_record(page: Callable[[str | None], Page]) -> Iterator[MemoryRecord]:
    """The memories of all pages: `page` gives the one that a cursor names, None the first."""
    cursor: str | None = None
    while True:
        some = page(cursor)
        yield from some.records
        cursor = some.cursor
        if cursor is None:
            return


@dataclass(frozen=True, slots=True)
class Session:
    """A conversation, and how much is in it."""

    scope: Scope
    turns: int
    last_at: datetime  # of its newest turn


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Part of a listing. `cursor` goes into the next call; None says that this was the last page."""

    sessions: tuple[Session, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Holding:
    """How many memories that hold now a user and agent have, or a document of theirs; skills apart."""

    scope: Scope
    document_id: str | None  # None: of all that they told
    memories: int
    characters: int
    last_at: datetime  # when the newest was told


@dataclass(frozen=True, slots=True)
class HoldingPage:
    """Part of a listing. `cursor` goes into the next call; None says that this was the last page."""

    holdings: tuple[Holding, ...]
    cursor: str | None


def session_cursor(session: Session) -> str:
    """Where in a listing by session, user and agent this one stands."""
    return _names_cursor(session.scope.session_id, session.scope)


def holding_cursor(holding: Holding) -> str:
    """Where in a listing by document, user and agent this one stands."""
    return _names_cursor(holding.document_id, holding.scope)


def _names_cursor(first: str | None, scope: Scope) -> str:
    return json.dumps([first or "", scope.user_id or "", scope.agent_id or ""])


def after_names(cursor: str | None) -> tuple[str, str, str]:
    """(session or document, user, agent) after which a page goes on. Raises InvalidInput for no cursor."""
    try:
        first, user, agent = ("", "", "") if cursor is None else json.loads(cursor)
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidInput("the cursor is not valid; pass the one that the previous page returned") from error
    return str(first), str(user), str(agent)


def check_page(limit: int) -> None:
    """Refuse a page size out of bounds. Raises InvalidInput."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"limit is {limit}; give 1 to {MAX_PAGE}")
