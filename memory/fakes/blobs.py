"""In-memory BlobStore."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from memory.errors import CorruptBlob, MissingBlob
from memory.records import now as utc_now


class InMemoryBlobs:
    """Blobs by (tenant, digest), each with the moment it was last put."""

    def __init__(self, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._clock = clock
        self._blobs: dict[tuple[str, str], tuple[bytes, datetime]] = {}

    def put(self, tenant_id: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self._blobs[tenant_id, digest] = (bytes(data), self._clock())
        return digest

    def get(self, tenant_id: str, digest: str) -> bytes:
        if (tenant_id, digest) not in self._blobs:
            raise MissingBlob(f"adapter {digest} is missing; restore it, or make it again")
        data, _ = self._blobs[tenant_id, digest]
        if hashlib.sha256(data).hexdigest() != digest:
            raise CorruptBlob(f"adapter {digest} is damaged; restore it, or make it again")
        return data

    def damage(self, tenant_id: str, digest: str, data: bytes) -> None:
        """Put other bytes under a digest, to see what becomes of it."""
        self._blobs[tenant_id, digest] = (data, self._clock())

    def missing(self, tenant_id: str, digests: Collection[str]) -> set[str]:
        return {digest for digest in digests if (tenant_id, digest) not in self._blobs}

    def delete(self, tenant_id: str, digest: str) -> None:
        self._blobs.pop((tenant_id, digest), None)

    def digests(self, tenant_id: str, *, older_than: timedelta = timedelta(0)) -> list[str]:
        newest = self._clock() - older_than
        return sorted(
            digest
            for (tenant, digest), (_, at) in self._blobs.items()
            if tenant == tenant_id and at <= newest
        )

    def clean(self, *, tenants: Collection[str], older_than: timedelta) -> int:
        newest = self._clock() - older_than
        unknown = [key for key, (_, at) in self._blobs.items() if key[0] not in tenants and at <= newest]
        for key in unknown:
            del self._blobs[key]
        return len(unknown)
