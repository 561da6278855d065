"""Retired passages, in SQL: what compacted memories were made from, and what was so once.

Functions on a connection, as in sql_memories; the tenant is in all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from memory.backends.sql.changes import note
from memory.backends.sql.database import batches
from memory.backends.sql.reading import embedded, first, records
from memory.backends.sql.rows import PAST, past_columns, shown, whose
from memory.backends.sql.scoping import alive, bound, held, scope_columns, within
from memory.backends.sql.sizes import json_size
from memory.backends.sql.tables import memories, retired
from memory.ports import Vectors
from memory.records import SCOPE_FIELDS, MemoryRecord, Removed, Scope

_HOLDERS = select(retired.c.content_hash, retired.c.held_by).where(  # made once: every write asks
    bound(retired),
    or_(retired.c.expires_at.is_(None), retired.c.expires_at > bindparam("at")),
    retired.c.content_hash.in_(bindparam("hashes", expanding=True)),
    retired.c.held_by.is_not(None),
    retired.c.valid_until.is_(None),
)
_COPIED = [column.name for column in retired.c if column.name in memories.c]


def found(
    connection: Connection,
    scope: Scope,
    at: datetime,
    ids: Collection[str] | None,
    held_by: Collection[str] | None,
) -> list[MemoryRecord]:
    """Those with the ids, or with these holders, oldest first."""
    column, wanted = (retired.c.id, ids) if ids is not None else (retired.c.held_by, held_by)
    found: list[MemoryRecord] = []
    for some in batches(wanted or ()):
        found += records(connection, select(*PAST).where(alive(retired, scope, at), column.in_(some)))
    return sorted(found, key=lambda record: record.id)


def listed(connection: Connection, those: ColumnElement[bool], *, limit: int) -> list[MemoryRecord]:
    """Those that meet the condition, by id."""
    return first(connection, select(*PAST).where(those), retired.c.id, limit)


def many(
    connection: Connection, scope: Scope, ids: Iterable[str], at: datetime, as_of: datetime
) -> dict[str, MemoryRecord]:
    """Those of the ids that held then, by id."""
    found: dict[str, MemoryRecord] = {}
    for some in batches(ids):
        those = select(*PAST).where(held(retired, scope, at, as_of), retired.c.id.in_(some))
        found |= {record.id: record for record in records(connection, those)}
    return found


def vectors(
    connection: Connection, scope: Scope, at: datetime, as_of: datetime, embedder: str
) -> tuple[list[str], Vectors]:
    """Ids and embeddings of all that held then."""
    those = and_(held(retired, scope, at, as_of), retired.c.embedder == embedder)
    rows, found = embedded(connection, select(retired.c.id, retired.c.dim, retired.c.embedding).where(those))
    return [row["id"] for row in rows], found


def holders(connection: Connection, scope: Scope, hashes: Collection[str], at: datetime) -> dict[str, str]:
    """Content hash -> id of the holder, for passages of exactly this scope that still hold."""
    known: dict[str, str] = {}
    for some in batches(hashes):
        rows = connection.execute(_HOLDERS, {**scope_columns(scope), "hashes": some, "at": at})
        known |= {row.content_hash: row.held_by for row in rows}
    return known


def put(connection: Connection, records: Sequence[MemoryRecord], embeddings: Sequence[bytes]) -> int:
    """Insert those whose ids are not there yet; returns how many."""
    if not records:
        return 0
    tenant_id = records[0].scope.tenant_id
    taken: set[str] = set()
    for some in batches(record.id for record in records):
        for table in (retired, memories):
            those = and_(table.c.tenant_id == tenant_id, table.c.id.in_(some))
            taken |= set(connection.scalars(select(table.c.id).where(those)))
    new = [(r, e) for r, e in zip(records, embeddings, strict=True) if r.id not in taken]
    if new:
        connection.execute(insert(retired), [past_columns(*pair) for pair in new])
    return len(new)


def move(connection: Connection, those: ColumnElement[bool], held_by: str | None, at: datetime) -> None:
    """Retire memories: their rows go from one table to the other, but for adapter and use."""
    rows = connection.execute(select(*(memories.c[name] for name in _COPIED)).where(those)).mappings().all()
    if not rows:
        return
    note(connection, "RETIRE", [(row["id"], whose(row)) for row in rows], at)
    connection.execute(insert(retired), [{**row, "held_by": held_by} for row in rows])
    connection.execute(delete(memories).where(those))


def remove(connection: Connection, those: ColumnElement[bool], at: datetime) -> list[Removed]:
    """Delete retired passages, with all that they hold, and note it."""
    names = [
        retired.c[name] for name in ("id", "content_hash", "tenant_id", "user_id", "agent_id", "session_id")
    ]
    gone: list[Removed] = []
    while rows := connection.execute(select(*names).where(those).order_by(retired.c.id)).all():
        note(connection, "DELETE", [(row.id, whose(row._mapping)) for row in rows], at)
        connection.execute(delete(retired).where(those))
        gone += [Removed(row.id, shown(row.content_hash) or "", "") for row in rows]
        those = and_(retired.c.tenant_id == rows[0].tenant_id, _held_by([row.id for row in rows]))
    return gone


def remove_held(connection: Connection, tenant_id: str, ids: Collection[str], at: datetime) -> list[Removed]:
    """Delete what these memories held."""
    gone: list[Removed] = []
    for some in batches(ids):
        gone += remove(connection, and_(retired.c.tenant_id == tenant_id, _held_by(some)), at)
    return gone


def expire_held(
    connection: Connection, tenant_id: str, ids: Collection[str], expires_at: datetime | None
) -> None:
    """What these memories hold expires with them."""
    those = and_(retired.c.tenant_id == tenant_id, _held_by(ids))
    held = list(connection.scalars(select(retired.c.id).where(those)))
    if held:
        connection.execute(update(retired).where(those).values(expires_at=expires_at))
        expire_held(connection, tenant_id, held, expires_at)


def describe_held(
    connection: Connection, tenant_id: str, holder: str, metadata: Mapping[str, Any], at: datetime
) -> None:
    """What a memory holds now has its metadata: forgetting by metadata asks the passages."""
    those = and_(
        retired.c.tenant_id == tenant_id, retired.c.held_by == holder, retired.c.valid_until.is_(None)
    )
    held = connection.execute(select(*PAST).where(those)).mappings().all()
    if held:
        note(connection, "UPDATE", [(row["id"], whose(row)) for row in held], at)
        grown = json_size(dict(metadata)) - func.length(cast(retired.c.metadata, Text))
        values = {"metadata": dict(metadata), "size": retired.c.size + grown, "updated_at": at}
        connection.execute(update(retired).where(those).values(values))


def remove_same(connection: Connection, scope: Scope, memory_id: str, at: datetime) -> list[Removed]:
    """Delete what said before, in the very scope of a memory, the very same as it does now."""
    same = [retired.c[name] == memories.c[name] for name in (*SCOPE_FIELDS, "content_hash")]
    named = select(memories.c.id).where(within(memories, scope), memories.c.id == memory_id, *same)
    of_the_past = and_(retired.c.tenant_id == scope.tenant_id, retired.c.valid_until.is_not(None))
    return remove(connection, and_(of_the_past, named.correlate(retired).exists()), at)


def remove_within(
    connection: Connection, scope: Scope, at: datetime, *those: ColumnElement[bool]
) -> list[Removed]:
    """Delete the retired passages of a scope."""
    return remove(connection, and_(within(retired, scope), *those), at)


def _held_by(ids: Collection[str]) -> ColumnElement[bool]:
    return retired.c.held_by.in_(ids)
