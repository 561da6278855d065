"""Texts -> adapters and embeddings, ready to be stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from memory.conversation import unlabelled
from memory.ports import BlobStore, Embedder, Internalizer, Vectors
from memory.records import AdapterRef

if TYPE_CHECKING:
    from hypernet.adapter import LoRA

Made = tuple[AdapterRef, bytes]
"""An adapter by name, and its bytes."""


class Making:
    """What the hypernetwork and the embedder make of texts. Stores nothing but blobs, and these when told."""

    def __init__(self, blobs: BlobStore, embedder: Embedder, internalizer: Internalizer) -> None:
        self._blobs = blobs
        self._embedder = embedder
        self._internalizer = internalizer

    @property
    def embedder(self) -> tuple[str, int]:
        """Name and dimension of the embedder in use."""
        return self._embedder.name, self._embedder.dim

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Task embeddings [N, D] of passages or turns."""
        return self._embedder.embed([unlabelled(text) for text in texts])

    def adapters(self, texts: Sequence[str]) -> list[Made]:
        """One adapter a text, without bias."""
        return [self.serialized(lora) for lora in self.loras(texts)]

    def loras(self, texts: Sequence[str]) -> list[LoRA]:
        """The same as tensors."""
        return self._internalizer.generate(texts) if texts else []

    def serialized(self, lora: LoRA) -> Made:
        """An adapter as it is stored."""
        data = lora.to_bytes()
        ref = AdapterRef(
            digest=hashlib.sha256(data).hexdigest(),
            rank=lora.rank,
            nbytes=len(data),
            base_fingerprint=self._internalizer.base_fingerprint,
            hypernet_fingerprint=self._internalizer.hypernet_fingerprint,
        )
        return ref, data

    def writer(self, tenant_id: str, made: Sequence[Made]) -> Callable[[], None]:
        """Writes their blobs: once before the rows, and again while the tenant's lock is held."""

        def write() -> None:
            for _, data in made:
                self._blobs.put(tenant_id, data)

        return write
