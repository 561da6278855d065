"""MemoryStore on SQLAlchemy: SQLite by default, any database with transactions and row locks.

Here are the transactions; the statements are in sql_memories, sql_turns and sql_changes. Every write
takes its tenant's lock first, so writers of one tenant follow each other, in one process or many, and
their changes are numbered in the order in which they commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from typing import Any, Self

from sqlalchemy import URL, Connection, Table, and_, or_, select

from memory.backends.embeddings import to_bytes
from memory.backends.sql import changes as sql_changes
from memory.backends.sql import erasures as sql_erasures
from memory.backends.sql import groups as sql_groups
from memory.backends.sql import listing as sql_listing
from memory.backends.sql import memories as sql_memories
from memory.backends.sql import migrate
from memory.backends.sql import retired as sql_retired
from memory.backends.sql import revision as sql_revision
from memory.backends.sql import turns as sql_turns
from memory.backends.sql import words as sql_words
from memory.backends.sql.database import Database
from memory.backends.sql.mending import mends_words
from memory.backends.sql.rows import shown
from memory.backends.sql.scoping import alive, in_history
from memory.backends.sql.tables import history, memories, retired, tenants, turns
from memory.ports import ANYTHING, NOTHING, START, Changes, Group, Revision, Vectors, Version, Wanted
from memory.ports.work import Erasure
from memory.records import (
    HistoryEvent,
    HoldingPage,
    MemoryRecord,
    Message,
    Page,
    Removed,
    Scope,
    SessionPage,
    StoreStats,
    Turn,
    after_id,
    after_names,
    check_page,
    cut,
    holding_cursor,
    id_cursor,
    notes,
    only_tenant,
    session_cursor,
)


class SqlStore:
    """The truth about memories and turns. Safe to share between threads."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] | None = None) -> None:
        """Take a database whose tables are current; `open` sees to that."""
        self._database = database
        self._clock = clock or database.now

    @classmethod
    def open(
        cls, url: URL | str, *, busy_timeout_s: float = 10.0, clock: Callable[[], datetime] | None = None
    ) -> Self:
        """Open, making or migrating the tables where needed. Raises SchemaTooNew, StoreUnavailable."""
        database = Database(url, busy_timeout_s=busy_timeout_s)
        try:
            migrate.open_current(database)
        except BaseException:
            database.close()
            raise
        return cls(database, clock=clock)

    def now(self) -> datetime:
        return self._clock()

    @property
    def database(self) -> Database:
        """For what keeps tables of its own beside ours."""
        return self._database

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _writing(self, tenant_id: str, *, rewords: bool = True) -> Iterator[Connection]:
        """A transaction that holds the tenant's lock; what it replaced or deleted is scrubbed after."""
        with self._database.write() as connection:
            sql_changes.lock(connection, tenant_id)
            yield connection
            if rewords:
                sql_words.settle(connection)
        self._database.scrub()

    # -- memories in

    @mends_words
    def add(
        self,
        records: Sequence[MemoryRecord],
        vectors: Vectors,
        *,
        before_commit: Callable[[], None] | None = None,
        revision: Revision = NOTHING,
    ) -> list[MemoryRecord]:
        embeddings = to_bytes(records, vectors)
        renewed = _renewed(revision)
        if not records:
            return []
        by_id = dict(zip((record.id for record in records), embeddings, strict=True))
        at, tenant_id = self._clock(), only_tenant(records)
        with self._database.write() as connection:
            sql_changes.enroll(connection, tenant_id)
            sql_erasures.refuse(connection, tenant_id, records)
            with self._growing(connection, tenant_id):
                standing, new = sql_memories.sort_out(connection, records, at)
                ids = {record.id: standing[record.scope, record.content_hash].id for record in records}
                sql_revision.revise(connection, tenant_id, revision, renewed, ids, at)
                sql_memories.add(connection, new, by_id, at)
            if revision.erased or revision.renewed:
                sql_words.settle(connection)
            if before_commit is not None:
                before_commit()
        if revision is not NOTHING:
            self._database.scrub()
        return [standing[record.scope, record.content_hash] for record in records]

    def _growing(self, connection: Connection, tenant_id: str) -> AbstractContextManager[None]:  # noqa: ARG002
        """Around what adds to a tenant's rows, its lock held; whoever limits a tenant refuses at the end."""
        return nullcontext()

    @mends_words
    def revise(
        self, tenant_id: str, revision: Revision, *, before_commit: Callable[[], None] | None = None
    ) -> list[Removed]:
        renewed, at = _renewed(revision), self._clock()
        with self._writing(tenant_id) as connection:
            lost = sql_erasures.replaced(connection, tenant_id, revision)
            same = [
                removed
                for record, _ in lost
                for removed in sql_retired.remove_same(connection, record.scope, record.id, at)
            ]
            erases = bool(revision.erased)  # never refused
            with nullcontext() if erases else self._growing(connection, tenant_id):
                gone = sql_revision.revise(connection, tenant_id, revision, renewed, {}, at) + same
            sql_erasures.note_removed(connection, tenant_id, gone, at)
            sql_erasures.note_contents(connection, tenant_id, at, lost)
            if before_commit is not None:
                before_commit()
        return gone

    @mends_words
    def update(
        self,
        scope: Scope,
        record: MemoryRecord,
        vector: Vectors,
        *,
        before_commit: Callable[[], None] | None = None,
        expects: MemoryRecord | None = None,
    ) -> Removed:
        [embedding] = to_bytes([record], vector.reshape(1, -1))
        at = self._clock()
        with self._writing(scope.tenant_id) as connection:
            sql_revision.check(connection, scope.tenant_id, [] if expects is None else [expects])
            before = sql_memories.one(connection, scope, record.id, at)
            changes = before.content_hash != record.content_hash
            if changes:
                sql_retired.remove_same(connection, scope, record.id, at)
            with self._growing(connection, scope.tenant_id):
                sql_memories.replace_content(connection, before, record, embedding, at)
            if changes:
                sql_erasures.note_replaced(connection, scope.tenant_id, before, at)
            if before_commit is not None:
                before_commit()
        return Removed(before.id, before.content_hash, before.adapter.digest)

    def annotate(
        self,
        scope: Scope,
        memory_id: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        pinned: bool | None = None,
        expects: MemoryRecord | None = None,
    ) -> MemoryRecord:
        values = notes(metadata, pinned)
        at = self._clock()
        with self._writing(scope.tenant_id, rewords=False) as connection:
            sql_revision.check(connection, scope.tenant_id, [] if expects is None else [expects])
            before = sql_memories.one(connection, scope, memory_id, at)
            with self._growing(connection, scope.tenant_id):
                sql_memories.change(connection, before, values, at)
                if metadata is not None:
                    sql_retired.describe_held(connection, scope.tenant_id, memory_id, metadata, at)
        return replace(before, **values, updated_at=at)

    def count_uses(self, tenant_id: str, uses: Mapping[str, int]) -> None:
        if not uses:
            return
        with self._database.write() as connection:
            sql_memories.count_uses(connection, tenant_id, uses, self._clock())

    @mends_words
    def keep_past(self, records: Sequence[MemoryRecord], vectors: Vectors) -> int:
        embeddings = to_bytes(records, vectors)
        if not records:
            return 0
        with self._database.write() as connection:
            sql_changes.enroll(connection, only_tenant(records))
            sql_erasures.refuse(connection, only_tenant(records), records)
            with self._growing(connection, only_tenant(records)):
                return sql_retired.put(connection, records, embeddings)

    # -- memories out

    def get(self, scope: Scope, memory_id: str) -> MemoryRecord:
        with self._database.read() as connection:
            return sql_memories.one(connection, scope, memory_id, self._clock())

    def beginning(self, scope: Scope, prefix: str, most: int = 2) -> list[str]:
        with self._database.read() as connection:
            return sql_listing.beginning(connection, scope, prefix, self._clock(), most)

    def get_many(
        self, scope: Scope, memory_ids: Sequence[str], *, as_of: datetime | None = None
    ) -> list[MemoryRecord]:
        scope.required()
        with self._database.read() as connection:
            return sql_memories.many(connection, scope, memory_ids, self._clock(), as_of)

    def beside(self, scope: Scope, told: Sequence[MemoryRecord], away: int) -> list[MemoryRecord]:
        scope.required()
        with self._database.read() as connection:
            return sql_memories.beside(connection, scope, told, away, self._clock())

    def known(self, scope: Scope, hashes: Collection[str]) -> dict[str, MemoryRecord]:
        scope.required()
        with self._database.read() as connection:
            return sql_memories.known(connection, scope, hashes, self._clock())

    def skills_for(self, scope: Scope) -> tuple[list[MemoryRecord], Vectors]:
        with self._database.read() as connection:
            return sql_memories.skills(connection, scope.required(), self._clock())

    def page(
        self,
        scope: Scope,
        wanted: Wanted = ANYTHING,
        *,
        limit: int = 100,
        cursor: str | None = None,
        as_of: datetime | None = None,
    ) -> Page:
        scope.required()
        check_page(limit)
        at, after = self._clock(), after_id(cursor)
        with self._database.read() as connection:
            seen = sql_listing.seen(scope, wanted.state, at, as_of)
            found, damaged = sql_listing.listed(connection, seen, wanted, after, limit + 1)
        return Page(*cut(found, limit, id_cursor), damaged=tuple(damaged))

    def everything(self, tenant_id: str, scope: Scope | None = None) -> Iterator[MemoryRecord]:
        return self._through(memories, sql_memories.listed, scope or Scope(tenant_id=tenant_id))

    def everything_retired(self, tenant_id: str, scope: Scope | None = None) -> Iterator[MemoryRecord]:
        return self._through(retired, sql_retired.listed, scope or Scope(tenant_id=tenant_id))

    def _through(
        self, table: Table, listed: Callable[..., list[MemoryRecord]], scope: Scope
    ) -> Iterator[MemoryRecord]:
        """All rows of a table that have not expired, some at a time, oldest first."""
        after = ""
        while True:
            with self._database.read() as connection:
                those = and_(alive(table, scope, self._clock()), table.c.id > after)
                found = listed(connection, those, limit=500)
            if not found:
                return
            yield from found
            after = found[-1].id

    def retired(
        self, scope: Scope, *, ids: Collection[str] | None = None, held_by: Collection[str] | None = None
    ) -> list[MemoryRecord]:
        with self._database.read() as connection:
            return sql_retired.found(connection, scope, self._clock(), ids, held_by)

    def past(self, scope: Scope, as_of: datetime, embedder: str) -> tuple[list[str], Vectors]:
        scope.required()
        with self._database.read() as connection:
            return sql_retired.vectors(connection, scope, self._clock(), as_of, embedder)

    def embeddings(self, scope: Scope, memory_ids: Sequence[str]) -> dict[str, Vectors]:
        with self._database.read() as connection:
            return sql_words.embeddings(connection, scope.required(), memory_ids, self._clock())

    @mends_words
    def find_words(
        self, scope: Scope, words: Sequence[str], k: int, *, as_of: datetime | None = None
    ) -> list[tuple[str, float]]:
        scope.required()
        with self._database.read() as connection:
            return sql_words.find(connection, scope, words, k, self._clock(), as_of)

    def groups(self, scope: Scope, *, before: datetime | None = None) -> list[Group]:
        with self._database.read() as connection:
            return sql_groups.groups(connection, scope, self._clock(), before)

    def members(
        self,
        group: Group,
        *,
        before: datetime | None = None,
        after: str = "",
        limit: int = 100,
        ended: bool = False,
    ) -> list[MemoryRecord]:
        with self._database.read() as connection:
            if ended:
                return sql_groups.ended(connection, group, self._clock(), limit)
            return sql_groups.members(connection, group, self._clock(), before, after, limit)

    # -- taking away

    @mends_words
    def delete(self, scope: Scope, memory_id: str, *, expects: MemoryRecord | None = None) -> list[Removed]:
        with self._writing(scope.tenant_id) as connection:
            sql_revision.check(connection, scope.tenant_id, [] if expects is None else [expects])
            at = self._clock()
            same = sql_retired.remove_same(connection, scope, memory_id, at)
            removed = sql_memories.remove(connection, scope, at, memories.c.id == memory_id) + same
            if not removed:
                past = sql_retired.found(connection, scope, at, [memory_id], None)
                raise sql_memories.not_found(memory_id, past)
            sql_erasures.note_removed(connection, scope.tenant_id, removed, at)
        return removed

    @mends_words
    def delete_where(
        self, scope: Scope, *, document_id: str | None = None
    ) -> tuple[list[Removed], list[str]]:
        if document_id is None:
            scope.required()
        at = self._clock()
        with self._writing(scope.tenant_id) as connection:
            sql_erasures.note_scope(connection, scope, at, document_id=document_id)
            if document_id is not None:
                gone = sql_memories.remove(connection, scope, at, memories.c.document_id == document_id)
                past = retired.c.document_id == document_id
                return gone + sql_retired.remove_within(connection, scope, at, past), []
            gone = sql_memories.remove(connection, scope, at)
            gone += sql_retired.remove_within(connection, scope, at)
            return gone, sql_turns.remove(connection, scope)

    @mends_words
    def delete_tenant(self, tenant_id: str) -> tuple[list[Removed], list[str]]:
        everybody, at = Scope(tenant_id=tenant_id), self._clock()
        with self._writing(tenant_id) as connection:
            sql_erasures.note_scope(connection, everybody, at)
            gone = sql_memories.remove(connection, everybody, at)
            gone += sql_retired.remove_within(connection, everybody, at)
            return gone, sql_turns.remove(connection, everybody)

    @mends_words
    def expire(self, tenant_id: str, now: datetime | None = None) -> list[Removed]:
        at = now or self._clock()
        scope = Scope(tenant_id=tenant_id)
        with self._writing(tenant_id) as connection:
            gone = sql_memories.remove(connection, scope, at, memories.c.expires_at <= at)
            gone += sql_retired.remove_within(connection, scope, at, retired.c.expires_at <= at)
        return gone

    def expired(self) -> list[str]:
        at = self._clock()
        with self._database.read() as connection:
            found = (
                connection.scalars(select(table.c.tenant_id).where(table.c.expires_at <= at).distinct())
                for table in (memories, retired)
            )
            return sorted({tenant_id for those in found for tenant_id in those})

    def announce(
        self, scope: Scope, *, document_id: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        with self._writing(scope.tenant_id, rewords=False) as connection:
            sql_erasures.note_scope(
                connection, scope, self._clock(), document_id=document_id, metadata=metadata
            )

    def erased(self, tenant_id: str) -> int:
        with self._database.read() as connection:
            return sql_erasures.newest(connection, tenant_id)

    def erasures(self, tenant_id: str, since: int) -> list[Erasure]:
        with self._database.read() as connection:
            return sql_erasures.since(connection, tenant_id, since)

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

    def append_turns(
        self, scope: Scope, messages: Sequence[Message], *, idempotency_key: str | None = None
    ) -> list[Turn]:
        scope.required_session()
        if not messages:
            return []
        with self._database.write() as connection:
            sql_changes.enroll(connection, scope.tenant_id)
            sql_erasures.refuse(connection, scope.tenant_id, told=scope)
            with self._growing(connection, scope.tenant_id):
                return sql_turns.append(connection, scope, messages, self._clock(), idempotency_key)

    def turns(self, scope: Scope, *, last: int | None = None, internalized: bool | None = None) -> list[Turn]:
        scope.required_session()
        with self._database.read() as connection:
            return sql_turns.read(connection, scope, last, internalized)

    def sessions(self, scope: Scope, *, limit: int = 100, cursor: str | None = None) -> SessionPage:
        scope.required()
        check_page(limit)
        with self._database.read() as connection:
            found = sql_turns.sessions(connection, scope, limit + 1, after_names(cursor))
        return SessionPage(*cut(found, limit, session_cursor))

    def holdings(
        self, scope: Scope, *, by_document: bool = False, limit: int = 100, cursor: str | None = None
    ) -> HoldingPage:
        check_page(limit)
        after = None if cursor is None else after_names(cursor)
        with self._database.read() as connection:
            found = sql_listing.holdings(connection, scope, self._clock(), by_document, after, limit + 1)
        return HoldingPage(*cut(found, limit, holding_cursor))

    def mark_internalized(self, scope: Scope, turn_ids: Collection[str]) -> None:
        scope.required_session()
        with self._database.write() as connection:
            sql_turns.mark(connection, scope, turn_ids)

    def session_scopes(self, scope: Scope) -> list[Scope]:
        with self._database.read() as connection:
            return sql_turns.session_scopes(connection, scope)

    def restore_turns(self, scope: Scope, turns: Sequence[Turn]) -> int:
        scope.required_session()
        with self._database.write() as connection:
            sql_changes.enroll(connection, scope.tenant_id)
            sql_erasures.refuse(connection, scope.tenant_id, told=scope)
            with self._growing(connection, scope.tenant_id):
                return sql_turns.restore(connection, scope, turns)

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
            told = select(turns.c.tenant_id).where(turns.c.tenant_id == tenants.c.tenant_id).exists()
            # An erasure is written down for a tenant that has stored nothing, too.
            stored = or_(tenants.c.seq > 0, tenants.c.erased == 0, told)
            found = connection.scalars(select(tenants.c.tenant_id).where(stored))
            return sorted(found)  # PostgreSQL's order is the locale's

    def embedders(self, tenant_id: str) -> set[str]:
        with self._database.read() as connection:
            return {
                name
                for table in (memories, retired)
                for name in connection.scalars(
                    select(table.c.embedder).where(table.c.tenant_id == tenant_id).distinct()
                )
                if name == shown(name)  # else of a damaged row
            }

    def version(self, tenant_id: str) -> Version:
        with self._database.read() as connection:
            return sql_changes.version(connection, tenant_id)

    def changes(self, tenant_id: str, embedder: str, since: Version = START) -> Changes:
        with self._database.read() as connection:
            return sql_changes.changes(connection, tenant_id, embedder, since)


def _renewed(revision: Revision) -> list[bytes]:
    """The embeddings of what a revision renews."""
    if revision.vectors is None:
        return []
    return to_bytes(revision.renewed, revision.vectors)
