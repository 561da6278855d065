"""Archives that a server keeps for a while. They hold what people said: an erasure takes them away."""

from __future__ import annotations

import shutil
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from memory.files import TEMPORARY
from memory.ports import ArchiveStore
from memory.records import new_id


class Exports:
    """The folder of each tenant's archives, or where they are put once they are whole.

    Servers that share a database share it too. With a store elsewhere, the folder is this server's own, for
    what is being written or read.
    """

    def __init__(self, folder: Path, elsewhere: ArchiveStore | None = None) -> None:
        self.folder = folder
        self.elsewhere = elsewhere

    def of(self, tenant_id: str) -> Path:
        """The tenant's folder, which may not be there."""
        return self.folder / sha256(tenant_id.encode()).hexdigest()

    def size(self, tenant_id: str) -> int:
        """Bytes of all of a tenant's in the folder."""
        total = 0
        for path in self.of(tenant_id).glob("*"):
            with suppress(OSError):  # taken away meanwhile
                total += path.stat().st_size
        return total

    def drop(self, tenant_id: str) -> None:
        """Take all of a tenant's away, half-written ones too.

        The folder is set aside first: what is being written into it finds no place any more.
        """
        gone = self.folder / f"{TEMPORARY}{new_id()}"
        with suppress(OSError):
            self.of(tenant_id).rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
        if self.elsewhere is not None:
            self.elsewhere.drop(tenant_id)
