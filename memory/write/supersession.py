"""What newer passages supersede: older ones of the same person that claim another value of the same thing.

    new passages -> what they claim -> the nearest older ones -> other values of the same slots

The index says which are near enough to be about the same, and the reader says what they claim.
Documents stand by themselves: their "I" may be anybody, and each is compared with its former version alone.
What holds for a time alone, or not yet, takes no place: nothing would hold after it, or before.
In doubt both are kept, and the newer one weighs more when memories are selected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from memory.ports import MemoryStore, Reader, Reading, VectorIndex, Vectors
from memory.records import STANDALONE_KINDS, MemoryRecord
from memory.text.passage import Passage
from memory.write.adapter_factory import AdapterFactory
from memory.write.draft import Draft

CLOCKS_DIFFER = timedelta(minutes=5)  # what was told later than that is no older than what is imported now
NEAREST_COMPARED = 16  # of the nearest memories; a passage among several in a compacted one is not very near


class Supersession:
    """Finds what new passages supersede."""

    def __init__(
        self, store: MemoryStore, index: VectorIndex, making: AdapterFactory, reader: Reader
    ) -> None:
        self._store = store
        self._index = index
        self._making = making
        self._reader = reader

    def __call__(self, records: Sequence[MemoryRecord], vectors: Vectors) -> Draft:
        """Decide what happens to older passages when these are stored."""
        draft = Draft(self._store, self._making, records[0].scope.tenant_id)
        left: dict[str, str] = {}  # id -> what is left of its text
        for record, vector in zip(records, vectors, strict=True):
            lasting = record.current(self._store.now()) and record.valid_until is None
            newer = self._reader.read(Passage.of(record))
            if record.kind in STANDALONE_KINDS or not lasting or not newer.claims:
                continue
            for old in self._older(record, vector):
                said = replace(Passage.of(old), text=left.get(old.id, old.text))
                rest = newer.left_of(self._reader.read(said))
                if rest is None or left.get(old.id) == "":
                    continue
                left[old.id] = rest
                if rest:
                    draft.rewrite(replace(old, text=rest), record.id)
                else:
                    draft.drop(old.id)
                    draft.outdate(old, record.id)
        return draft

    def _older(self, record: MemoryRecord, vector: Vectors) -> Iterator[MemoryRecord]:
        """Passages near a new one told by the same person, including those in compacted memories."""
        scope = record.scope.of_teller()
        near = [memory_id for memory_id, _ in self._index.search(scope, vector, NEAREST_COMPARED)]
        found = self._store.get_many(scope, near)
        whole = [memory.id for memory in found if memory.compacted]
        held = self._store.retired(scope, held_by=whole) if whole else []
        for old in [*(memory for memory in found if not memory.compacted), *held]:
            before = old.created_at <= record.created_at + CLOCKS_DIFFER
            if before and old.kind not in STANDALONE_KINDS and old.valid_until is None:
                yield old

    def together(self, passages: Sequence[Passage]) -> int:
        """How many of the passages can be stored in one step."""
        return first_contradiction(passages, self._reader)


def first_contradiction(passages: Sequence[Passage], reader: Reader) -> int:
    """Index of the first passage that contradicts one before it; their number where none does."""
    before: list[Reading] = []
    for place, passage in enumerate(passages):
        newer = reader.read(passage)
        if any(newer.contradicts(older) for older in before):
            return place
        before.append(newer)
    return len(passages)
