"""What newer passages supersede: older ones of the same person that claim another value of the same thing.

    new passages -> what they claim -> the nearest older ones -> other values of the same slots

No model is asked: the index says which are near enough to be about the same, and `text/claims.py` reads them.
Documents stand by themselves: their "I" may be anybody, and each is compared with its former version alone.
What holds for a time alone, or not yet, takes no place: nothing would hold after it, or before.
In doubt both are kept, and the newer one weighs more when memories are selected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from memory.ports import MemoryStore, VectorIndex, Vectors
from memory.records import MemoryRecord, now
from memory.text import claims
from memory.text.rivals import APART
from memory.write.adapter_factory import AdapterFactory
from memory.write.draft import Draft

LOOKED_AT = 16  # of the nearest memories; a passage among several in a compacted one is not very near


class Supersession:
    """Finds what new passages supersede."""

    def __init__(self, store: MemoryStore, index: VectorIndex, making: AdapterFactory) -> None:
        self._store = store
        self._index = index
        self._making = making

    def __call__(self, records: Sequence[MemoryRecord], vectors: Vectors) -> Draft:
        """What becomes of older passages when these are stored."""
        draft = Draft(self._store, self._making, records[0].scope.tenant_id)
        left: dict[str, str] = {}  # id -> what is left of its text
        for record, vector in zip(records, vectors, strict=True):
            lasting = record.current(now()) and record.valid_until is None
            claiming = any(found for _, _, found in claims.claims(record.text))
            if record.kind in APART or not lasting or not claiming:
                continue
            for old in self._older(record, vector):
                rest = claims.remaining(left.get(old.id, old.text), record.text)
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
        """The passages near to a new one that its teller has told, those in compacted memories too."""
        scope = record.scope.of_teller()
        near = [memory_id for memory_id, _ in self._index.search(scope, vector, LOOKED_AT)]
        found = self._store.get_many(scope, near)
        whole = [memory.id for memory in found if memory.compacted]
        held = self._store.retired(scope, held_by=whole) if whole else []
        for old in [*(memory for memory in found if not memory.compacted), *held]:
            if old.kind not in APART and old.valid_until is None:
                yield old


def first_contradiction(texts: Sequence[str]) -> int:
    """How many of the texts can be stored together: the next one supersedes one of them."""
    slots: dict[frozenset[str], list[claims.Claim]] = {}
    for place, text in enumerate(texts):
        found = [claim for _, _, some in claims.claims(text) for claim in some]
        for claim in found:
            if any(claims.contradicts(claim, before) for before in slots.get(claim.slot, ())):
                return place
        for claim in found:
            slots.setdefault(claim.slot, []).append(claim)
    return len(texts)
