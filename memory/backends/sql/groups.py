"""What may be compacted together, in SQL. Functions on a connection, as in memories.py."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select

from memory.backends.sql.memories import listed
from memory.backends.sql.rows import whose
from memory.backends.sql.scoping import alive, exactly, visible
from memory.backends.sql.tables import memories
from memory.ports import Group
from memory.records import SCOPE_FIELDS, SINGLE_KINDS, MemoryRecord, Scope

_WHOSE = [memories.c[name] for name in ("tenant_id", *SCOPE_FIELDS, "document_id")]


def groups(connection: Connection, scope: Scope, at: datetime, before: datetime | None) -> list[Group]:
    """Each exact scope and document with how many memories of it can be compacted."""
    counted = (
        select(*_WHOSE, func.count().label("memories")).where(_loose(scope, at, before)).group_by(*_WHOSE)
    )
    rows = connection.execute(counted).mappings().all()
    ordered = sorted(rows, key=lambda row: tuple(str(row[column.name] or "") for column in _WHOSE))
    return [Group(whose(row), row["document_id"], row["memories"]) for row in ordered]  # in any locale


def members(
    connection: Connection, group: Group, at: datetime, before: datetime | None, after: str, limit: int
) -> list[MemoryRecord]:
    """The group's memories by age."""
    those = and_(_of(group), memories.c.id > after)
    return listed(connection, _loose(group.scope, at, before), those, limit=limit)


def ended(connection: Connection, group: Group, at: datetime, limit: int) -> list[MemoryRecord]:
    """The group's memories that hold no longer."""
    past = and_(alive(memories, group.scope, at), memories.c.valid_until <= at)
    return listed(connection, _of(group), past, limit=limit)


def _of(group: Group) -> ColumnElement[bool]:
    document = memories.c.document_id
    same = document.is_(None) if group.document_id is None else document == group.document_id
    return and_(exactly(memories, group.scope), same)


def _loose(scope: Scope, at: datetime, before: datetime | None) -> ColumnElement[bool]:
    """Neither pinned nor about to end by itself, and old enough."""
    ends = and_(memories.c.expires_at.is_(None), memories.c.valid_until.is_(None))
    facts = memories.c.kind.not_in(SINGLE_KINDS)
    loose = and_(visible(scope, at), facts, memories.c.pinned.is_(False), ends)
    return loose if before is None else and_(loose, memories.c.created_at < before)
