"""Text -> passages -> adapters -> stores: the write path.

Passages are internalized some at a time, so that memory stays bounded whatever the length of the text, and
each time in the order blob -> row (commit) -> index. A text of many passages that is interrupted leaves
whole memories behind; adding it again makes only those that are missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from memory.conversation import unlabelled
from memory.errors import ModelUnavailable
from memory.passages import Passage
from memory.ports import BlobStore, Embedder, Internalizer, MemoryStore, SkillWriter, Vectors
from memory.records import AdapterRef, Kind, MemoryRecord, Scope, content_hash

if TYPE_CHECKING:
    from hypernet.adapter import LoRA

AT_ONCE = 32  # passages internalized together
Progress = Callable[[int, int], None]
"""Called with the passages done and all there are."""


class Added(list[MemoryRecord]):
    """What stands for each passage of an added text, in its order."""

    def __init__(self, records: Sequence[MemoryRecord] = (), created: Sequence[str] = ()) -> None:
        super().__init__(records)
        self.created = frozenset(created)  # ids stored just now; the others were there before


@dataclass(frozen=True, slots=True)
class Origin:
    """What the memories of one text have in common."""

    scope: Scope
    kind: Kind = "message"
    document_id: str | None = None
    expires_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Storage:
    """How adapters are kept: the kind of number, and the rank they are truncated to (0: as they are made)."""

    numbers: str = "float32"
    rank: int = 0

    def shrunk(self, lora: LoRA) -> LoRA:
        """The adapter at the rank it is kept with."""
        return lora.truncate(self.rank) if self.rank else lora


class Internalize:
    """Makes memories of passages, and makes them again."""

    def __init__(
        self,
        store: MemoryStore,
        blobs: BlobStore,
        embedder: Embedder,
        internalizer: Internalizer,
        skills: SkillWriter | None = None,
        storage: Storage = Storage(),
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._embedder = embedder
        self._internalizer = internalizer
        self._skills = skills
        self._storage = storage

    def __call__(
        self, passages: Sequence[Passage], origin: Origin, progress: Progress | None = None
    ) -> Added:
        """Store each passage that the scope does not hold yet; returns what stands for each of them."""
        standing: list[MemoryRecord] = []
        created: list[str] = []
        for start in range(0, len(passages), AT_ONCE):
            some = passages[start : start + AT_ONCE]
            known = self._add(some, start, origin, created)
            standing += [known[content_hash(passage.text, origin.kind)] for passage in some]
            if progress is not None:
                progress(len(standing), len(passages))
        return Added(standing, created)

    def _add(
        self, passages: Sequence[Passage], position: int, origin: Origin, created: list[str]
    ) -> dict[str, MemoryRecord]:
        """content hash -> record, for all of these passages; the ids of new ones go into `created`."""
        hashes = [content_hash(passage.text, origin.kind) for passage in passages]
        known = self._store.known(origin.scope, hashes)
        new = {key: i for i, key in reversed(list(enumerate(hashes))) if key not in known}
        if not new:
            return known
        at = sorted(new.values())
        texts = [passages[i].text for i in at]
        vectors = self.embed(texts)
        made = list(self._made(texts, origin.kind))
        records = [
            self._record(passages[i], position + i, origin, ref) for i, (ref, _) in zip(at, made, strict=True)
        ]
        write = self._writer(origin.scope.tenant_id, [data for _, data in made])
        write()
        stored = self._store.add(records, vectors, before_commit=write)
        created += [mine.id for mine, kept in zip(records, stored, strict=True) if mine.id == kept.id]
        return known | {record.content_hash: kept for record, kept in zip(records, stored, strict=True)}

    def again(self, record: MemoryRecord) -> MemoryRecord:
        """Make adapter and embedding of a record's text, and store the record with them, as it is otherwise.

        Returns the record as it stands. The adapter it had before is left to the next erasure, which
        takes unused ones away. Raises NotFound.
        """
        [(ref, data)] = self._made([record.text], record.kind)
        renewed = replace(
            record,
            adapter=ref,
            content_hash=content_hash(record.text, record.kind),
            embedder=self._embedder.name,
            dim=self._embedder.dim,
        )
        write = self._writer(record.scope.tenant_id, [data])
        write()
        self._store.update(record.scope, renewed, self.embed([record.text]), before_commit=write)
        return self._store.get(record.scope, record.id)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Task embeddings [N, D] of passages or turns."""
        return self._embedder.embed([unlabelled(text) for text in texts])

    def maker(self, kind: Kind) -> Internalizer | SkillWriter | None:
        """What makes the adapters of memories of a kind; None for skills where no network does."""
        return self._skills if kind == "skill" else self._internalizer

    def required_maker(self, kind: Kind) -> Internalizer | SkillWriter:
        """The same, or ModelUnavailable where there is none."""
        maker = self.maker(kind)
        if maker is None:
            raise ModelUnavailable(
                "no Text-to-LoRA network goes with this model: set MEMORY_SKILLS_MODEL to one, "
                "or remove the skills (`memory skill list`)"
            )
        return maker

    def _made(self, texts: Sequence[str], kind: Kind) -> Iterator[tuple[AdapterRef, bytes]]:
        maker = self.required_maker(kind)
        for lora in map(self._storage.shrunk, maker.generate(texts)):
            data = lora.to_bytes(self._storage.numbers)
            yield self._ref(lora, data, maker.hypernet_fingerprint), data

    def _ref(self, lora: LoRA, data: bytes, hypernet_fingerprint: str) -> AdapterRef:
        return AdapterRef(
            digest=hashlib.sha256(data).hexdigest(),
            rank=lora.rank,
            nbytes=len(data),
            base_fingerprint=self._internalizer.base_fingerprint,
            hypernet_fingerprint=hypernet_fingerprint,
        )

    def _record(self, passage: Passage, position: int, origin: Origin, ref: AdapterRef) -> MemoryRecord:
        return MemoryRecord(
            scope=origin.scope,
            text=passage.text,
            embedder=self._embedder.name,
            dim=self._embedder.dim,
            adapter=ref,
            kind=origin.kind,
            document_id=origin.document_id,
            position=position,
            role=passage.role,
            first_turn=passage.first_turn,
            last_turn=passage.last_turn,
            expires_at=origin.expires_at,
            metadata=origin.metadata,
        )

    def _writer(self, tenant_id: str, blobs: Sequence[bytes]) -> Callable[[], None]:
        def write() -> None:
            for data in blobs:
                self._blobs.put(tenant_id, data)

        return write
