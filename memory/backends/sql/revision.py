"""A revision, in SQL: what compaction, supersession and erasure do to memories that are there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, and_, insert, select, update

from memory.backends.sql import memories as sql_memories
from memory.backends.sql import retired as sql_retired
from memory.backends.sql.changes import note
from memory.backends.sql.rows import PAST, RECORD, RENEWED, past_columns, to_past, to_record, whose
from memory.backends.sql.tables import memories, retired
from memory.errors import StoreConflict
from memory.ports import Revision
from memory.records import MemoryRecord, Removed

_CONFLICT = "another writer changed the same memories meanwhile; try again"


def revise(
    connection: Connection,
    tenant_id: str,
    revision: Revision,
    embeddings: Sequence[bytes],
    standing: dict[str, str],
    at: datetime,
) -> list[Removed]:
    """Make the revision, step by step; returns what it erased.

    `embeddings` are those of the renewed. `standing` says which id stands for that of a record that was
    not stored, because its content was there already. Raises StoreConflict.
    """
    check(connection, tenant_id, revision.expects)
    for old, new in revision.outdated.items():
        _outdate(connection, tenant_id, old, standing.get(new, new), at)
    for old, (copy, by) in revision.kept.items():
        _keep(connection, tenant_id, old, copy, standing.get(by, by), at)
    for record, embedding in zip(revision.renewed, embeddings, strict=True):
        _renew(connection, record, embedding, at)
    for old, holder in revision.retired.items():
        _retire(connection, tenant_id, old, holder and standing.get(holder, holder), at)
    return _erase(connection, tenant_id, revision.erased, at)


def check(connection: Connection, tenant_id: str, expects: Sequence[MemoryRecord]) -> None:
    """Refuse where one of these is another by now than it was read. Raises StoreConflict."""
    for record in expects:
        columns, read = (PAST, to_past) if record.retired else (RECORD, to_record)
        table = columns[0].table
        this = and_(table.c.tenant_id == tenant_id, table.c.id == record.id)
        row = connection.execute(select(*columns).where(this)).mappings().first()
        if row is None or read(row).unused() != record.unused():
            raise StoreConflict(_CONFLICT)


def _rows(connection: Connection, tenant_id: str, memory_id: str) -> Iterator[tuple[Table, Any]]:
    for table in (memories, retired):
        this = and_(table.c.tenant_id == tenant_id, table.c.id == memory_id)
        row = connection.execute(select(table).where(this)).mappings().first()
        if row is not None:
            yield table, row


def _outdate(connection: Connection, tenant_id: str, old: str, new: str, at: datetime) -> None:
    for table, row in _rows(connection, tenant_id, old):
        [seq] = note(connection, "OUTDATE", [(old, whose(row))], at)
        ended: dict[str, Any] = {"valid_until": at, "superseded_by": new, "updated_at": at}
        if table is memories:
            ended["seq"] = seq
        this = and_(table.c.tenant_id == tenant_id, table.c.id == old)
        connection.execute(update(table).where(this).values(**ended))


def _keep(connection: Connection, tenant_id: str, old: str, copy: str, by: str, at: datetime) -> None:
    for _, row in _rows(connection, tenant_id, old):
        note(connection, "OUTDATE", [(copy, whose(row))], at)
        values = {column.name: row[column.name] for column in retired.c if column.name in row}
        changed = {"id": copy, "held_by": old, "valid_until": at, "superseded_by": by}
        connection.execute(insert(retired).values({**values, **changed}))


def _renew(connection: Connection, record: MemoryRecord, embedding: bytes, at: datetime) -> None:
    if not record.retired:
        sql_memories.replace_content(connection, record, record, embedding, at)
        return
    note(connection, "UPDATE", [(record.id, record.scope)], at)
    columns = past_columns(record, embedding)
    this = and_(retired.c.tenant_id == record.scope.tenant_id, retired.c.id == record.id)
    values = {name: columns[name] for name in RENEWED}
    connection.execute(update(retired).where(this).values(**values, updated_at=at))


def _retire(connection: Connection, tenant_id: str, old: str, holder: str | None, at: datetime) -> None:
    sql_retired.move(connection, and_(memories.c.tenant_id == tenant_id, memories.c.id == old), holder, at)
    again = and_(retired.c.tenant_id == tenant_id, retired.c.id == old)
    connection.execute(update(retired).where(again).values(held_by=holder))


def _erase(connection: Connection, tenant_id: str, ids: Any, at: datetime) -> list[Removed]:
    gone: list[Removed] = []
    for memory_id in ids:
        this = and_(memories.c.tenant_id == tenant_id, memories.c.id == memory_id)
        gone += sql_memories.remove_those(connection, this, at)
        gone += sql_retired.remove(
            connection, and_(retired.c.tenant_id == tenant_id, retired.c.id == memory_id), at
        )
    return gone
