"""Compaction: many small memories -> fewer, denser ones that answer as well, or nothing.

    passages of one scope and document, in order -> what holds, each said once -> full chunks -> adapters
    -> measured against the adapters they would replace -> swapped, in one transaction a window

A chunk that answers worse by more than the margin holds too much for its adapter: it is cut in two, and in
two again; what cannot be joined with anything stays as it is. Some passages are taken at a time, so that
memory stays bounded whatever the length of a session. Killed anywhere, the old ones are in force, or the new
ones: passages are never in both, and never in neither. A second compaction beside this one finds that what
it has read is no longer so, and steps back.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from memory.errors import Erased, InvalidInput, StoreConflict
from memory.ports import Group, Internalizer, MemoryStore, Reader, Reading, Revision
from memory.read.adapters import Adapters
from memory.records import STANDALONE_KINDS, Kind, MemoryRecord, Scope, new_id
from memory.settings import Settings
from memory.text.passage import Passage
from memory.text.words import wording
from memory.upkeep.erasure import Eraser
from memory.upkeep.reports import MIN_ADAPTERS, CompactReport
from memory.write.adapter_factory import AdapterFactory, Made
from memory.write.added import Progress
from memory.write.draft import told
from memory.write.measure import Comparison, Measure
from memory.write.staging import Leftovers

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA

WINDOW = 128  # memories looked at together
_MADE_AT_ONCE = 16  # chunks
_FULL = 0.5  # of the budget: a compacted memory with more than that is not taken apart again


@dataclass(frozen=True, slots=True)
class Item:
    """A memory that may go into another, and the passages that it tells."""

    memory: MemoryRecord
    passages: tuple[MemoryRecord, ...]
    tokens: int


@dataclass
class _Tally:
    """Counts of a run under way."""

    groups: int = 0
    adapters_before: int = 0
    bytes_before: int = 0
    made: int = 0
    made_bytes: int = 0
    gone_bytes: int = 0
    compacted: int = 0
    kept: int = 0
    retired: int = 0
    conflicts: int = 0
    comparisons: list[Comparison] = field(default_factory=list)


@dataclass
class _Filling:
    """A chunk being put together."""

    items: list[Item] = field(default_factory=list)
    said: list[Reading] = field(default_factory=list)
    tokens: int = 0

    def has_rival_of(self, others: Sequence[Reading]) -> bool:
        return any(one.rivals(other) for one in self.said for other in others)


@dataclass(frozen=True, slots=True)
class _Chunk:
    """A chunk that was found to answer well enough."""

    items: tuple[Item, ...]
    record: MemoryRecord
    made: Made
    comparison: Comparison


class Compactor:
    """Makes few memories of many."""

    def __init__(
        self,
        store: MemoryStore,
        making: AdapterFactory,
        adapters: Adapters,
        internalizer: Internalizer,
        measure: Measure,
        eraser: Eraser,
        leftovers: Leftovers,
        settings: Settings,
        reader: Reader,
    ) -> None:
        self._store = store
        self._making = making
        self._adapters = adapters
        self._internalizer = internalizer
        self._measure = measure
        self._eraser = eraser
        self._leftovers = leftovers
        self._settings = settings
        self._reader = reader

    def __call__(
        self,
        scope: Scope,
        *,
        older_than: timedelta | None = None,
        min_adapters: int = MIN_ADAPTERS,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> CompactReport:
        """Compact what the scope covers. Raises InvalidInput, IncompatibleAdapter, ModelUnavailable."""
        if min_adapters < 2:
            raise InvalidInput(f"min_adapters is {min_adapters}; give at least 2, one has nothing to join")
        if older_than is not None and older_than < timedelta(0):
            raise InvalidInput(f"older_than is {older_than}; give a time of 0 or more")
        began = time.perf_counter()
        before = None if older_than is None else self._store.now() - older_than
        groups = [g for g in self._store.groups(scope, before=before) if g.memories >= min_adapters]
        tally = _Tally(groups=len(groups))
        done, total = 0, sum(group.memories for group in groups)
        for group in groups:
            for seen in self._group(group, before, dry_run, tally):
                done += seen
                if progress is not None:
                    progress(min(done, total), total)
            if not dry_run:
                self._eraser.replaced(scope.tenant_id)
        return _report(tally, dry_run, time.perf_counter() - began)

    def _group(self, group: Group, before: datetime | None, dry_run: bool, tally: _Tally) -> Iterator[int]:
        """Compact a group window by window; yields how many memories were looked at."""
        after, until = "", new_id()
        while True:
            memories = self._store.members(group, before=before, after=after, limit=WINDOW)
            memories = [memory for memory in memories if memory.id <= until]
            if not memories:
                break
            after = memories[-1].id
            tally.adapters_before += len(memories)
            tally.bytes_before += sum(memory.adapter.nbytes for memory in memories)
            self._window(group, self._items(memories), dry_run, tally)
            yield len(memories)
        self._retire_outdated(group, dry_run, tally)

    def _items(self, memories: Sequence[MemoryRecord]) -> list[Item]:
        """What can be joined: passages, and compacted memories with room, by the age of what they tell."""
        counts = self._internalizer.count([memory.text for memory in memories])
        room = self._settings.compact_tokens * _FULL
        items = []
        for memory, tokens in zip(memories, counts, strict=True):
            if not memory.compacted:
                items.append(Item(memory, (memory,), tokens))
            elif tokens <= room:
                held = self._store.retired(memory.scope, held_by=[memory.id])
                items.append(Item(memory, tuple(p for p in held if p.valid_until is None), tokens))
        return sorted(items, key=lambda item: item.passages[0].id if item.passages else item.memory.id)

    def _window(self, group: Group, items: Sequence[Item], dry_run: bool, tally: _Tally) -> None:
        planned = [chunk for chunk in self._chunks(items) if len(chunk) > 1]
        if dry_run:
            tally.made += len(planned)
            tally.compacted += sum(map(len, planned))
            return
        chunks: list[_Chunk] = []
        try:
            for start in range(0, len(planned), _MADE_AT_ONCE):
                chunks += self._verified(group, planned[start : start + _MADE_AT_ONCE], tally)
            if not chunks:
                return
            self._swap(chunks)
        except (StoreConflict, Erased):
            tally.conflicts += 1
            return
        tally.made += len(chunks)
        tally.made_bytes += sum(chunk.record.adapter.nbytes for chunk in chunks)
        joined = [item.memory for chunk in chunks for item in chunk.items]
        tally.compacted += len(joined)
        tally.gone_bytes += sum(memory.adapter.nbytes for memory in joined)
        tally.comparisons += [chunk.comparison for chunk in chunks]

    def _chunks(self, items: Sequence[Item]) -> Iterator[tuple[Item, ...]]:
        """Items of the same metadata in order, as many together as the budget holds.

        Who says the same as another goes with its twin. Rivals are kept apart: of an adapter that held both,
        neither could give way.
        """
        alike: dict[str, dict[tuple[str, ...], list[Item]]] = {}
        for item in items:
            metadata = json.dumps(dict(item.memory.metadata), sort_keys=True)
            alike.setdefault(metadata, {}).setdefault(wording(Passage.of(item.memory)), []).append(item)
        for twins in alike.values():
            chunks: list[_Filling] = []
            for same in twins.values():
                compared = same[0].passages if same[0].memory.kind not in STANDALONE_KINDS else ()
                said = [self._reader.read(Passage.of(passage)) for passage in compared]
                room = self._settings.compact_tokens - same[0].tokens
                chunk = next((c for c in chunks if c.tokens <= room and not c.has_rival_of(said)), None)
                if chunk is None:
                    chunk = _Filling()
                    chunks.append(chunk)
                chunk.items += same
                chunk.said += said
                chunk.tokens += same[0].tokens
            yield from (tuple(chunk.items) for chunk in chunks)

    def _verified(self, group: Group, planned: Sequence[tuple[Item, ...]], tally: _Tally) -> list[_Chunk]:
        """Chunks that answer well enough; what does not is cut in two and tried again."""
        found: list[_Chunk] = []
        while planned:
            wholes = [told(_passages(items)) for items in planned]
            loras = self._making.loras(wholes)
            again: list[tuple[Item, ...]] = []
            for items, whole, lora in zip(planned, wholes, loras, strict=True):
                comparison = self._compared(items, lora)
                if comparison.within(self._settings.compact_margin):
                    made = self._making.serialized(lora)
                    found.append(
                        _Chunk(items, self._record(group, items, whole.text, made), made, comparison)
                    )
                    continue
                halves = (items[: len(items) // 2], items[len(items) // 2 :])
                again += [half for half in halves if len(half) > 1]
                tally.kept += sum(len(half) == 1 for half in halves)
            planned = again
        return found

    def _compared(self, items: Sequence[Item], new: LoRA) -> Comparison:
        """Asked is what the new memory says; of twins, as the first has it."""
        remembered: dict[tuple[str, ...], tuple[Passage, LoRA]] = {}
        for item in items:
            old = self._adapters.load(item.memory)
            for passage in map(Passage.of, item.passages):
                remembered.setdefault(wording(passage), (passage, old))
        return self._measure(list(remembered.values()), new)

    def _record(self, group: Group, items: Sequence[Item], text: str, made: Made) -> MemoryRecord:
        """The memory that takes the place of the items: its place, age and use are theirs."""
        passages, memories = _passages(items), [item.memory for item in items]
        name, dim = self._making.embedder
        roles = {memory.role for memory in memories}
        kind: Kind = "session" if group.scope.session_id is not None else "message"
        used = [memory.used_at for memory in memories if memory.used_at is not None]
        firsts = [memory.first_turn for memory in memories if memory.first_turn is not None]
        lasts = [memory.last_turn for memory in memories if memory.last_turn is not None]
        return MemoryRecord(
            scope=group.scope,
            text=text,
            embedder=name,
            dim=dim,
            adapter=made[0],
            kind="document" if group.document_id is not None else kind,
            document_id=group.document_id,
            position=memories[0].position,
            role=roles.pop() if len(roles) == 1 else None,
            first_turn=min(firsts, default=None),
            last_turn=max(lasts, default=None),
            created_at=max(memory.created_at for memory in memories),
            uses=sum(memory.uses for memory in memories),
            used_at=max(used, default=None),
            compacted=len(passages),
            metadata=memories[0].metadata,
        )

    def _swap(self, chunks: Sequence[_Chunk]) -> None:
        """The chunks for what they were made from, in one transaction. Raises StoreConflict."""
        tenant_id = chunks[0].record.scope.tenant_id
        memories = [item.memory for chunk in chunks for item in chunk.items]
        whole = {
            item.memory.id: chunk.record.id
            for chunk in chunks
            for item in chunk.items
            if item.memory.compacted
        }
        retired: dict[str, str | None] = {
            item.memory.id: chunk.record.id
            for chunk in chunks
            for item in chunk.items
            if not item.memory.compacted
        }
        if whole:
            held = self._store.retired(chunks[0].record.scope, held_by=list(whole))
            retired |= {passage.id: whole[passage.held_by or ""] for passage in held}
        records = [chunk.record for chunk in chunks]
        vectors = self._making.embed([Passage.of(record) for record in records])
        revision = Revision(expects=memories, retired=retired, erased=list(whole))
        staged = self._making.staged(tenant_id, [chunk.made for chunk in chunks])
        with self._leftovers.of(tenant_id, revision.digests):
            staged.commit(
                lambda check: self._store.add(records, vectors, before_commit=check, revision=revision)
            )

    def _retire_outdated(self, group: Group, dry_run: bool, tally: _Tally) -> None:
        """Take the adapters of what holds no longer: the past is asked by texts."""
        while ended := self._store.members(group, limit=WINDOW, ended=True):
            tally.adapters_before += len(ended)
            tally.bytes_before += sum(memory.adapter.nbytes for memory in ended)
            tally.retired += len(ended)
            if dry_run:
                return
            tally.gone_bytes += sum(memory.adapter.nbytes for memory in ended)
            tenant_id = group.scope.tenant_id
            with self._leftovers.of(tenant_id, [memory.adapter.digest for memory in ended]):
                self._store.revise(tenant_id, Revision(retired={memory.id: None for memory in ended}))


def _passages(items: Sequence[Item]) -> list[MemoryRecord]:
    return [passage for item in items for passage in item.passages]


def _report(tally: _Tally, dry_run: bool, seconds: float) -> CompactReport:
    pairs = [pair for comparison in tally.comparisons for pair in comparison.scores]

    def mean(values: list[float]) -> float | None:
        return sum(values) / len(values) if values else None

    return CompactReport(
        groups=tally.groups,
        adapters_before=tally.adapters_before,
        adapters_after=tally.adapters_before - tally.compacted - tally.retired + tally.made,
        bytes_before=tally.bytes_before,
        bytes_after=None if dry_run else tally.bytes_before - tally.gone_bytes + tally.made_bytes,
        compacted=tally.compacted,
        kept=tally.kept,
        retired=tally.retired,
        conflicts=tally.conflicts,
        questions=len(pairs),
        likelihood_before=mean([old.likelihood for old, _ in pairs]),
        likelihood_after=mean([new.likelihood for _, new in pairs]),
        recall_before=mean([float(old.right) for old, _ in pairs]),
        recall_after=mean([float(new.right) for _, new in pairs]),
        seconds=seconds,
        dry_run=dry_run,
    )
