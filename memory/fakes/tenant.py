"""What InMemoryStore keeps of one tenant. A writer works on a copy, which then takes its place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from memory.backends.repeated import turn_ids
from memory.errors import Erased, InvalidInput, NotFound, StoreConflict
from memory.ports import REPEATED, START, Revision, Version
from memory.ports.work import Erasure, Work, item_digests, name_digest, name_digests
from memory.records import CONTENT_FIELDS, RETIRED, Event, HistoryEvent, MemoryRecord, Removed, Scope, Turn

Goes = Callable[[MemoryRecord], bool]


@dataclass(frozen=True)
class StoredRow:
    """A memory, or a retired passage, whose seq is 0."""

    record: MemoryRecord
    embedding: bytes
    seq: int = 0


@dataclass
class TenantState:
    """Rows by id, turns, and history: its n-th event has seq n + 1."""

    rows: dict[str, StoredRow] = field(default_factory=dict)
    past: dict[str, StoredRow] = field(default_factory=dict)  # what is retired
    turns: list[Turn] = field(default_factory=list)
    history: list[tuple[Scope, HistoryEvent]] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)  # the n-th has number n + 1

    def copy(self) -> TenantState:
        return TenantState(
            dict(self.rows), dict(self.past), list(self.turns), list(self.history), list(self.erasures)
        )

    # -- reading

    def version(self) -> Version:
        return Version(len(self.history), self.history[-1][1].memory_id) if self.history else START

    def alive(self, scope: Scope, at: datetime) -> list[MemoryRecord]:
        """Oldest first, outdated ones too."""
        return _alive(self.rows, scope, at)

    def visible(self, scope: Scope, at: datetime) -> list[MemoryRecord]:
        """What holds now, oldest first."""
        return [record for record in self.alive(scope, at) if record.current(at)]

    def retired(self, scope: Scope, at: datetime) -> list[MemoryRecord]:
        return _alive(self.past, scope, at)

    def held(self, scope: Scope, at: datetime, as_of: datetime) -> list[MemoryRecord]:
        """The passages that held then, oldest first."""
        passages = [record for record in self.alive(scope, at) if not record.compacted]
        found = [r for r in [*passages, *self.retired(scope, at)] if r.holds(as_of)]
        return sorted(found, key=lambda record: record.id)

    def one(self, scope: Scope, memory_id: str, at: datetime) -> MemoryRecord:
        for record in self.alive(scope, at):
            if record.id == memory_id:
                return record
        raise self.not_found(scope, memory_id, at)

    def not_found(self, scope: Scope, memory_id: str, at: datetime) -> NotFound:
        for passage in self.retired(scope, at):
            if passage.id == memory_id and passage.valid_until is not None:
                return NotFound(f"memory {memory_id!r} is of the past; ask for it with as_of")
            if passage.id == memory_id:
                return NotFound(
                    f"memory {memory_id!r} was compacted; memory {passage.held_by!r} holds it now"
                )
        return NotFound(f"no memory {memory_id!r} here; list the memories to see their ids")

    def standing(self, scope: Scope, at: datetime) -> dict[tuple[Scope, str], MemoryRecord]:
        """What stands for each exact scope and content, in itself or in what a compacted memory holds."""
        visible = {record.id: record for record in self.visible(scope, at)}
        inside = {
            (passage.scope, passage.content_hash): visible[passage.held_by]
            for passage in self.retired(scope, at)
            if passage.held_by in visible and passage.valid_until is None
        }
        return inside | {(record.scope, record.content_hash): record for record in visible.values()}

    # -- writing

    def refuse(self, work: Work | None, records: Sequence[MemoryRecord], told: Scope | None = None) -> None:
        """Refuse what some was erased of since the work began."""
        for erasure in self.erasures[work.since :] if work is not None else ():
            read = work is not None and work.reads is not None and erasure.touches(work.reads)
            turns = told is not None and erasure.whole and erasure.covers_scope(told)
            if read or turns or any(map(erasure.covers, records)):
                raise Erased("what this is about was erased while it ran; nothing of it was kept")

    def note_erased(
        self, scope: Scope, *, document_id: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        document = name_digest(scope.tenant_id, "document_id", document_id)
        number = len(self.erasures) + 1
        self.erasures.append(Erasure(number, name_digests(scope), document, item_digests(metadata)))

    def note_lost(self, before: Mapping[str, MemoryRecord]) -> None:
        """Number what of these contents is nowhere any more."""
        rows = [row.record for row in (*self.rows.values(), *self.past.values())]
        left = {(record.scope, record.content_hash) for record in rows}
        for record in before.values():
            if (record.scope, record.content_hash) not in left:
                names = name_digests(record.scope)
                self.erasures.append(Erasure(len(self.erasures) + 1, names, content=record.content_hash))

    def records(self) -> dict[str, MemoryRecord]:
        """All there are, by id."""
        return {memory_id: row.record for memory_id, row in (self.rows | self.past).items()}

    def note(self, event: Event, record: MemoryRecord, at: datetime) -> int:
        self.history.append((record.scope, HistoryEvent(record.id, event, at)))
        return len(self.history)

    def put(self, record: MemoryRecord, embedding: bytes, event: Event, at: datetime) -> None:
        self.rows[record.id] = StoredRow(record, embedding, self.note(event, record, at))

    def change(self, record: MemoryRecord, embedding: bytes, event: Event, at: datetime) -> None:
        """Put a memory or a retired passage in the place of what has its id."""
        if record.id in self.rows:
            self.put(record, embedding, event, at)
        else:
            self.past[record.id] = StoredRow(record, embedding)
            self.note(event, record, at)

    def remove(self, goes: Goes, at: datetime) -> list[Removed]:
        """Take memories away, with all that they hold."""
        removed = self._take(self.rows, goes, at)
        return removed + self._held({memory.memory_id for memory in removed}, at)

    def remove_past(self, goes: Goes, at: datetime) -> list[Removed]:
        """The same for retired passages."""
        removed = self._take(self.past, goes, at)
        return removed + self._held({passage.memory_id for passage in removed}, at)

    def remove_same(self, those: Sequence[MemoryRecord], at: datetime) -> list[Removed]:
        """Take away what said before, in the very scope of one of those, the very same."""
        said = {(record.scope, record.content_hash) for record in those}
        return self.remove_past(lambda r: r.valid_until is not None and (r.scope, r.content_hash) in said, at)

    def overwritten(self, revision: Revision) -> list[MemoryRecord]:
        """What memories say that a revision is about to replace for good, and not only to move."""
        if not revision.erased and (revision.kept or revision.outdated):
            return []
        rows = [(self.rows.get(record.id), record) for record in revision.renewed]
        return [
            row.record
            for row, record in rows
            if row is not None
            and record.id not in revision.kept
            and row.record.content_hash != record.content_hash
        ]

    def called(self, scope: Scope, key: str, many: int, at: datetime) -> tuple[list[str], list[Turn]]:
        """Ids for the turns of a call with this key, and those turns, where it came before."""
        of_session = {turn.id: turn for turn in self.turns if turn.scope == scope}
        candidates = turn_ids(scope, key, many)
        while True:
            ids = next(candidates)
            if ids[0] not in of_session:
                return ids, []
            if of_session[ids[0]].created_at > at - REPEATED:
                return ids, [of_session[turn_id] for turn_id in ids]

    def remove_turns(self, scope: Scope) -> list[str]:
        """Their ids."""
        gone = sorted(turn.id for turn in self.turns if scope.covers(turn.scope))
        self.turns = [turn for turn in self.turns if not scope.covers(turn.scope)]
        return gone

    def retire(self, goes: Goes, holder: str | None, at: datetime) -> None:
        for row in [row for row in self.rows.values() if goes(row.record)]:
            del self.rows[row.record.id]
            self.note("RETIRE", row.record, at)
            passage = replace(
                row.record, adapter=RETIRED, held_by=holder, pinned=False, uses=0, used_at=None, compacted=0
            )
            self.past[passage.id] = StoredRow(passage, row.embedding)

    def revise(
        self, revision: Revision, embeddings: list[bytes], standing: Mapping[str, str], at: datetime
    ) -> list[Removed]:
        self.check(revision.expects)
        for old, new in revision.outdated.items():
            self._outdate(old, standing.get(new, new), at)
        for old, (copy, by) in revision.kept.items():
            self._keep(old, copy, standing.get(by, by), at)
        for record, embedding in zip(revision.renewed, embeddings, strict=True):
            self.renew(record, embedding, at)
        for old, holder in revision.retired.items():
            holder = holder and standing.get(holder, holder)
            self.retire(_is(old), holder, at)
            if old in self.past:
                row = self.past[old]
                self.past[old] = replace(row, record=replace(row.record, held_by=holder))
        gone: list[Removed] = []
        for memory_id in revision.erased:
            gone += self.remove(_is(memory_id), at) + self.remove_past(_is(memory_id), at)
        return gone

    def check(self, expects: Sequence[MemoryRecord]) -> None:
        """Refuse where one of these is another by now than it was read."""
        for record in expects:
            row = (self.past if record.retired else self.rows).get(record.id)
            if row is None or row.record.unused() != record.unused():
                raise StoreConflict("another writer changed the same memories meanwhile; try again")

    def renew(self, record: MemoryRecord, embedding: bytes, at: datetime) -> None:
        """Give a memory, or a retired passage, the content of the record."""
        before = (self.past if record.retired else self.rows)[record.id].record
        same = (before.scope, record.content_hash)
        others = (row.record for row in self.rows.values() if row.record.id != record.id)
        if not record.retired and any((r.scope, r.content_hash) == same for r in others):
            raise InvalidInput("another memory in this scope says the same already; delete one of them")
        self.change(_updated(before, record, at), embedding, "UPDATE", at)
        if not record.retired:
            self._expire_held({record.id}, record.expires_at)
            if record.metadata != before.metadata:
                self.describe_held(record.id, record.metadata, at)

    def describe_held(self, holder: str, metadata: Mapping[str, Any], at: datetime) -> None:
        """What a memory holds now has its metadata."""
        for row in list(self.past.values()):
            if row.record.held_by == holder and row.record.valid_until is None:
                after = replace(row.record, metadata=dict(metadata), updated_at=at)
                self.change(after, row.embedding, "UPDATE", at)

    def _expire_held(self, holders: Collection[str], expires_at: datetime | None) -> None:
        held = {memory_id: row for memory_id, row in self.past.items() if row.record.held_by in holders}
        for memory_id, row in held.items():
            self.past[memory_id] = replace(row, record=replace(row.record, expires_at=expires_at))
        if held:
            self._expire_held(held.keys(), expires_at)

    def _outdate(self, old: str, new: str, at: datetime) -> None:
        row = self.rows.get(old) or self.past[old]
        ended = replace(row.record, valid_until=at, superseded_by=new, updated_at=at)
        self.change(ended, row.embedding, "OUTDATE", at)

    def _keep(self, old: str, copy: str, by: str, at: datetime) -> None:
        row = self.rows.get(old) or self.past[old]
        former = replace(
            *(row.record,), id=copy, adapter=RETIRED, held_by=old, valid_until=at, superseded_by=by,
            pinned=False, uses=0, used_at=None, compacted=0,
        )  # fmt: skip
        self.note("OUTDATE", former, at)
        self.past[copy] = StoredRow(former, row.embedding)

    def _held(self, holders: Collection[str], at: datetime) -> list[Removed]:
        if not holders:
            return []
        removed = self._take(self.past, lambda record: record.held_by in holders, at)
        return removed + self._held({passage.memory_id for passage in removed}, at)

    def _take(self, rows: dict[str, StoredRow], goes: Goes, at: datetime) -> list[Removed]:
        removed = []
        for record in [rows[memory_id].record for memory_id in sorted(rows)]:
            if goes(record):
                del rows[record.id]
                self.note("DELETE", record, at)
                removed.append(as_removed(record))
        return removed


def ended(record: MemoryRecord, at: datetime) -> bool:
    """Whether it has expired."""
    return record.expires_at is not None and record.expires_at <= at


def as_removed(record: MemoryRecord) -> Removed:
    return Removed(record.id, record.content_hash, record.adapter.digest)


def _is(memory_id: str) -> Goes:
    return lambda record: record.id == memory_id


def _alive(rows: Mapping[str, StoredRow], scope: Scope, at: datetime) -> list[MemoryRecord]:
    records = (rows[memory_id].record for memory_id in sorted(rows))
    return [record for record in records if scope.covers(record.scope) and not ended(record, at)]


def _updated(before: MemoryRecord, record: MemoryRecord, at: datetime) -> MemoryRecord:
    """The record's content in the place of what stood there before."""
    content = {name: getattr(record, name) for name in CONTENT_FIELDS}
    return replace(before, **content, adapter=record.adapter, updated_at=at)
