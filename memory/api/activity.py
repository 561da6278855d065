"""What a server did in the last hour, minute by minute, for whoever looks at its console.

Kept in this process alone, of each tenant apart: nobody sees how busy another is.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

MINUTES = 60
_MOST_TENANTS = 256  # those that asked last
_SAMPLES = 64  # latencies of a minute, the last ones


@dataclass(slots=True)
class Minute:
    """Counts of one minute; milliseconds of some of its requests."""

    at: int  # minutes since 1970
    requests: int = 0
    failed: int = 0  # with 4xx or 5xx
    adapters: int = 0  # that were merged for turns
    turns: int = 0  # that were answered
    recalling: int = 0  # of these, those that an adapter was selected for
    ms: deque[float] = field(default_factory=lambda: deque(maxlen=_SAMPLES))

    def quantile(self, share: float) -> float:
        """Milliseconds that this share of the requests took at most; 0 without any."""
        ordered = sorted(self.ms)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Activity:
    """Minutes by tenant; None is everybody's. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since 1970."""
        self._clock = clock
        self._lock = Lock()
        self._tenants: OrderedDict[str | None, deque[Minute]] = OrderedDict()

    def answered(self, tenant_id: str | None, status: int, seconds: float) -> None:
        """One request, of a tenant or of nobody's."""
        with self._lock:
            for minute in self._now(tenant_id):
                minute.requests += 1
                minute.failed += status >= 400
                minute.ms.append(seconds * 1000)

    def merged(self, tenant_id: str, adapters: int) -> None:
        """So many adapters answered a turn."""
        with self._lock:
            for minute in self._now(tenant_id):
                minute.adapters += adapters
                minute.turns += 1
                minute.recalling += adapters > 0

    def last_hour(self, tenant_id: str | None) -> list[Minute]:
        """Sixty minutes, oldest first, those without requests too."""
        this = int(self._clock() // 60)
        with self._lock:
            known = {minute.at: minute for minute in self._tenants.get(tenant_id, ())}
        return [known.get(at, Minute(at)) for at in range(this - MINUTES + 1, this + 1)]

    def _now(self, tenant_id: str | None) -> list[Minute]:
        return [self._minute(one) for one in dict.fromkeys((None, tenant_id))]

    def _minute(self, tenant_id: str | None) -> Minute:
        at = int(self._clock() // 60)
        minutes = self._tenants.setdefault(tenant_id, deque(maxlen=MINUTES))
        self._tenants.move_to_end(tenant_id)
        while len(self._tenants) > _MOST_TENANTS:
            self._tenants.popitem(last=False)
        if not minutes or minutes[-1].at != at:
            minutes.append(Minute(at))
        return minutes[-1]
