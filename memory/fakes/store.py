"""MemoryStore in dictionaries. A transaction works on a copy of its tenant, which then takes its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import RLock
from typing import Any

import numpy as np

from memory.embeddings import to_bytes, to_vectors
from memory.errors import InvalidInput, NotFound
from memory.ports import START, Changes, Vectors, Version
from memory.records import (
    SKILLS,
    Event,
    HistoryEvent,
    Kind,
    MemoryRecord,
    Message,
    Page,
    Removed,
    Scope,
    Session,
    SessionPage,
    StoreStats,
    Turn,
    after_session,
    check_metadata,
    check_page,
    only_tenant,
)
from memory.records import now as utc_now


@dataclass(frozen=True)
class _Row:
    record: MemoryRecord
    embedding: bytes
    seq: int


@dataclass
class _Tenant:
    rows: dict[str, _Row] = field(default_factory=dict)  # by id
    turns: list[Turn] = field(default_factory=list)
    history: list[tuple[Scope, HistoryEvent]] = field(default_factory=list)  # the n-th has seq n + 1

    def copy(self) -> _Tenant:
        return _Tenant(dict(self.rows), list(self.turns), list(self.history))

    def note(self, event: Event, record: MemoryRecord, at: datetime) -> int:
        self.history.append((record.scope, HistoryEvent(record.id, event, at)))
        return len(self.history)

    def version(self) -> Version:
        return Version(len(self.history), self.history[-1][1].memory_id) if self.history else START

    def visible(self, scope: Scope, at: datetime) -> list[MemoryRecord]:
        """Oldest first."""
        records = (self.rows[memory_id].record for memory_id in sorted(self.rows))
        return [r for r in records if scope.covers(r.scope) and not _ended(r, at)]

    def one(self, scope: Scope, memory_id: str, at: datetime) -> MemoryRecord:
        for record in self.visible(scope, at):
            if record.id == memory_id:
                return record
        raise _not_found(memory_id)

    def put(self, record: MemoryRecord, embedding: bytes, event: Event, at: datetime) -> None:
        self.rows[record.id] = _Row(record, embedding, self.note(event, record, at))

    def remove(self, goes: Callable[[MemoryRecord], bool], at: datetime) -> list[Removed]:
        removed = []
        for record in [self.rows[memory_id].record for memory_id in sorted(self.rows)]:
            if goes(record):
                del self.rows[record.id]
                self.note("DELETE", record, at)
                removed.append(_removed(record))
        return removed

    def remove_turns(self, scope: Scope) -> list[str]:
        gone = sorted(turn.id for turn in self.turns if scope.covers(turn.scope))
        self.turns = [turn for turn in self.turns if not scope.covers(turn.scope)]
        return gone


def _ended(record: MemoryRecord, at: datetime) -> bool:
    return record.expires_at is not None and record.expires_at <= at


def _removed(record: MemoryRecord) -> Removed:
    return Removed(record.id, record.content_hash, record.adapter.digest)


def _not_found(memory_id: str) -> NotFound:
    return NotFound(f"no memory {memory_id!r} here; list the memories to see their ids")


class InMemoryStore:
    """The same promises as SqlStore, but for outliving the process."""

    def __init__(self, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._tenants: dict[str, _Tenant] = {}
        self._lock = RLock()

    def close(self) -> None:
        """Nothing is open."""

    def _reading(self, tenant_id: str) -> _Tenant:
        """The tenant as it stands; writers replace it and never change it."""
        return self._tenants.get(tenant_id, _Tenant())

    @contextmanager
    def _writing(self, tenant_id: str) -> Iterator[_Tenant]:
        with self._lock:
            tenant = self._reading(tenant_id).copy()
            yield tenant
            if tenant.history or tenant.turns:
                self._tenants[tenant_id] = tenant

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
        at, tenant_id = self._clock(), only_tenant(records)
        with self._writing(tenant_id) as tenant:
            asked = {(record.scope, record.content_hash) for record in records}
            tenant.remove(lambda r: _ended(r, at) and (r.scope, r.content_hash) in asked, at)
            standing = {(r.scope, r.content_hash): r for r in tenant.visible(Scope(tenant_id=tenant_id), at)}
            for record, embedding in zip(records, embeddings, strict=True):
                if standing.setdefault((record.scope, record.content_hash), record) is record:
                    if record.id in tenant.rows:
                        raise InvalidInput("another memory of this tenant has the same id; give a new one")
                    tenant.put(record, embedding, "ADD", at)
            if before_commit is not None:
                before_commit()
        return [standing[record.scope, record.content_hash] for record in records]

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
        with self._writing(scope.tenant_id) as tenant:
            before = tenant.one(scope, record.id, at)
            same = (before.scope, record.content_hash)
            if any(
                (r.record.scope, r.record.content_hash) == same and r.record.id != record.id
                for r in tenant.rows.values()
            ):
                raise InvalidInput("another memory in this scope says the same already; delete one of them")
            tenant.put(_updated(before, record, at), embedding, "UPDATE", at)
            if before_commit is not None:
                before_commit()
        return _removed(before)

    def set_metadata(self, scope: Scope, memory_id: str, metadata: Mapping[str, Any]) -> MemoryRecord:
        check_metadata(metadata)
        at = self._clock()
        with self._writing(scope.tenant_id) as tenant:
            before = tenant.one(scope, memory_id, at)
            after = replace(before, metadata=dict(metadata), updated_at=at)
            tenant.put(after, tenant.rows[memory_id].embedding, "UPDATE", at)
        return after

    # -- memories out

    def get(self, scope: Scope, memory_id: str) -> MemoryRecord:
        return self._reading(scope.tenant_id).one(scope, memory_id, self._clock())

    def get_many(self, scope: Scope, memory_ids: Sequence[str]) -> list[MemoryRecord]:
        visible = self._reading(scope.required().tenant_id).visible(scope, self._clock())
        found = {record.id: record for record in visible}
        return [found[memory_id] for memory_id in memory_ids if memory_id in found]

    def known(self, scope: Scope, hashes: Collection[str]) -> dict[str, MemoryRecord]:
        visible = self._reading(scope.required().tenant_id).visible(scope, self._clock())
        return {r.content_hash: r for r in visible if r.scope == scope and r.content_hash in hashes}

    def skills_for(self, scope: Scope) -> tuple[list[MemoryRecord], Vectors]:
        tenant, at = self._reading(scope.required().tenant_id), self._clock()
        everything = tenant.visible(Scope(tenant_id=scope.tenant_id), at)
        skills = [r for r in everything if (r.kind, r.document_id) == ("skill", SKILLS)]
        found = [r for r in skills if r.scope.covers(scope)]
        return found, to_vectors([tenant.rows[record.id].embedding for record in found])

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
        found = [
            record
            for record in reversed(self._reading(scope.tenant_id).visible(scope, self._clock()))
            if kind in (None, record.kind)
            and document_id in (None, record.document_id)
            and (cursor is None or record.id < cursor)
        ]
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    def everything(self, tenant_id: str) -> Iterator[MemoryRecord]:
        yield from self._reading(tenant_id).visible(Scope(tenant_id=tenant_id), self._clock())

    # -- taking away

    def delete(self, scope: Scope, memory_id: str) -> Removed:
        with self._writing(scope.tenant_id) as tenant:
            removed = tenant.remove(lambda r: scope.covers(r.scope) and r.id == memory_id, self._clock())
            if not removed:
                raise _not_found(memory_id)
        return removed[0]

    def delete_where(
        self, scope: Scope, *, document_id: str | None = None
    ) -> tuple[list[Removed], list[str]]:
        if document_id is None:
            scope.required()
        with self._writing(scope.tenant_id) as tenant:
            removed = tenant.remove(
                lambda r: scope.covers(r.scope) and document_id in (None, r.document_id), self._clock()
            )
            return removed, [] if document_id is not None else tenant.remove_turns(scope)

    def delete_tenant(self, tenant_id: str) -> tuple[list[Removed], list[str]]:
        with self._writing(tenant_id) as tenant:
            return tenant.remove(lambda _: True, self._clock()), tenant.remove_turns(
                Scope(tenant_id=tenant_id)
            )

    def expire(self, tenant_id: str, now: datetime | None = None) -> list[Removed]:
        at = now or self._clock()
        with self._writing(tenant_id) as tenant:
            return tenant.remove(lambda record: _ended(record, at), at)

    def release(self, tenant_id: str, digests: Collection[str], remove: Callable[[str], None]) -> list[str]:
        with self._lock:
            used = {row.record.adapter.digest for row in self._reading(tenant_id).rows.values()}
            unused = sorted(set(digests) - used)
            for digest in unused:
                remove(digest)
        return unused

    # -- turns

    def append_turns(self, scope: Scope, messages: Sequence[Message]) -> list[Turn]:
        scope.required_session()
        at = self._clock()
        with self._writing(scope.tenant_id) as tenant:
            first = sum(turn.scope == scope for turn in tenant.turns)
            added = [
                Turn(scope, m.role, m.text, ordinal, created_at=at, internalized=m.recalled)
                for ordinal, m in enumerate(messages, first)
            ]
            tenant.turns += added
        return added

    def turns(self, scope: Scope, *, last: int | None = None, internalized: bool | None = None) -> list[Turn]:
        scope.required_session()
        of_session = [turn for turn in self._reading(scope.tenant_id).turns if turn.scope == scope]
        wanted = [turn for turn in of_session if internalized in (None, turn.internalized)]
        return wanted if last is None else wanted[len(wanted) - min(last, len(wanted)) :]

    def sessions(self, scope: Scope, *, limit: int = 100, cursor: str | None = None) -> SessionPage:
        scope.required()
        check_page(limit)
        after = after_session(cursor)
        of_session: dict[tuple[str, str, str], list[Turn]] = {}
        for turn in self._reading(scope.tenant_id).turns:
            if turn.scope.session_id is not None and scope.covers(turn.scope):
                named = turn.scope
                key = (named.session_id or "", named.user_id or "", named.agent_id or "")
                of_session.setdefault(key, []).append(turn)
        found = [
            Session(said[0].scope, len(said), said[-1].created_at)
            for key, said in sorted(of_session.items())
            if key > after
        ]
        return SessionPage.cut(found[: limit + 1], limit)

    def mark_internalized(self, scope: Scope, turn_ids: Collection[str]) -> None:
        scope.required_session()
        with self._writing(scope.tenant_id) as tenant:
            tenant.turns = [
                replace(turn, internalized=True) if turn.scope == scope and turn.id in turn_ids else turn
                for turn in tenant.turns
            ]

    # -- the tenant

    def history(self, scope: Scope, memory_id: str) -> list[HistoryEvent]:
        past = self._reading(scope.tenant_id).history
        events = [e for whose, e in past if scope.covers(whose) and e.memory_id == memory_id]
        if not events:
            raise _not_found(memory_id)
        return events

    def stats(self, scope: Scope) -> StoreStats:
        tenant = self._reading(scope.tenant_id)
        seen = tenant.visible(scope, self._clock())
        turns = [turn for turn in tenant.turns if scope.covers(turn.scope)]
        scopes = {record.scope for record in seen} | {turn.scope for turn in turns}
        return StoreStats(
            memories=len(seen),
            documents=len({record.document_id for record in seen if record.kind != "skill"} - {None}),
            sessions=sum(scope.session_id is not None for scope in scopes),
            turns=len(turns),
            characters=sum(len(record.text) for record in seen),
            adapter_bytes=sum({r.adapter.digest: r.adapter.nbytes for r in seen}.values()),
        )

    def tenants(self) -> list[str]:
        return sorted(self._tenants)

    def embedders(self, tenant_id: str) -> set[str]:
        return {row.record.embedder for row in self._reading(tenant_id).rows.values()}

    def version(self, tenant_id: str) -> Version:
        return self._reading(tenant_id).version()

    def changes(self, tenant_id: str, embedder: str, since: Version = START) -> Changes:
        tenant = self._reading(tenant_id)
        past = tenant.history[since.seq - 1 : since.seq]
        full = not past or past[0][1].memory_id != since.last
        after = 0 if full else since.seq
        rows = [r for r in tenant.rows.values() if r.seq > after and r.record.embedder == embedder]
        rows.sort(key=lambda row: row.seq)
        ids = tuple(row.record.id for row in rows)
        gone = {event.memory_id for _, event in tenant.history[after:] if event.event != "ADD"} - set(ids)
        return Changes(
            version=tenant.version(),
            full=full,
            ids=ids,
            scopes=tuple(row.record.scope for row in rows),
            vectors=to_vectors([row.embedding for row in rows]),
            removed=() if full else tuple(sorted(gone)),
        )


def _updated(before: MemoryRecord, record: MemoryRecord, at: datetime) -> MemoryRecord:
    """The record's content in the place of what stood there before."""
    return replace(
        before,
        text=record.text,
        content_hash=record.content_hash,
        embedder=record.embedder,
        dim=record.dim,
        adapter=record.adapter,
        expires_at=record.expires_at,
        metadata=dict(record.metadata),
        updated_at=at,
    )
