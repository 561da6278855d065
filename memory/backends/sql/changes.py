"""The change log of a tenant: who holds its write lock numbers the changes, and history keeps them.

An index asks the same log what it has missed, be it written by this process or by another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from memory.backends.sql.reading import embedded
from memory.backends.sql.rows import whose
from memory.backends.sql.scoping import history_columns
from memory.backends.sql.tables import history, memories, tenants
from memory.ports import START, Changes, Version
from memory.records import Event, Scope

# Made once, because every write executes them and making them takes longer.
_TENANT = tenants.c.tenant_id == bindparam("tenant")
_LOCK = select(tenants.c.seq).where(_TENANT).with_for_update()
_VERSION = select(tenants.c.seq, tenants.c.last).where(_TENANT)
_MOVE_ON = update(tenants).where(_TENANT).values(seq=bindparam("newest"), last=bindparam("about"))
_NOTE = insert(history)


def lock(connection: Connection, tenant_id: str) -> int | None:
    """Hold the tenant's write lock until the transaction ends; returns its newest seq, None if unknown.

    SQLite's write transactions hold the lock of the whole file already; elsewhere it is the row's.
    """
    return connection.scalar(_LOCK, {"tenant": tenant_id})


def enroll(connection: Connection, tenant_id: str) -> None:
    """Hold the tenant's write lock, writing the tenant down where it is new."""
    if lock(connection, tenant_id) is not None:
        return
    try:
        with connection.begin_nested():
            connection.execute(insert(tenants).values(tenant_id=tenant_id, seq=0, last=""))
    except IntegrityError:
        lock(connection, tenant_id)  # another writer was first, and has committed by now


def note(
    connection: Connection, event: Event, changed: Sequence[tuple[str, Scope]], at: datetime
) -> list[int]:
    """Write (memory id, its scope) into the history of their one tenant; returns the seq of each.

    The caller holds the tenant's lock.
    """
    if not changed:
        return []
    tenant_id = changed[0][1].tenant_id
    first = version(connection, tenant_id).seq + 1
    seqs = list(range(first, first + len(changed)))
    rows = [
        {**history_columns(scope), "seq": seq, "memory_id": memory_id, "event": event, "at": at}
        for seq, (memory_id, scope) in zip(seqs, changed, strict=True)
    ]
    connection.execute(_NOTE, rows)
    connection.execute(_MOVE_ON, {"tenant": tenant_id, "newest": seqs[-1], "about": changed[-1][0]})
    return seqs


def version(connection: Connection, tenant_id: str) -> Version:
    """Where the tenant stands."""
    row = connection.execute(_VERSION, {"tenant": tenant_id}).first()
    return START if row is None else Version(row.seq, row.last)


def changes(connection: Connection, tenant_id: str, embedder: str, since: Version) -> Changes:
    """What an index of one embedder that stands at `since` has missed.

    The version is read first: what is committed meanwhile may be in the answer already, and comes
    again with the next one.
    """
    stands = version(connection, tenant_id)
    full = since.seq == 0 or not _happened(connection, tenant_id, since)
    after = 0 if full else since.seq
    table = memories.c
    wanted = and_(table.tenant_id == tenant_id, table.seq > after, table.embedder == embedder)
    names = (table.tenant_id, table.user_id, table.agent_id, table.session_id)
    columns = (table.id, *names, table.dim, table.embedding)
    rows, vectors = embedded(connection, select(*columns).where(wanted).order_by(table.seq))
    ids = tuple(row["id"] for row in rows)
    return Changes(
        version=stands,
        full=full,
        ids=ids,
        scopes=tuple(whose(row) for row in rows),
        vectors=vectors,
        removed=() if full else _removed(connection, tenant_id, after, set(ids)),
    )


def _happened(connection: Connection, tenant_id: str, since: Version) -> bool:
    """Whether the version is one this database has passed through."""
    found = and_(history.c.tenant_id == tenant_id, history.c.seq == since.seq)
    return connection.scalar(select(history.c.memory_id).where(found)) == since.last


def _removed(connection: Connection, tenant_id: str, after: int, present: set[str]) -> tuple[str, ...]:
    gone = and_(history.c.tenant_id == tenant_id, history.c.seq > after, history.c.event != "ADD")
    ids = connection.scalars(select(history.c.memory_id).where(gone).distinct())
    return tuple(sorted(set(ids) - present))
