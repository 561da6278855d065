"""Listings, in SQL: memories and retired passages of a scope, newest first, narrowed.

Items of metadata are compared in Python, which is the same on every database; of the rows, SQL leaves out
those whose metadata lacks a key.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    cast,
    func,
    literal,
    select,
    tuple_,
)

from memory.backends.sql.reading import NO_TIME, Row, latest, readable, rows
from memory.backends.sql.rows import PAST, RECORD, shown, whose
from memory.backends.sql.scoping import alive, held, visible
from memory.backends.sql.tables import memories, retired
from memory.ports import Wanted
from memory.records import Holding, MemoryRecord, Scope, State
from memory.records.filters import needed

_MOST_KEYS = 20  # that SQL looks for: few rows have as many, and SQLite bounds the conditions of a statement
_AT_ONCE = 500  # rows, where some of them may not be meant

Seen = Sequence[tuple[Table, ColumnElement[bool]]]


def seen(scope: Scope, state: State, at: datetime, as_of: datetime | None) -> Seen:
    """What of which table a listing looks at."""
    if as_of is not None:
        return [(table, held(table, scope, at, as_of)) for table in (memories, retired)]
    if state == "past":
        return [(t, and_(alive(t, scope, at), t.c.valid_until <= at)) for t in (memories, retired)]
    if state == "coming":
        return [(memories, and_(alive(memories, scope, at), memories.c.valid_from > at))]
    now = visible(scope, at)
    return [(memories, now if state == "current" else and_(now, memories.c.pinned))]


def listed(
    connection: Connection, seen: Seen, wanted: Wanted, after: str | None, most: int
) -> tuple[list[MemoryRecord], list[str]]:
    """At most so many of them, newest first, that come after an id; and ids of damaged ones between them."""
    at_once = max(most, _AT_ONCE) if wanted.filters else most
    found: list[MemoryRecord] = []
    damaged: list[str] = []
    while len(found) < most:
        some = _some(connection, seen, wanted, after, at_once)
        for row in some:
            record = readable(row)
            if record is None:
                damaged.append(row["id"])
            elif wanted.described(record):
                found.append(record)
        if len(some) < at_once:
            break
        after = some[-1]["id"]
    return found[:most], [one for one in damaged if len(found) < most or one > found[most - 1].id]


def _some(connection: Connection, seen: Seen, wanted: Wanted, after: str | None, most: int) -> list[Row]:
    found: list[Row] = []
    for table, those in seen:
        columns = RECORD if table is memories else PAST
        met = select(*columns).where(those, *_conditions(table, wanted, after))
        found += rows(connection, met.order_by(table.c.id.desc()).limit(most))
    return sorted(found, key=lambda row: str(row["id"]), reverse=True)[:most]


def _conditions(table: Table, wanted: Wanted, after: str | None) -> Iterator[ColumnElement[bool]]:
    if after is not None:
        yield table.c.id < after
    for name in ("kind", "document_id", "superseded_by"):
        value = getattr(wanted, name)
        if value is not None:
            yield table.c[name] == value
    if wanted.since is not None:
        yield table.c.created_at >= wanted.since
    if wanted.until is not None:
        yield table.c.created_at < wanted.until
    for key in sorted(needed(wanted.filters))[:_MOST_KEYS]:
        yield cast(table.c.metadata, Text).contains(json.dumps(key), autoescape=True)


def beginning(connection: Connection, scope: Scope, prefix: str, at: datetime, most: int) -> list[str]:
    """Ids of memories that begin so, oldest first."""
    those = (alive(memories, scope, at), memories.c.id.startswith(prefix, autoescape=True))
    found = connection.scalars(select(memories.c.id).where(*those).order_by(memories.c.id).limit(most))
    return [memory_id for memory_id in found if memory_id.startswith(prefix)]  # LIKE may know no case


def holdings(
    connection: Connection,
    scope: Scope,
    at: datetime,
    by_document: bool,
    after: tuple[str, str, str] | None,
    most: int,
) -> list[Holding]:
    """What users and agents have now, or each of their documents, by name."""
    document = memories.c.document_id if by_document else literal("")
    names = (document.label("document"), memories.c.user_id, memories.c.agent_id)
    counts = (
        func.count().label("memories"),
        func.sum(func.length(memories.c.text)).label("characters"),
        latest(memories).label("last_at"),
    )
    those = [visible(scope, at), memories.c.kind != "skill"]
    those += [memories.c.document_id.is_not(None)] if by_document else []
    grouped = [memories.c.document_id] if by_document else []
    grouped += [memories.c.user_id, memories.c.agent_id]
    if after is not None:
        those.append(tuple_(*grouped) > tuple_(*map(literal, after[-len(grouped) :])))
    wanted = select(*names, *counts).where(*those).group_by(*grouped).order_by(*grouped).limit(most)
    return [
        Holding(
            whose(row | {"tenant_id": scope.tenant_id, "session_id": None}),
            shown(row["document"]),
            row["memories"],
            row["characters"],
            row["last_at"] or NO_TIME,
        )
        for row in map(dict, connection.execute(wanted).mappings())
    ]
