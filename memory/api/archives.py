"""Uploaded and exported archives: files beside the adapters, one folder per tenant, deleted within a day.

They hold what people said, so an erasure takes away all of the tenant's: an export can be asked for again.
Servers that share a database share this folder too.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import anyio

from memory.errors import NotFound, QuotaExceeded, TextTooLarge
from memory.files import make_folders, private, translated
from memory.records import new_id
from memory.upkeep.exports import Exports

KEPT_S = 24 * 3600.0
_AGAIN_S = 3600.0  # when to look for room again
_READ_ON = 256 * 1024**2  # bytes of a refused one that are read at least


class Archives:
    """The files. Safe to share between threads and processes."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._exports = Exports(folder)
        self._max_bytes = max_bytes

    def path(self, tenant_id: str, name: str) -> Path:
        """Where an archive of the tenant's is, or is to be; its folder is made."""
        folder = self._of(tenant_id)
        with translated(self._folder):
            make_folders(folder)
        return folder / f"{name}.zip"

    def existing(self, tenant_id: str, name: str) -> Path:
        """One that is there. Raises NotFound."""
        path = self._of(tenant_id) / f"{name}.zip"
        if not path.is_file():
            raise NotFound("the archive is gone: it was fetched too late, or something was erased since")
        return path

    def size(self, tenant_id: str) -> int:
        """Bytes of all of the tenant's."""
        return self._exports.size(tenant_id)

    async def receive(self, tenant_id: str, body: AsyncIterator[bytes], room: int | None = None) -> str:
        """Write an upload down piece by piece; returns its name.

        Raises TextTooLarge, QuotaExceeded where it is larger than the `room` there is, StoreError. What is
        refused is read on for a while, for many clients listen only once they have sent all.
        """
        name, size = new_id(), 0
        path = await anyio.to_thread.run_sync(self.path, tenant_id, name)
        try:
            with translated(self._folder):
                async with await anyio.open_file(path, "wb", opener=private) as file:
                    async for piece in body:
                        size += len(piece)
                        if size > self._max_bytes:
                            raise TextTooLarge(f"the archive is larger than {self._max_bytes:,} bytes")
                        if room is not None and size > room:
                            raise QuotaExceeded(
                                f"the archive is larger than the {room:,} bytes that the tenant has left; "
                                "forget something, or ask for a larger quota",
                                _AGAIN_S,
                            )
                        await file.write(piece)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, TextTooLarge | QuotaExceeded):
                await _read_on(body, max(_READ_ON, self._max_bytes))
            raise
        return name

    def remove(self, tenant_id: str, name: str) -> None:
        """Take one away, if it is there."""
        (self._of(tenant_id) / f"{name}.zip").unlink(missing_ok=True)

    def drop(self, tenant_id: str) -> None:
        """Take all of a tenant's away, half-written ones too."""
        self._exports.drop(tenant_id)

    def purge(self) -> None:
        """Take away what is older than a day, whoever's."""
        for path in self._folder.glob("*/*"):
            with suppress(OSError):
                if path.stat().st_mtime < time.time() - KEPT_S:
                    path.unlink()

    def _of(self, tenant_id: str) -> Path:
        return self._exports.of(tenant_id)


async def _read_on(body: AsyncIterator[bytes], most: int) -> None:
    """Read so many bytes more, and throw them away."""
    async for piece in body:
        most -= len(piece)
        if most < 0:
            break
