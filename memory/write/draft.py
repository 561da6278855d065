"""A draft of a revision: what happens to passages, and to the compacted memories that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from memory.errors import NotFound
from memory.ports import MemoryStore, Revision
from memory.records import MemoryRecord, Scope, content_hash, new_id
from memory.text.passage import Passage, joined
from memory.text.words import wording
from memory.write.adapter_factory import AdapterFactory
from memory.write.staging import StagedBlobs


def told(passages: Iterable[MemoryRecord]) -> Passage:
    """What a memory made from these passages says: those that still hold, in order, each said once."""
    said: dict[tuple[str, ...], Passage] = {}
    for passage in map(Passage.of, (passage for passage in passages if passage.valid_until is None)):
        said.setdefault(wording(passage), passage)
    return joined([*said.values()])


class Draft:
    """Collects what happens to passages of one tenant, then makes everything again that holds one of them.

    Records are as the store gave them, memories that are passages or retired passages, each named once.
    """

    def __init__(self, store: MemoryStore, making: AdapterFactory, tenant_id: str) -> None:
        self._store = store
        self._making = making
        self._tenant_id = tenant_id
        self._touched: dict[str, MemoryRecord] = {}
        self._outdated: dict[str, str] = {}
        self._kept: dict[str, tuple[str, str]] = {}
        self._renewed: dict[str, MemoryRecord] = {}
        self._erased: list[str] = []
        self.rebuilt: tuple[str, ...] = ()  # ids of the memories that are made again; known once finished

    def __bool__(self) -> bool:
        return bool(self._touched)

    def outdate(self, record: MemoryRecord, by: str) -> None:
        """Mark a memory as outdated by the memory `by`."""
        self._touched[record.id] = record
        self._outdated[record.id] = by

    def rewrite(
        self, record: MemoryRecord, by: str, *, keep: bool = True, before: MemoryRecord | None = None
    ) -> None:
        """Replace its text by the record's; the old text is kept for the past unless told otherwise.

        `before` is how the store had it; left out, it is asked.
        """
        self._touched[record.id] = self._store_record(record) if before is None else before
        renewed = replace(record, valid_from=self._store.now())
        self._renewed[record.id] = replace(renewed, content_hash=content_hash(Passage.of(renewed).text))
        if keep:
            self._kept[record.id] = (new_id(), by)

    def drop(self, record_id: str) -> None:
        """Withdraw a rewrite."""
        self._renewed.pop(record_id, None)
        self._kept.pop(record_id, None)

    def erase(self, record: MemoryRecord) -> None:
        """Erase it with all that it holds."""
        self._touched[record.id] = record
        self._erased.append(record.id)

    def finish(self) -> tuple[Revision, StagedBlobs]:
        """The revision, and its blobs. Makes the adapters and embeddings that it needs."""
        holders = self._holders()
        parts = {holder.id: self._parts(holder) for holder in holders}
        texts = {holder.id: told(parts[holder.id]).text for holder in holders}
        emptied = [holder for holder in holders if not texts[holder.id]]
        again = [
            replace(
                holder,
                text=texts[holder.id],
                content_hash=content_hash(texts[holder.id]),
                compacted=sum(part.valid_until is None for part in parts[holder.id]),
            )
            for holder in holders
            if texts[holder.id]
        ]
        freed = {part.id: None for holder in emptied for part in self._store_parts(holder)}
        self.rebuilt = tuple(holder.id for holder in again)
        memories = [record for record in self._renewed.values() if not record.retired] + again
        passages = [record for record in self._renewed.values() if record.retired]
        made = self._making.adapters([Passage.of(record) for record in memories])
        name, dim = self._making.embedder
        renewed = [
            *(replace(r, adapter=ref) for r, (ref, _) in zip(memories, made, strict=True)),
            *passages,
        ]
        renewed = [replace(record, embedder=name, dim=dim) for record in renewed]
        revision = Revision(
            expects=[*self._touched.values(), *holders],
            outdated=self._outdated,
            kept=self._kept,
            renewed=renewed,
            vectors=self._making.embed([Passage.of(record) for record in renewed]) if renewed else None,
            retired=freed,
            erased=[*self._erased, *(holder.id for holder in emptied)],
        )
        return revision, self._making.staged(self._tenant_id, made)

    def _store_record(self, record: MemoryRecord) -> MemoryRecord:
        """The record as the store has it; the one given here has another text."""
        if not record.retired:
            return self._store.get(Scope(tenant_id=self._tenant_id), record.id)
        [found] = self._store.retired(Scope(tenant_id=self._tenant_id), ids=[record.id])
        return found

    def _holders(self) -> list[MemoryRecord]:
        """The compacted memories whose text changes."""
        ids = {
            record.held_by: None
            for record in self._touched.values()
            if record.held_by is not None and record.valid_until is None
        }
        found = []
        for memory_id in ids:
            try:
                holder = self._store.get(Scope(tenant_id=self._tenant_id), memory_id)
            except NotFound:
                continue
            if holder.compacted and memory_id not in self._erased and memory_id not in self._renewed:
                found.append(holder)
        return found

    def _store_parts(self, holder: MemoryRecord) -> Sequence[MemoryRecord]:
        return [
            part
            for part in self._store.retired(holder.scope, held_by=[holder.id])
            if part.id not in self._erased
        ]

    def _parts(self, holder: MemoryRecord) -> list[MemoryRecord]:
        """The passages that the memory holds afterwards, oldest first."""
        return [
            self._renewed.get(part.id, part)
            for part in self._store_parts(holder)
            if part.id not in self._outdated
        ]
