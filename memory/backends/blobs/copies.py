"""A BlobStore with copies of what was read lately, in a folder of this server's own.

The store stays the truth: a copy that is missing, damaged or cannot be written costs a request and no
more. An erasure takes away the copy of the server that was asked; on others it goes when its time has come.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from threading import Lock, Timer

from memory.backends.blobs.folder import FileBlobStore
from memory.errors import BlobError, StoreError
from memory.ports import BlobStore

KEPT_FOR = timedelta(minutes=30)  # looked at as often, so a copy is gone after twice that


class CopiedBlobs:
    """Any BlobStore, with at most `max_bytes` of it in a folder, none for longer than `kept_for`."""

    def __init__(
        self, blobs: BlobStore, folder: Path, max_bytes: int, kept_for: timedelta = KEPT_FOR
    ) -> None:
        self._blobs = blobs
        self._copies = FileBlobStore(folder)
        self._folder = folder
        self._max_bytes = max_bytes
        self._kept_for = kept_for
        self._lock = Lock()
        self._bytes: int | None = None  # in the folder; None until it was looked at
        self._erasures = 0  # seen by this server
        self._next: Timer | None = None
        self._drop_old()

    def put(self, tenant_id: str, data: bytes) -> str:
        return self._blobs.put(tenant_id, data)

    def get(self, tenant_id: str, digest: str) -> bytes:
        with contextlib.suppress(BlobError, StoreError):
            return self._copies.get(tenant_id, digest)
        before = self._erasures
        data = self._blobs.get(tenant_id, digest)
        with contextlib.suppress(StoreError), self._lock:
            if self._erasures == before:  # it may be what was erased meanwhile
                self._keep(tenant_id, data)
        return data

    def missing(self, tenant_id: str, digests: Collection[str]) -> set[str]:
        return self._blobs.missing(tenant_id, digests)

    def delete(self, tenant_id: str, digest: str) -> None:
        with self._lock:
            self._erasures += 1
            self._copies.delete(tenant_id, digest)
        self._blobs.delete(tenant_id, digest)

    def digests(self, tenant_id: str, *, older_than: timedelta = timedelta(0)) -> list[str]:
        return self._blobs.digests(tenant_id, older_than=older_than)

    def clean(self, *, tenants: Collection[str], older_than: timedelta) -> int:
        self._drop_old()
        return self._blobs.clean(tenants=tenants, older_than=older_than)

    def _keep(self, tenant_id: str, data: bytes) -> None:
        if len(data) > self._max_bytes:
            return
        if self._bytes is None or self._bytes + len(data) > self._max_bytes:
            self._bytes = self._make_room(len(data))
        self._copies.put(tenant_id, data)
        self._bytes += len(data)
        self._look_again()

    def _make_room(self, size: int) -> int:
        """Remove the oldest copies, where needed, down to half of what may be; returns what is left."""
        copies = sorted((path.stat().st_mtime, path, path.stat().st_size) for path in self._files())
        left = sum(size for _, _, size in copies)
        if left + size <= self._max_bytes:
            return left
        for _, path, freed in copies:
            if left <= min(self._max_bytes // 2, self._max_bytes - size):
                break
            path.unlink(missing_ok=True)
            left -= freed
        return left

    def _drop_old(self) -> None:
        with contextlib.suppress(StoreError), self._lock:
            self._next = None
            self._copies.clean(tenants=[], older_than=self._kept_for)
            self._bytes = None
            if self._files():
                self._look_again()

    def _look_again(self) -> None:
        """An idle server, too, lets go of what another one erased."""
        if self._next is None:
            self._next = Timer(self._kept_for.total_seconds(), self._drop_old)
            self._next.daemon = True
            self._next.start()

    def _files(self) -> list[Path]:
        return [path for path in self._folder.glob("*/*/*") if path.is_file()]
