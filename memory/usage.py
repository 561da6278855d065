"""How often memories are used, counted on the side: an answer never waits for it to be written."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock

from memory.errors import StoreError
from memory.ports import MemoryStore

MOST = 1000  # memories counted at once before they are written; more would be lost by a crash


class Usage:
    """Collects uses until somebody writes anyway. Losing some by a crash makes nothing wrong."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._counted: dict[str, Counter[str]] = defaultdict(Counter)  # tenant -> memory id -> uses
        self._lock = Lock()

    def count(self, tenant_id: str, memory_ids: Iterable[str]) -> None:
        """Note that these were merged for an answer."""
        with self._lock:
            counted = self._counted[tenant_id]
            counted.update(memory_ids)
            full = len(counted) >= MOST
        if full:
            self.write(tenant_id)

    def write(self, tenant_id: str) -> None:
        """Write what was counted for a tenant. A store that refuses loses it: it is a hint, no fact."""
        with self._lock:
            counted = self._counted.pop(tenant_id, None)
        if counted:
            with suppress(StoreError):
                self._store.count_uses(tenant_id, counted)

    def close(self) -> None:
        """Write all that is left."""
        for tenant_id in list(self._counted):
            self.write(tenant_id)
