"""Passages -> adapters and embeddings, ready to be stored."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memory.errors import InvalidInput, ModelUnavailable
from memory.ports import BlobStore, Embedder, Internalizer, Reader, SkillWriter, Vectors
from memory.records import AdapterRef, Kind, MemoryRecord
from memory.text.normalise import plain
from memory.text.passage import Passage
from memory.write.staging import Leftovers, StagedBlobs
from memory.write.thumbnails import thumbnail

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA

Maker = Internalizer | SkillWriter
Made = tuple[AdapterRef, bytes]
"""An adapter by name, and its bytes."""


@dataclass(frozen=True, slots=True)
class Storage:
    """How adapters are kept: the kind of number, and the rank they are truncated to (0: as they are made)."""

    numbers: str = "float32"
    rank: int = 0

    def shrunk(self, lora: LoRA) -> LoRA:
        """The adapter truncated to the rank at which it is stored."""
        return lora.truncate(self.rank) if 0 < self.rank < lora.rank else lora


class AdapterFactory:
    """Makes adapters and embeddings of passages. Stores nothing but blobs, and these on request."""

    def __init__(
        self,
        blobs: BlobStore,
        embedder: Embedder,
        internalizer: Internalizer,
        reader: Reader,
        skills: SkillWriter | None = None,
        storage: Storage = Storage(),
        leftovers: Leftovers | None = None,
    ) -> None:
        self._blobs = blobs
        self._embedder = embedder
        self._internalizer = internalizer
        self._reader = reader
        self._skills = skills
        self._storage = storage
        self._leftovers = leftovers

    @property
    def embedder(self) -> tuple[str, int]:
        """Name and dimension of the embedder in use."""
        return self._embedder.name, self._embedder.dim

    def embed(self, passages: Sequence[Passage]) -> Vectors:
        """Task embeddings [N, D] of passages."""
        return self._embedder.embed([plain(passage.bare) for passage in passages])

    def maker(self, kind: Kind) -> Maker | None:
        """The model that makes adapters of this kind; None for skills without a Text-to-LoRA network."""
        return self._skills if kind == "skill" else self._internalizer

    def required_maker(self, kind: Kind) -> Maker:
        """The same. Raises ModelUnavailable without one."""
        maker = self.maker(kind)
        if maker is None:
            raise ModelUnavailable(
                "no Text-to-LoRA network goes with this model: set MEMORY_SKILLS_MODEL to one, "
                "or remove the skills (`memory skill list`)"
            )
        return maker

    def adapters(self, passages: Sequence[Passage], kind: Kind = "message") -> list[Made]:
        """One adapter a passage, without bias. Raises ModelUnavailable."""
        if not passages:
            return []
        skill = kind == "skill"
        told = [passage.text for passage in passages] if skill else self._standing(passages)
        return [self.serialized(lora, kind) for lora in self.required_maker(kind).generate(told)]

    def embedded(self, passages: Sequence[Passage], kind: Kind = "message") -> tuple[Vectors, list[Made]]:
        """Task embeddings and adapters of passages, made side by side."""
        with ThreadPoolExecutor(1, "memory-embedding") as beside:
            vectors = beside.submit(copy_context().run, self.embed, passages)  # for whoever asked for this
            made = self.adapters(passages, kind)
            return vectors.result(), made

    def again(self, record: MemoryRecord) -> Made:
        """The adapter of a stored memory, made anew: of a picture from its thumbnail, else from the text.

        Raises ModelUnavailable.
        """
        seen = thumbnail(record.metadata) if record.kind == "image" else None
        if seen is not None:
            with suppress(ModelUnavailable, InvalidInput):  # who does not see it has the words
                return self.serialized(self._internalizer.look(seen, plain(record.text)).lora)
        return self.adapters([Passage.of(record)], record.kind)[0]

    def loras(self, passages: Sequence[Passage]) -> list[LoRA]:
        """The same as tensors."""
        return self._internalizer.generate(self._standing(passages)) if passages else []

    def _standing(self, passages: Sequence[Passage]) -> list[str]:
        return [plain(self._reader.read(passage).standing) for passage in passages]

    def serialized(self, lora: LoRA, kind: Kind = "message") -> Made:
        """An adapter as it is stored."""
        lora = self._storage.shrunk(lora)
        data = lora.to_bytes(self._storage.numbers)
        ref = AdapterRef(
            digest=hashlib.sha256(data).hexdigest(),
            rank=lora.rank,
            nbytes=len(data),
            base_fingerprint=self._internalizer.base_fingerprint,
            hypernet_fingerprint=self.required_maker(kind).hypernet_fingerprint,
        )
        return ref, data

    def staged(self, tenant_id: str, made: Sequence[Made]) -> StagedBlobs:
        """Their blobs, to be put before the rows that refer to them are committed."""
        data = {ref.digest: data for ref, data in made}
        return StagedBlobs(self._blobs, tenant_id, data, self._leftovers)
