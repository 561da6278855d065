"""Uploaded and exported archives: one folder per tenant, deleted within a day.

They hold what people said, so an erasure takes away all of the tenant's: an export can be asked for again.
Servers that share a database share this folder, or have the archives where their adapters are, in an object
store. There a name begins with the number of the tenant's newest erasure: after the next one, no server finds
it, not even where the store was away when it was to be taken from there.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import anyio

from memory.errors import Erased, NotFound, QuotaExceeded, TextTooLarge
from memory.files import make_folders, private, translated
from memory.records import new_id
from memory.upkeep.exports import Exports

KEPT_S = 24 * 3600.0
_COPIES_KEPT_S = 3600.0  # where a process died over them
_SIZE_FOR_S = 60.0
_GONE = "the archive is gone: it was fetched too late, or something was erased since"
_AGAIN_S = 3600.0  # when to look for room again
_READ_ON = 256 * 1024**2  # bytes of a refused one that are read at least


class Archives:
    """The files. Safe to share between threads and processes."""

    def __init__(self, exports: Exports, max_bytes: int, erased: Callable[[str], int]) -> None:
        """`erased` gives the number of a tenant's newest erasure."""
        self._exports = exports
        self._folder = exports.folder
        self._elsewhere = exports.elsewhere
        self._max_bytes = max_bytes
        self.erased = erased
        self._sizes: dict[str, tuple[float, int]] = {}  # elsewhere, by tenant: when it was asked, and bytes

    def path(self, tenant_id: str, name: str) -> Path:
        """Where an archive of the tenant's is, or is to be; its folder is made."""
        folder = self._of(tenant_id)
        with translated(self._folder):
            make_folders(folder)
        return folder / f"{name}.zip"

    def existing(self, tenant_id: str, name: str) -> Path:
        """One that is in the folder. Raises NotFound."""
        path = self._of(tenant_id) / f"{name}.zip"
        if not path.is_file():
            raise NotFound(_GONE)
        return path

    def keep(self, tenant_id: str, name: str, since: int) -> None:
        """Let all servers find one that is whole in the folder, and was begun after the erasure `since`.

        Raises Erased where there was another meanwhile, StoreError.
        """
        if self._elsewhere is None:
            return
        path = self.existing(tenant_id, name)
        self._elsewhere.put(tenant_id, f"{since}-{name}", path)
        path.unlink(missing_ok=True)
        self._sizes.pop(tenant_id, None)
        if self.erased(tenant_id) != since:  # which may have looked for archives before this one was there
            self._elsewhere.delete(tenant_id, f"{since}-{name}")
            raise Erased("something was erased while the archive was made; ask for it again")

    def fetched(self, tenant_id: str, name: str) -> Path:
        """A file with one that was kept; call `release` with it afterwards. Raises NotFound, StoreError."""
        if self._elsewhere is None:
            return self.existing(tenant_id, name)
        path = self.path(tenant_id, f"{name}-{new_id()}")
        try:
            self._elsewhere.get(tenant_id, f"{self.erased(tenant_id)}-{name}", path)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, NotFound):
                raise NotFound(_GONE) from None
            raise
        return path

    def release(self, path: Path) -> None:
        """What `fetched` gave is needed no more."""
        if self._elsewhere is not None:
            path.unlink(missing_ok=True)

    def size(self, tenant_id: str) -> int:
        """Bytes of all of the tenant's; of an object store's as they were a minute ago at most."""
        return self._exports.size(tenant_id) + self._size_elsewhere(tenant_id)

    def _size_elsewhere(self, tenant_id: str) -> int:
        """Asked now and then: quotas are compared at every write, and this takes a list."""
        if self._elsewhere is None:
            return 0
        at, size = self._sizes.get(tenant_id, (-_SIZE_FOR_S, 0))
        if time.monotonic() - at >= _SIZE_FOR_S:
            size = self._elsewhere.size(tenant_id)
            self._sizes[tenant_id] = (time.monotonic(), size)
        return size

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
        if self._elsewhere is not None:
            self._elsewhere.delete(tenant_id, f"{self.erased(tenant_id)}-{name}")
            self._sizes.pop(tenant_id, None)

    def drop(self, tenant_id: str) -> None:
        """Take all of a tenant's away, half-written ones too."""
        self._exports.drop(tenant_id)
        self._sizes.pop(tenant_id, None)

    def purge(self) -> None:
        """Take away what is older than a day, whoever's; of this server's own copies, than an hour."""
        kept_s = KEPT_S if self._elsewhere is None else _COPIES_KEPT_S
        for path in self._folder.glob("*/*"):
            with suppress(OSError):
                if path.stat().st_mtime < time.time() - kept_s:
                    path.unlink()
        if self._elsewhere is not None:
            self._elsewhere.purge(timedelta(seconds=KEPT_S))

    def _of(self, tenant_id: str) -> Path:
        return self._exports.of(tenant_id)


async def _read_on(body: AsyncIterator[bytes], most: int) -> None:
    """Read so many bytes more, and throw them away."""
    async for piece in body:
        most -= len(piece)
        if most < 0:
            break
