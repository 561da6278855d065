"""Concurrency limits: no tenant exceeds its share, and waiting tenants take turns."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio

from memory.errors import QuotaExceeded

MOST_WAITING = 256  # requests of one tenant
_AGAIN_S = 1.0  # when to come again once that many wait


class Places:
    """Places for requests that are worked on. Used from the event loop alone.

    A free place is given to the tenant with the fewest, and of these to the one that was served longest ago.
    """

    def __init__(self, places: int, *, share: int, most_waiting: int = MOST_WAITING) -> None:
        """At most `share` of the places are one tenant's, also while nobody else asks."""
        self._free = places
        self._share = share
        self._most_waiting = most_waiting
        self._taken: Counter[str] = Counter()
        self._lent: Counter[str] = Counter()
        self._waiting: dict[str, deque[anyio.Event]] = {}
        self._served: dict[str, int] = {}  # when, counted in requests
        self._count = 0

    @asynccontextmanager
    async def taken(self, tenant: str) -> AsyncIterator[None]:
        """A place, once there is one. Raises QuotaExceeded where too many of the tenant's requests wait."""
        await self._take(tenant)
        try:
            yield
        finally:
            self._give_back(tenant)

    @asynccontextmanager
    async def lent(self, tenant: str) -> AsyncIterator[None]:
        """Without the place that one has, while one waits for another server; then with one again.

        Raises QuotaExceeded where too many of the tenant's requests wait so.
        """
        self._check(self._lent[tenant])
        self._lent[tenant] += 1
        self._give_back(tenant)
        try:
            yield
        finally:
            self._lent[tenant] -= 1
            if not self._lent[tenant]:
                del self._lent[tenant]
            with anyio.CancelScope(shield=True):  # whoever lent it out gives it back
                await self._stand_in_line(tenant)

    def _check(self, waiting: int) -> None:
        if waiting >= self._most_waiting:
            raise QuotaExceeded(
                f"{self._most_waiting} requests of the tenant wait already; send fewer at once", _AGAIN_S
            )

    async def _take(self, tenant: str) -> None:
        self._check(len(self._waiting.get(tenant, ())))
        await self._stand_in_line(tenant)

    async def _stand_in_line(self, tenant: str) -> None:
        line = self._waiting.setdefault(tenant, deque())
        given = anyio.Event()
        line.append(given)
        self._serve()
        try:
            await given.wait()
        except BaseException:  # cancelled: whoever asked has gone
            if given.is_set():
                self._give_back(tenant)
            else:
                line.remove(given)
                self._tidy(tenant)
            raise

    def _give_back(self, tenant: str) -> None:
        self._free += 1
        self._taken[tenant] -= 1
        if not self._taken[tenant]:
            del self._taken[tenant]
        self._serve()
        self._tidy(tenant)

    def _serve(self) -> None:
        while self._free:
            may = [one for one, line in self._waiting.items() if line and self._taken[one] < self._share]
            if not may:
                return
            tenant = min(may, key=lambda one: (self._taken[one], self._served.get(one, 0)))
            self._free -= 1
            self._taken[tenant] += 1
            self._count += 1
            self._served[tenant] = self._count
            self._waiting[tenant].popleft().set()

    def _tidy(self, tenant: str) -> None:
        if not self._waiting.get(tenant) and tenant not in self._taken:
            self._waiting.pop(tenant, None)
            self._served.pop(tenant, None)
