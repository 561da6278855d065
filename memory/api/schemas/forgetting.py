"""Bodies of /v1/forget."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field, model_validator

from memory.api.schemas.parts import MEMORY_ID, Name, ScopeIn, example
from memory.records import ErasureReceipt


class ForgetIn(ScopeIn):
    """What to erase: all of a user, agent or session, one document, or one memory. This cannot be undone."""

    model_config = example(user_id="ana", session_id="monday")

    document_id: Name | None = Field(default=None, description="Only this document.", examples=["handbook"])
    metadata: dict[str, Any] | None = Field(
        default=None, min_length=1, description="Only what has these items."
    )
    memory_id: str | None = Field(
        default=None, max_length=64, description="Only this memory.", examples=[MEMORY_ID]
    )

    @model_validator(mode="after")
    def _one_filter(self) -> Self:
        if self.metadata is not None and self.document_id is not None:
            raise ValueError("give document_id or metadata, not both")
        return self


class RemovedOut(BaseModel):
    """A memory that went."""

    memory_id: str
    content_hash: str = Field(description='sha256 of its text, with dates for "tomorrow" and its kin.')
    digest: str = Field(description="Of its adapter.")


class ReceiptOut(BaseModel):
    """What an erasure took away: ids and hashes, never text."""

    model_config = example(
        tenant_id="acme",
        memories=[{"memory_id": MEMORY_ID, "content_hash": "e3b0c44298fc1c14", "digest": "9f86d081884c7d65"}],
        turns=[],
        blobs=["9f86d081884c7d65"],
        rebuilt=[],
        erased_at="2026-05-04T12:00:00Z",
    )

    tenant_id: str
    memories: list[RemovedOut]
    turns: list[str] = Field(description="Ids.")
    blobs: list[str] = Field(description="Digests of adapters whose files are gone.")
    rebuilt: list[str] = Field(description="Memories made again without what was erased.")
    erased_at: datetime

    @classmethod
    def of(cls, receipt: ErasureReceipt) -> Self:
        return cls(
            tenant_id=receipt.tenant_id,
            memories=[
                RemovedOut(memory_id=one.memory_id, content_hash=one.content_hash, digest=one.digest)
                for one in receipt.memories
            ],
            turns=[*receipt.turns],
            blobs=[*receipt.blobs],
            rebuilt=[*receipt.rebuilt],
            erased_at=receipt.erased_at,
        )
