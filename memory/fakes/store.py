"""MemoryStore in dictionaries. A transaction works on a copy of its tenant, which then takes its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import RLock
from typing import Any

import numpy as np

from memory.backends.embeddings import to_bytes, to_vectors
from memory.errors import InvalidInput
from memory.fakes.tenant import StoredRow, TenantState, as_removed, ended
from memory.ports import ANYTHING, NOTHING, START, Changes, Group, Revision, Vectors, Version, Wanted
from memory.ports.work import Erasure, current
from memory.records import (
    SCOPE_FIELDS,
    SINGLE_KINDS,
    SKILLS,
    HistoryEvent,
    Holding,
    HoldingPage,
    MemoryRecord,
    Message,
    Page,
    Removed,
    Scope,
    Session,
    SessionPage,
    State,
    StoreStats,
    Turn,
    after_id,
    after_names,
    check_page,
    cut,
    holding_cursor,
    id_cursor,
    new_id,
    notes,
    only_tenant,
    session_cursor,
)
from memory.records import now as utc_now
from memory.text.search_words import ranked, search_words, telling


class InMemoryStore:
    """The same promises as SqlStore, but for outliving the process."""

    def __init__(self, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._tenants: dict[str, TenantState] = {}
        self._lock = RLock()

    def close(self) -> None:
        """Nothing is open."""

    def now(self) -> datetime:
        return self._clock()

    def _reading(self, tenant_id: str) -> TenantState:
        """The tenant as it stands; writers replace it and never change it."""
        return self._tenants.get(tenant_id, TenantState())

    @contextmanager
    def _writing(self, tenant_id: str) -> Iterator[TenantState]:
        with self._lock:
            tenant = self._reading(tenant_id).copy()
            yield tenant
            if tenant.history or tenant.turns or tenant.past or tenant.erasures:
                self._tenants[tenant_id] = tenant

    # -- memories in

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
        at, tenant_id = self._clock(), only_tenant(records)
        with self._writing(tenant_id) as tenant:
            tenant.refuse(current(tenant_id), records)
            asked = {(record.scope, record.content_hash) for record in records}
            tenant.remove(lambda r: ended(r, at) and (r.scope, r.content_hash) in asked, at)
            tenant.retire(lambda r: not r.current(at) and (r.scope, r.content_hash) in asked, None, at)
            standing = tenant.standing(Scope(tenant_id=tenant_id), at)
            new = [r for r in records if standing.setdefault((r.scope, r.content_hash), r) is r]
            ids = {record.id: standing[record.scope, record.content_hash].id for record in records}
            tenant.revise(revision, renewed, ids, at)
            by_id = dict(zip((record.id for record in records), embeddings, strict=True))
            for record in new:
                if record.id in tenant.rows:
                    raise InvalidInput("another memory of this tenant has the same id; give a new one")
                tenant.put(record, by_id[record.id], "ADD", at)
            if before_commit is not None:
                before_commit()
        return [standing[record.scope, record.content_hash] for record in records]

    def revise(
        self, tenant_id: str, revision: Revision, *, before_commit: Callable[[], None] | None = None
    ) -> list[Removed]:
        renewed = _renewed(revision)
        with self._writing(tenant_id) as tenant:
            before = tenant.records() if revision.erased or not (revision.kept or revision.outdated) else {}
            at = self._clock()
            gone = tenant.remove_same(tenant.overwritten(revision), at)
            gone = tenant.revise(revision, renewed, {}, at) + gone
            tenant.note_lost(before)
            if before_commit is not None:
                before_commit()
        return gone

    def update(
        self,
        scope: Scope,
        record: MemoryRecord,
        vector: Vectors,
        *,
        before_commit: Callable[[], None] | None = None,
        expects: MemoryRecord | None = None,
    ) -> Removed:
        [embedding] = to_bytes([record], np.atleast_2d(vector))
        at = self._clock()
        with self._writing(scope.tenant_id) as tenant:
            tenant.check([] if expects is None else [expects])
            before = tenant.one(scope, record.id, at)
            if before.content_hash != record.content_hash:
                tenant.remove_same([before], at)
            tenant.renew(record, embedding, at)
            if before.content_hash != record.content_hash:
                tenant.note_lost({before.id: before})
            if before_commit is not None:
                before_commit()
        return as_removed(before)

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
        with self._writing(scope.tenant_id) as tenant:
            tenant.check([] if expects is None else [expects])
            after = replace(tenant.one(scope, memory_id, at), **values, updated_at=at)
            tenant.put(after, tenant.rows[memory_id].embedding, "UPDATE", at)
            if metadata is not None:
                tenant.describe_held(memory_id, metadata, at)
        return after

    def count_uses(self, tenant_id: str, uses: Mapping[str, int]) -> None:
        at = self._clock()
        with self._writing(tenant_id) as tenant:
            for memory_id, more in uses.items():
                if memory_id in tenant.rows:
                    row = tenant.rows[memory_id]
                    used = replace(row.record, uses=row.record.uses + more, used_at=at)
                    tenant.rows[memory_id] = replace(row, record=used)

    def keep_past(self, records: Sequence[MemoryRecord], vectors: Vectors) -> int:
        embeddings = to_bytes(records, vectors)
        if not records:
            return 0
        with self._writing(only_tenant(records)) as tenant:
            tenant.refuse(current(only_tenant(records)), records)
            taken = {*tenant.rows, *tenant.past}
            new = {
                r.id: StoredRow(r, e) for r, e in zip(records, embeddings, strict=True) if r.id not in taken
            }
            tenant.past |= new
        return len(new)

    # -- memories out

    def get(self, scope: Scope, memory_id: str) -> MemoryRecord:
        return self._reading(scope.tenant_id).one(scope, memory_id, self._clock())

    def beginning(self, scope: Scope, prefix: str, most: int = 2) -> list[str]:
        found = sorted(r.id for r in self._reading(scope.tenant_id).alive(scope, self._clock()))
        return [memory_id for memory_id in found if memory_id.startswith(prefix)][:most]

    def get_many(
        self, scope: Scope, memory_ids: Sequence[str], *, as_of: datetime | None = None
    ) -> list[MemoryRecord]:
        found = {record.id: record for record in self._seen(scope.required(), as_of)}
        return [found[memory_id] for memory_id in memory_ids if memory_id in found]

    def beside(self, scope: Scope, told: Sequence[MemoryRecord], away: int) -> list[MemoryRecord]:
        near = frozenset().union(*(record.beside(away) for record in told))
        known = {record.id for record in told}
        return [r for r in self._seen(scope.required(), None) if near & r.ends and r.id not in known]

    def known(self, scope: Scope, hashes: Collection[str]) -> dict[str, MemoryRecord]:
        standing = self._reading(scope.required().tenant_id).standing(scope, self._clock())
        return {
            content: r for (exact, content), r in standing.items() if exact == scope and content in hashes
        }

    def _seen(self, scope: Scope, as_of: datetime | None) -> list[MemoryRecord]:
        """What a read that finds can see, oldest first."""
        tenant, at = self._reading(scope.tenant_id), self._clock()
        return tenant.visible(scope, at) if as_of is None else tenant.held(scope, at, as_of)

    def skills_for(self, scope: Scope) -> tuple[list[MemoryRecord], Vectors]:
        tenant, at = self._reading(scope.required().tenant_id), self._clock()
        everything = tenant.visible(Scope(tenant_id=scope.tenant_id), at)
        skills = [r for r in everything if (r.kind, r.document_id) == ("skill", SKILLS)]
        found = [r for r in skills if r.scope.covers(scope)]
        return found, to_vectors([tenant.rows[record.id].embedding for record in found])

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
        after = after_id(cursor)
        found = [
            record
            for record in reversed(self._listed(scope, wanted.state, as_of))
            if wanted.meets(record) and (after is None or record.id < after)
        ]
        return Page(*cut(found, limit, id_cursor))

    def _listed(self, scope: Scope, state: State, as_of: datetime | None) -> list[MemoryRecord]:
        tenant, at = self._reading(scope.tenant_id), self._clock()
        if as_of is not None or state in ("current", "pinned"):
            return [record for record in self._seen(scope, as_of) if state != "pinned" or record.pinned]
        alive = tenant.alive(scope, at)
        if state == "coming":
            return [record for record in alive if record.valid_from is not None and record.valid_from > at]
        every = [*alive, *tenant.retired(scope, at)]
        ended = [record for record in every if record.valid_until is not None and record.valid_until <= at]
        return sorted(ended, key=lambda record: record.id)

    def everything(self, tenant_id: str, scope: Scope | None = None) -> Iterator[MemoryRecord]:
        yield from self._reading(tenant_id).alive(scope or Scope(tenant_id=tenant_id), self._clock())

    def everything_retired(self, tenant_id: str, scope: Scope | None = None) -> Iterator[MemoryRecord]:
        yield from self._reading(tenant_id).retired(scope or Scope(tenant_id=tenant_id), self._clock())

    def retired(
        self, scope: Scope, *, ids: Collection[str] | None = None, held_by: Collection[str] | None = None
    ) -> list[MemoryRecord]:
        passages = self._reading(scope.tenant_id).retired(scope, self._clock())
        return [p for p in passages if (p.id in ids if ids is not None else p.held_by in (held_by or ()))]

    def past(self, scope: Scope, as_of: datetime, embedder: str) -> tuple[list[str], Vectors]:
        tenant = self._reading(scope.required().tenant_id)
        passages = tenant.retired(scope, self._clock())
        ids = [p.id for p in passages if p.holds(as_of) and p.embedder == embedder]
        return ids, to_vectors([tenant.past[memory_id].embedding for memory_id in ids])

    def embeddings(self, scope: Scope, memory_ids: Sequence[str]) -> dict[str, Vectors]:
        tenant, at = self._reading(scope.required().tenant_id), self._clock()
        seen = {record.id for record in (*tenant.alive(scope, at), *tenant.retired(scope, at))}
        rows = tenant.rows | tenant.past
        return {i: to_vectors([rows[i].embedding])[0] for i in memory_ids if i in seen}

    def find_words(
        self, scope: Scope, words: Sequence[str], k: int, *, as_of: datetime | None = None
    ) -> list[tuple[str, float]]:
        seen = [r for r in self._seen(scope.required(), as_of) if r.kind != "skill"]
        cut = {record.id: set(search_words(record.found_by)) for record in seen}
        ids = {word: [i for i, has in cut.items() if word in has] for word in words}
        having = {word: len(found) for word, found in ids.items()}
        scores = ranked({word: ids[word] for word in telling(having)}, len(seen), having)
        return list(scores.items())[:k]

    def groups(self, scope: Scope, *, before: datetime | None = None) -> list[Group]:
        counts: dict[tuple[Scope, str | None], int] = {}
        for record in self._loose(scope, before):
            key = (record.scope, record.document_id)
            counts[key] = counts.get(key, 0) + 1
        groups = [Group(exact, document, count) for (exact, document), count in counts.items()]
        return sorted(groups, key=lambda g: (*_names(g.scope), g.document_id or ""))

    def members(
        self,
        group: Group,
        *,
        before: datetime | None = None,
        after: str = "",
        limit: int = 100,
        ended: bool = False,
    ) -> list[MemoryRecord]:
        loose = self._ended(group.scope) if ended else self._loose(group.scope, before)
        same = [r for r in loose if r.scope == group.scope and r.document_id == group.document_id]
        return [record for record in same if record.id > after][:limit]

    def _ended(self, scope: Scope) -> list[MemoryRecord]:
        at = self._clock()
        alive = self._reading(scope.tenant_id).alive(scope, at)
        return [record for record in alive if record.valid_until is not None and record.valid_until <= at]

    def _loose(self, scope: Scope, before: datetime | None) -> list[MemoryRecord]:
        """What can be compacted."""
        return [
            record
            for record in self._seen(scope, None)
            if not (record.kind in SINGLE_KINDS or record.pinned or record.expires_at or record.valid_until)
            and (before is None or record.created_at < before)
        ]

    # -- taking away

    def delete(self, scope: Scope, memory_id: str, *, expects: MemoryRecord | None = None) -> list[Removed]:
        at = self._clock()
        with self._writing(scope.tenant_id) as tenant:
            tenant.check([] if expects is None else [expects])
            before = tenant.records()
            removed = tenant.remove(lambda r: scope.covers(r.scope) and r.id == memory_id, at)
            if not removed:
                raise tenant.not_found(scope, memory_id, at)
            removed += tenant.remove_same([before[memory_id]], at)
            tenant.note_lost(before)
        return removed

    def delete_where(
        self, scope: Scope, *, document_id: str | None = None
    ) -> tuple[list[Removed], list[str]]:
        if document_id is None:
            scope.required()
        with self._writing(scope.tenant_id) as tenant:
            at = self._clock()

            def goes(record: MemoryRecord) -> bool:
                return scope.covers(record.scope) and document_id in (None, record.document_id)

            tenant.note_erased(scope, document_id=document_id)
            removed = tenant.remove(goes, at)
            removed += tenant.remove_past(goes, at)
            return removed, [] if document_id is not None else tenant.remove_turns(scope)

    def delete_tenant(self, tenant_id: str) -> tuple[list[Removed], list[str]]:
        at = self._clock()
        with self._writing(tenant_id) as tenant:
            tenant.note_erased(Scope(tenant_id=tenant_id))
            removed = tenant.remove(lambda _: True, at)
            removed += tenant.remove_past(lambda _: True, at)
            return removed, tenant.remove_turns(Scope(tenant_id=tenant_id))

    def expire(self, tenant_id: str, now: datetime | None = None) -> list[Removed]:
        at = now or self._clock()
        with self._writing(tenant_id) as tenant:
            gone = tenant.remove(lambda record: ended(record, at), at)
            return gone + tenant.remove_past(lambda record: ended(record, at), at)

    def expired(self) -> list[str]:
        at = self._clock()
        return sorted(
            tenant_id
            for tenant_id, tenant in self._tenants.items()
            if any(ended(record, at) for record in tenant.records().values())
        )

    def announce(
        self, scope: Scope, *, document_id: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        with self._writing(scope.tenant_id) as tenant:
            tenant.note_erased(scope, document_id=document_id, metadata=metadata)

    def erased(self, tenant_id: str) -> int:
        return len(self._reading(tenant_id).erasures)

    def erasures(self, tenant_id: str, since: int) -> list[Erasure]:
        return self._reading(tenant_id).erasures[since:]

    def release(self, tenant_id: str, digests: Collection[str], remove: Callable[[str], None]) -> list[str]:
        with self._lock:
            used = {row.record.adapter.digest for row in self._reading(tenant_id).rows.values()}
            unused = sorted(set(digests) - used)
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
        at = self._clock()
        with self._writing(scope.tenant_id) as tenant:
            tenant.refuse(current(scope.tenant_id), (), scope)
            ids = [new_id() for _ in messages]
            if idempotency_key is not None:
                ids, there = tenant.called(scope, idempotency_key, len(messages), at)
                if there:
                    return there
            first = sum(turn.scope == scope for turn in tenant.turns)
            added = [
                Turn(scope, m.role, m.text, ordinal, turn_id, m.said_at or at, m.recalled)
                for (ordinal, m), turn_id in zip(enumerate(messages, first), ids, strict=True)
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
        after = after_names(cursor)
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
        return SessionPage(*cut(found, limit, session_cursor))

    def holdings(
        self, scope: Scope, *, by_document: bool = False, limit: int = 100, cursor: str | None = None
    ) -> HoldingPage:
        check_page(limit)
        after = after_names(cursor)
        told: dict[tuple[str, str, str], list[MemoryRecord]] = {}
        for record in self._reading(scope.tenant_id).visible(scope, self._clock()):
            if record.kind != "skill" and (record.document_id is not None or not by_document):
                name = (record.document_id or "") if by_document else ""
                key = (name, record.scope.user_id or "", record.scope.agent_id or "")
                told.setdefault(key, []).append(record)
        found = [_holding(key, said) for key, said in sorted(told.items()) if cursor is None or key > after]
        return HoldingPage(*cut(found, limit, holding_cursor))

    def mark_internalized(self, scope: Scope, turn_ids: Collection[str]) -> None:
        scope.required_session()
        with self._writing(scope.tenant_id) as tenant:
            tenant.turns = [
                replace(turn, internalized=True) if turn.scope == scope and turn.id in turn_ids else turn
                for turn in tenant.turns
            ]

    def session_scopes(self, scope: Scope) -> list[Scope]:
        told = {turn.scope for turn in self._reading(scope.tenant_id).turns}
        return sorted((exact for exact in told if scope.covers(exact)), key=_names)

    def restore_turns(self, scope: Scope, turns: Sequence[Turn]) -> int:
        scope.required_session()
        with self._writing(scope.tenant_id) as tenant:
            tenant.refuse(current(scope.tenant_id), (), scope)
            if any(turn.scope == scope for turn in tenant.turns):
                return 0
            tenant.turns += [replace(turn, scope=scope, id=new_id()) for turn in turns]
        return len(turns)

    # -- the tenant

    def history(self, scope: Scope, memory_id: str) -> list[HistoryEvent]:
        past = self._reading(scope.tenant_id).history
        events = [e for whose, e in past if scope.covers(whose) and e.memory_id == memory_id]
        if not events:
            raise self._reading(scope.tenant_id).not_found(scope, memory_id, self._clock())
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
        every = self._tenants.items()
        return sorted(name for name, tenant in every if tenant.history or tenant.turns or not tenant.erasures)

    def embedders(self, tenant_id: str) -> set[str]:
        tenant = self._reading(tenant_id)
        return {row.record.embedder for row in [*tenant.rows.values(), *tenant.past.values()]}

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


def _names(scope: Scope) -> tuple[str, ...]:
    return (scope.tenant_id, *(getattr(scope, field) or "" for field in SCOPE_FIELDS))


def _renewed(revision: Revision) -> list[bytes]:
    """The embeddings of what a revision renews."""
    if revision.vectors is None:
        return []
    return to_bytes(revision.renewed, revision.vectors)


def _holding(key: tuple[str, str, str], said: Sequence[MemoryRecord]) -> Holding:
    document, user, agent = (name or None for name in key)
    scope = Scope(user_id=user, agent_id=agent, tenant_id=said[0].scope.tenant_id)
    characters = sum(len(record.text) for record in said)
    return Holding(scope, document, len(said), characters, max(record.created_at for record in said))
