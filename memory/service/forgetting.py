"""The verbs that erase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Unpack

from memory.errors import InvalidInput
from memory.records import ErasureReceipt, MemoryRecord
from memory.records.filters import check_items
from memory.records.inputs import Whose
from memory.service.base import ServiceBase


class Forgetting(ServiceBase):
    """Verbs that erase, completely and with a receipt."""

    def delete(
        self, memory_id: str, *, expects: MemoryRecord | None = None, **whose: Unpack[Whose]
    ) -> ErasureReceipt:
        """Forget one memory, or one passage that was compacted.

        Raises NotFound, and StoreConflict where the memory is no longer as `expects`, read before, says.
        """
        return self._cases.eraser.forget_one(self._scope(whose), memory_id, expects=expects)

    def forget(
        self,
        *,
        document_id: str | None = None,
        memory_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        **whose: Unpack[Whose],
    ) -> ErasureReceipt:
        """Erase what a user, agent or session said and all that was made from it, or a document, or a memory,
        or what has certain items in its metadata.

        Complete when it returns: text, turns, adapters, embeddings, index. A compacted memory that held any
        of it is made again without it (`ErasureReceipt.rebuilt`). Turns go with their session. Raises
        MissingScope; NotFound for a memory_id that is not there. Nothing of that name otherwise gives an
        empty receipt, so an erasure that was interrupted can simply be asked for again.
        """
        scope = self._scope(whose)
        if memory_id is not None:
            return self._cases.eraser.forget_one(scope, memory_id)
        if metadata is not None:
            if not metadata or document_id is not None:
                raise InvalidInput("name a document or items of metadata, at least one")
            check_items(metadata)
            return self._cases.eraser.forget_where(scope, metadata)
        return self._cases.eraser.forget(scope, document_id=document_id)

    def forget_tenant(self, tenant_id: str) -> ErasureReceipt:
        """Erase everything of everybody in a tenant; what its history keeps names nobody and says nothing."""
        return self._cases.eraser.forget_tenant(self._scope({"tenant_id": tenant_id}).tenant_id)

    def expire(self) -> int:
        """Erase what has expired, of all tenants; returns of how many. Reads never see it anyway."""
        return self._cases.eraser.expire()
