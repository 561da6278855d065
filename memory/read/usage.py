"""Usage counts, written in batches: a reply never waits for them."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from threading import Lock

from memory.errors import StoreError
from memory.ports import MemoryStore

EVERY_S = 60.0  # seconds that counts wait for a write to go along with


class Usage:
    """Collects uses until somebody writes anyway. Losing some by a crash makes nothing wrong."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._counted: dict[str, Counter[str]] = defaultdict(Counter)  # tenant -> memory id -> uses
        self._written = time.monotonic()
        self._lock = Lock()

    def count(self, tenant_id: str, memory_ids: Iterable[str]) -> None:
        """Note that these were merged for an answer."""
        with self._lock:
            self._counted[tenant_id].update(memory_ids)

    def write_if_due(self) -> None:
        """Write what was counted, where that was not done for a while."""
        if time.monotonic() - self._written > EVERY_S:
            self.write()

    def write(self) -> None:
        """Write what was counted. A store that refuses loses it: it is a hint, no fact."""
        with self._lock:
            counted, self._counted = self._counted, defaultdict(Counter)
            self._written = time.monotonic()
        for tenant_id, uses in counted.items():
            with suppress(StoreError):
                self._store.count_uses(tenant_id, uses)
