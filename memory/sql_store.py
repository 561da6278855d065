"""MemoryStore on SQLAlchemy: SQLite by default, any database with transactions and row locks.

Here are the transactions; the statements are in sql_memories, sql_turns and sql_changes. Every write
takes its tenant's lock first, so writers of one tenant follow each other, in one process or many, and
their changes are numbered in the order in which they commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

import numpy as np
from sqlalchemy import URL, Connection, and_, select

from memory import migrate, sql_changes, sql_memories, sql_turns
from memory.database import Database
from memory.embeddings import to_bytes, to_vectors
from memory.ports import START, Changes, Vectors, Version
from memory.records import (
    HistoryEvent,
    Kind,
    MemoryRecord,
    Message,
    Page,
    Removed,
    Scope,
    SessionPage,
    StoreStats,
    Turn,
    after_session,
    check_metadata,
    check_page,
    only_tenant,
)
from memory.records import now as utc_now
from memory.scoping import in_history
from memory.tables import history, memories, tenants


class SqlStore:
    """The truth about memories and turns. Safe to share between threads."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = utc_now) -> None:
        """Take a database whose tables are current; `open` sees to that."""
        self._database = database
        self._clock = clock

    @classmethod
    def open(
        cls, url: URL | str, *, busy_timeout_s: float = 10.0, clock: Callable[[], datetime] = utc_now
    ) -> Self:
        """Open, making or migrating the tables where needed. Raises SchemaTooNew, StoreUnavailable."""
        database = Database(url, busy_timeout_s=busy_timeout_s)
        try:
            migrate.open_current(database)
        except BaseException:
            database.close()
            raise
        return cls(database, clock=clock)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _writing(self, tenant_id: str) -> Iterator[Connection]:
        """A transaction that holds the tenant's lock; what it replaced or deleted is scrubbed after."""
        with self._database.write() as connection:
            sql_changes.lock(connection, tenant_id)
            yield connection
        self._database.scrub()

    # -- memories in

    def add(
        self,
        records: Sequence[MemoryRecord],
        vectors: Vectors,
        *,
        before_commit: Callable[[], None] | None = None,
    ) -> list[MemoryRecord]:
        embeddings = to_bytes(records, vectors)
        if not records:
            return []
        by_id = dict(zip((record.id for record in records), embeddings, strict=True))
        at = self._clock()
        with self._database.write() as connection:
            sql_changes.enroll(connection, only_tenant(records))
            standing, new = sql_memories.sort_out(connection, records, at)
            self._admit(connection, new, at)
            sql_memories.add(connection, new, by_id, at)
            if before_commit is not None:
                before_commit()
        return [standing[record.scope, record.content_hash] for record in records]

    def _admit(self, connection: Connection, new: Sequence[MemoryRecord], at: datetime) -> None:
        """Called with the tenant's lock held, before new memories go in; whoever limits a tenant refuses."""

    def update(
        self,
        scope: Scope,
        record: MemoryRecord,
        vector: Vectors,
        *,
        before_commit: Callable[[], None] | None = None,
    ) -> Removed:
        [embedding] = to_bytes([record], np.atleast_2d(vector))
        at = self._clock()
        with self._writing(scope.tenant_id) as connection:
            before = sql_memories.one(connection, scope, record.id, at)
            sql_memories.replace_content(connection, before, record, embedding, at)
            if before_commit is not None:
                before_commit()
        return Removed(before.id, before.content_hash, before.adapter.digest)

    def set_metadata(self, scope: Scope, memory_id: str, metadata: Mapping[str, Any]) -> MemoryRecord:
        check_metadata(metadata)
        at = self._clock()
        with self._writing(scope.tenant_id) as connection:
            before = sql_memories.one(connection, scope, memory_id, at)
            sql_memories.change(connection, before, {"metadata": dict(metadata)}, at)
        return replace(before, metadata=dict(metadata), updated_at=at)

    # -- memories out

    def get(self, scope: Scope, memory_id: str) -> MemoryRecord:
        with self._database.read() as connection:
            return sql_memories.one(connection, scope, memory_id, self._clock())

    def get_many(self, scope: Scope, memory_ids: Sequence[str]) -> list[MemoryRecord]:
        scope.required()
        with self._database.read() as connection:
            return sql_memories.many(connection, scope, memory_ids, self._clock())

    def known(self, scope: Scope, hashes: Collection[str]) -> dict[str, MemoryRecord]:
        scope.required()
        with self._database.read() as connection:
            return sql_memories.known(connection, scope, hashes, self._clock())

    def skills_for(self, scope: Scope) -> tuple[list[MemoryRecord], Vectors]:
        with self._database.read() as connection:
            found = sql_memories.skills(connection, scope.required(), self._clock())
        return [record for record, _ in found], to_vectors([embedding for _, embedding in found])

    def page(
        self,
        scope: Scope,
        *,
        kind: Kind | None = None,
        document_id: str | None = None,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        scope.required()
        check_page(limit)
        conditions = [] if kind is None else [memories.c.kind == kind]
        conditions += [] if document_id is None else [memories.c.document_id == document_id]
        conditions += [] if cursor is None else [memories.c.id < cursor]
        with self._database.read() as connection:
            found = sql_memories.listed(connection, scope, self._clock(), *conditions, limit=limit + 1)
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    def everything(self, tenant_id: str) -> Iterator[MemoryRecord]:
        scope, after = Scope(tenant_id=tenant_id), ""
        while True:
            with self._database.read() as connection:
                found = sql_memories.listed(
                    connection, scope, self._clock(), memories.c.id > after, limit=500, newest_first=False
                )
            if not found:
                return
            yield from found
            after = found[-1].id

    # -- taking away

    def delete(self, scope: Scope, memory_id: str) -> Removed:
        with self._writing(scope.tenant_id) as connection:
            removed = sql_memories.remove(connection, scope, self._clock(), memories.c.id == memory_id)
            if not removed:
                raise sql_memories.not_found(memory_id)
        return removed[0]

    def delete_where(
        self, scope: Scope, *, document_id: str | None = None
    ) -> tuple[list[Removed], list[str]]:
        if document_id is None:
            scope.required()
        at = self._clock()
        with self._writing(scope.tenant_id) as connection:
            if document_id is not None:
                return sql_memories.remove(connection, scope, at, memories.c.document_id == document_id), []
            return sql_memories.remove(connection, scope, at), sql_turns.remove(connection, scope)

    def delete_tenant(self, tenant_id: str) -> tuple[list[Removed], list[str]]:
        everybody = Scope(tenant_id=tenant_id)
        with self._writing(tenant_id) as connection:
            removed = sql_memories.remove(connection, everybody, self._clock())
            return removed, sql_turns.remove(connection, everybody)

    def expire(self, tenant_id: str, now: datetime | None = None) -> list[Removed]:
        at = now or self._clock()
        with self._writing(tenant_id) as connection:
            return sql_memories.remove(
                connection, Scope(tenant_id=tenant_id), at, memories.c.expires_at <= at
            )

    def release(self, tenant_id: str, digests: Collection[str], remove: Callable[[str], None]) -> list[str]:
        if not digests:
            return []
        with self._database.write() as connection:
            # Not `lock`: of a tenant that another process is just writing down, there is no row to lock yet.
            sql_changes.enroll(connection, tenant_id)
            unused = sorted(set(digests) - sql_memories.used_digests(connection, tenant_id, digests))
            for digest in unused:
                remove(digest)
        return unused

    # -- turns

    def append_turns(self, scope: Scope, messages: Sequence[Message]) -> list[Turn]:
        scope.required_session()
        if not messages:
            return []
        with self._database.write() as connection:
            sql_changes.enroll(connection, scope.tenant_id)
            return sql_turns.append(connection, scope, messages, self._clock())

    def turns(self, scope: Scope, *, last: int | None = None, internalized: bool | None = None) -> list[Turn]:
        scope.required_session()
        with self._database.read() as connection:
            return sql_turns.read(connection, scope, last, internalized)

    def sessions(self, scope: Scope, *, limit: int = 100, cursor: str | None = None) -> SessionPage:
        scope.required()
        check_page(limit)
        with self._database.read() as connection:
            found = sql_turns.sessions(connection, scope, limit + 1, after_session(cursor))
        return SessionPage.cut(found, limit)

    def mark_internalized(self, scope: Scope, turn_ids: Collection[str]) -> None:
        scope.required_session()
        with self._database.write() as connection:
            sql_turns.mark(connection, scope, turn_ids)

    # -- the tenant

    def history(self, scope: Scope, memory_id: str) -> list[HistoryEvent]:
        those = and_(in_history(scope), history.c.memory_id == memory_id)
        columns = (history.c.memory_id, history.c.event, history.c.at)
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).where(those).order_by(history.c.seq)).all()
        if not rows:
            raise sql_memories.not_found(memory_id)
        return [HistoryEvent(**row._mapping) for row in rows]

    def stats(self, scope: Scope) -> StoreStats:
        with self._database.read() as connection:
            return sql_memories.stats(connection, scope, self._clock())

    def tenants(self) -> list[str]:
        with self._database.read() as connection:
            return sorted(
                connection.scalars(select(tenants.c.tenant_id))
            )  # PostgreSQL's order is the locale's

    def embedders(self, tenant_id: str) -> set[str]:
        names = select(memories.c.embedder).where(memories.c.tenant_id == tenant_id).distinct()
        with self._database.read() as connection:
            return set(connection.scalars(names))

    def version(self, tenant_id: str) -> Version:
        with self._database.read() as connection:
            return sql_changes.version(connection, tenant_id)

    def changes(self, tenant_id: str, embedder: str, since: Version = START) -> Changes:
        with self._database.read() as connection:
            return sql_changes.changes(connection, tenant_id, embedder, since)
