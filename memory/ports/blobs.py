"""The port of adapter files: bytes under their hash."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Protocol


class BlobStore(Protocol):
    """Adapter files, content-addressed within a tenant. Knows bytes, no tensors."""

    def put(self, tenant_id: str, data: bytes) -> str:
        """Make the bytes durable; returns their digest. Again with the same bytes: mends or does nothing."""
        ...

    def get(self, tenant_id: str, digest: str) -> bytes:
        """The bytes, verified. Raises MissingBlob, CorruptBlob."""
        ...

    def missing(self, tenant_id: str, digests: Collection[str]) -> set[str]:
        """Those of the digests under which there is no blob; reads no bytes, for it runs under a lock."""
        ...

    def delete(self, tenant_id: str, digest: str) -> None:
        """Take the blob away; nothing happens when it is not there."""
        ...

    def digests(self, tenant_id: str, *, older_than: timedelta = timedelta(0)) -> list[str]:
        """The tenant's blobs not put within `older_than`, sorted."""
        ...

    def clean(self, *, tenants: Collection[str], older_than: timedelta) -> int:
        """Remove what interrupted writes left behind, older than that; returns how many files went.

        These are half-written files, and blobs of tenants other than `tenants`, all the known ones.
        """
        ...
