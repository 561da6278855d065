"""The port of archives: files on their way in and out of a server, where its fellows find them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Protocol


class ArchiveStore(Protocol):
    """Archives by tenant and name. They hold what people said: an erasure drops a tenant's."""

    def put(self, tenant_id: str, name: str, path: Path) -> None:
        """Make a copy of the file durable under that name. Raises StoreError."""
        ...

    def get(self, tenant_id: str, name: str, path: Path) -> None:
        """Write it to the file. Raises NotFound, StoreError."""
        ...

    def delete(self, tenant_id: str, name: str) -> None:
        """Take it away; nothing happens when it is not there."""
        ...

    def drop(self, tenant_id: str) -> None:
        """Take all of the tenant's away."""
        ...

    def size(self, tenant_id: str) -> int:
        """Bytes of all of the tenant's; may ask for a list."""
        ...

    def purge(self, older_than: timedelta) -> None:
        """Take away what was put longer ago than that, whoever's."""
        ...
