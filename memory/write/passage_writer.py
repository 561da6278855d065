"""Text -> passages -> adapters -> stores: the write path.

Passages are internalized some at a time, so that memory stays bounded whatever the length of the text, and
each time in the order blob -> row (commit) -> index. A text of many passages that is interrupted leaves
whole memories behind; adding it again makes only those that are missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import TYPE_CHECKING

from memory.errors import StoreConflict
from memory.ports import MemoryStore, Vectors
from memory.ports.asker import asker
from memory.records import (
    RETIRED,
    SINGLE_KINDS,
    STANDALONE_KINDS,
    Kind,
    MemoryRecord,
    Removed,
    Skipped,
    content_hash,
)
from memory.text.passage import Passage
from memory.write.adapter_factory import AdapterFactory, Maker
from memory.write.added import Added, Progress
from memory.write.draft import Draft
from memory.write.origin import Origin
from memory.write.retry import retried
from memory.write.staging import Leftovers, StagedBlobs
from memory.write.supersession import Supersession

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA

PASSAGES_PER_BATCH = 64  # passages internalized together


class PassageWriter:
    """Turns passages into memories, and remakes them."""

    def __init__(
        self,
        store: MemoryStore,
        making: AdapterFactory,
        leftovers: Leftovers,
        supersede: Supersession | None = None,
    ) -> None:
        """Without `supersede`, new memories stand beside those they contradict."""
        self._store = store
        self._leftovers = leftovers
        self._making = making
        self._supersede = supersede

    def __call__(
        self, passages: Sequence[Passage], origin: Origin, progress: Progress | None = None
    ) -> Added:
        """Store each passage that the scope does not hold yet; returns what stands for each of them."""
        standing: list[MemoryRecord] = []
        created: list[str] = []
        superseded: list[str] = []
        while len(standing) < len(passages):
            asker().check()
            some = passages[len(standing) : len(standing) + PASSAGES_PER_BATCH]
            if self._supersede is not None and origin.kind not in STANDALONE_KINDS:
                some = some[: self._supersede.together(some)]
            standing += self._add(some, len(standing), origin, created, superseded)
            if progress is not None:
                progress(len(standing), len(passages))
        stored = set(created)
        known = [
            Skipped(passage.bare, "duplicate")
            for passage, record in zip(passages, standing, strict=True)
            if record.id not in stored
        ]
        return Added(standing, created, superseded, known)

    def _add(
        self,
        passages: Sequence[Passage],
        position: int,
        origin: Origin,
        created: list[str],
        superseded: list[str],
    ) -> list[MemoryRecord]:
        """What stands for each of these passages.

        The ids of new ones go into `created`, those of older ones that hold no longer into `superseded`.
        """
        told_at = self._store.now()
        records = [self._record(one, position + i, origin, told_at) for i, one in enumerate(passages)]
        hashes = [record.content_hash for record in records]
        known = self._store.known(origin.scope, hashes)
        new = {record.content_hash: record for record in reversed(records)}
        records = sorted((new[key] for key in new.keys() - known), key=lambda record: record.position)
        if records:
            known = {**known, **self._made(records, created, superseded)}
        return [known[key] for key in hashes]

    def _made(
        self, records: Sequence[MemoryRecord], created: list[str], superseded: list[str]
    ) -> dict[str, MemoryRecord]:
        """Content hash -> record as it stands, with its adapter; the lists are filled as in `_add`."""
        some = [Passage.of(record) for record in records]
        vectors, made = self._making.embedded(some, records[0].kind)
        records = [replace(record, adapter=ref) for record, (ref, _) in zip(records, made, strict=True)]
        staged = self._making.staged(records[0].scope.tenant_id, made)
        stored, ended = self._stored(records, vectors, staged)
        superseded += ended
        created += [mine.id for mine, kept in zip(records, stored, strict=True) if mine.id == kept.id]
        return {record.content_hash: kept for record, kept in zip(records, stored, strict=True)}

    def _stored(
        self, records: Sequence[MemoryRecord], vectors: Vectors, staged: StagedBlobs
    ) -> tuple[list[MemoryRecord], list[str]]:
        """Store new records, and end what they supersede in the same step; returns the ids of that too."""
        tenant_id, facts = records[0].scope.tenant_id, records[0].kind not in SINGLE_KINDS

        def alone() -> list[MemoryRecord]:
            return staged.commit(lambda check: self._store.add(records, vectors, before_commit=check))

        def superseding() -> tuple[list[MemoryRecord], list[str]]:
            draft = self._supersede(records, vectors) if self._supersede is not None and facts else None
            if not draft:
                return alone(), []
            revision, blobs = draft.finish()
            with self._leftovers.of(tenant_id, revision.digests):
                stored = (staged | blobs).commit(
                    lambda check: self._store.add(records, vectors, before_commit=check, revision=revision)
                )
            return stored, [*revision.outdated, *revision.kept]

        try:
            return retried(superseding, "")
        except StoreConflict:
            return alone(), []  # in doubt both are kept

    def image(self, passage: Passage, origin: Origin, lora: LoRA) -> Added:
        """Store a picture's adapter under the words for it; the same picture and words are stored once."""
        record = self._record(passage, 0, origin, self._store.now())
        ref, data = self._making.serialized(lora)
        staged = self._making.staged(origin.scope.tenant_id, [(ref, data)])
        vectors = self._making.embed([Passage.of(record)])
        [stored], _ = self._stored([replace(record, adapter=ref)], vectors, staged)
        if stored.id == record.id:
            return Added([stored], [stored.id], [])
        return Added([stored], [], [], [Skipped(passage.bare, "duplicate")])

    def revise(self, draft: Draft, tenant_id: str) -> list[Removed]:
        """Carry out a draft; returns what it erased. Raises StoreConflict."""
        revision, blobs = draft.finish()
        with self._leftovers.of(tenant_id, revision.digests):
            return blobs.commit(lambda check: self._store.revise(tenant_id, revision, before_commit=check))

    def again(self, record: MemoryRecord, before: MemoryRecord) -> MemoryRecord:
        """Remake adapter and embedding of a record's text and store both; its other fields stay.

        `before` is how the store had it. Returns the record as it stands. The adapter it had before is left
        to the next release, which takes unused ones away. Raises NotFound; StoreConflict where it is another
        by now.
        """
        passage = Passage.of(record)
        made = [self._making.again(record)]
        name, dim = self._making.embedder
        content = _content(record)
        renewed = replace(record, adapter=made[0][0], content_hash=content, embedder=name, dim=dim)
        staged = self._making.staged(record.scope.tenant_id, made)
        vector = self._making.embed([passage])
        with self._leftovers.of(record.scope.tenant_id, [before.adapter.digest]):
            staged.commit(
                lambda check: self._store.update(
                    record.scope, renewed, vector, before_commit=check, expects=before
                )
            )
        return self._store.get(record.scope, record.id)

    def anew(self, record: MemoryRecord) -> MemoryRecord:
        """The same for a memory as it stands, whatever becomes of it meanwhile. Raises NotFound."""

        def attempt() -> MemoryRecord:
            current = self._store.get(record.scope, record.id)
            return self.again(current, current)

        return retried(attempt, f"other writers keep changing memory {record.id!r}; try again")

    def maker(self, kind: Kind) -> Maker | None:
        """The model that makes adapters of this kind; None for skills without a Text-to-LoRA network."""
        return self._making.maker(kind)

    def required_maker(self, kind: Kind) -> Maker:
        """The same. Raises ModelUnavailable without one."""
        return self._making.required_maker(kind)

    def _record(self, passage: Passage, position: int, origin: Origin, told_at: datetime) -> MemoryRecord:
        """A record whose adapter is still to be made."""
        name, dim = self._making.embedder
        record = MemoryRecord(
            text=passage.text,
            embedder=name,
            dim=dim,
            adapter=RETIRED,
            position=position,
            role=passage.role,
            first_turn=passage.first_turn,
            last_turn=passage.last_turn,
            created_at=passage.told_at or told_at,
            **{field.name: getattr(origin, field.name) for field in fields(Origin)},
        )
        return replace(record, content_hash=_content(record))


def _content(record: MemoryRecord) -> str:
    """Its hash: "My exam is tomorrow." says another thing on another day."""
    return content_hash(Passage.of(record, seen=False).text, record.kind, record.metadata)
