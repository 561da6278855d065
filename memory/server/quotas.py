"""Quotas of a tenant: how many memories, bytes and requests a minute; and who counts the requests.

Requests are counted in fixed minutes and over all processes of one database. A process takes them from
the tenant's row in small blocks, so that most requests cost no write; what is left of a block when the
minute ends is lost. The limit is therefore never passed within a minute, and is reached a little early
where several processes share it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from threading import Lock

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from memory.backends.sql.database import Database
from memory.backends.sql.tables import request_counts
from memory.errors import InvalidInput, QuotaExceeded

_BLOCKS = 20  # a process takes a twentieth of the limit at a time


@dataclass(frozen=True, slots=True)
class Quotas:
    """What a tenant may use; None means unlimited."""

    memories: int | None = None
    bytes: int | None = None  # of all that is kept: docs/server.md says what counts
    requests_per_minute: int | None = None

    def __post_init__(self) -> None:
        for name in (quota.name for quota in fields(self)):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 2**31 * (1 if "requests" in name else 2**31):
                raise InvalidInput(f"the quota {name} is {value}; give 0 or more, or none")


UNLIMITED = Quotas()


@dataclass(frozen=True, slots=True)
class Rate:
    """How a tenant stands in this minute, once a request was counted."""

    limit: int
    left: int  # at most: other processes of the database may have used some of them since
    ends_in_s: float  # the minute
    passed: bool = True  # whether this request was within the limit

    def check(self) -> Rate:
        """This, or QuotaExceeded where the request was one too many."""
        if not self.passed:
            raise QuotaExceeded(
                f"the tenant may make {self.limit} requests a minute, and has", self.ends_in_s
            )
        return self


@dataclass(slots=True)
class _Block:
    """Requests of a tenant's that this process may still let through in a minute."""

    minute: int = -1
    left: int = 0
    granted: int = 0  # to all processes, when this one last asked
    exhausted: bool = False  # the tenant's row had no more
    lock: Lock = field(default_factory=Lock)  # held while the row is asked: other tenants do not wait for it

    def begin(self, minute: int) -> None:
        """Forget what was left of the minute before."""
        if self.minute != minute:
            self.minute, self.left, self.granted, self.exhausted = minute, 0, 0, False


class Limiter:
    """Lets requests through while their tenant has some left in this minute. Safe to share."""

    def __init__(self, database: Database, *, clock: Callable[[], float] | None = None) -> None:
        """`clock` gives seconds since 1970; by default it is the database's: servers agree on minutes."""
        self._database = database
        self._clock = clock or (lambda: database.now().timestamp())
        self._blocks: dict[str, _Block] = {}
        self._lock = Lock()  # of the dictionary alone

    def check(self, tenant_id: str | None, quotas: Quotas) -> None:
        """Count one request. Raises QuotaExceeded when the minute's are used up."""
        if rate := self.count(tenant_id, quotas):
            rate.check()

    def count(self, tenant_id: str | None, quotas: Quotas) -> Rate | None:
        """Count one request, and say how its tenant stands; None where nothing limits it."""
        limit = quotas.requests_per_minute
        if tenant_id is None or limit is None:
            return None
        with self._lock:
            block = self._blocks.setdefault(tenant_id, _Block())
        with block.lock:
            at = self._clock()
            minute = int(at // 60)
            block.begin(minute)
            if block.left == 0 and not block.exhausted:
                block.left, block.granted = self._take(tenant_id, minute, limit)
                block.exhausted = block.left == 0
            ends_in_s = (minute + 1) * 60 - at
            if block.left == 0:
                return Rate(limit, 0, ends_in_s, passed=False)
            block.left -= 1
            return Rate(limit, block.left + max(0, limit - block.granted), ends_in_s)

    def _take(self, tenant_id: str, minute: int, limit: int) -> tuple[int, int]:
        """A block of requests out of the tenant's row, 0 when there are none left; and all granted so far."""
        wanted = max(1, limit // _BLOCKS)
        mine = request_counts.c.tenant_id == tenant_id
        with self._database.write() as connection:
            counted, granted = _granted(connection, tenant_id, minute)
            taken = max(0, min(wanted, limit - granted))
            if taken:
                values = {"minute": counted, "granted": granted + taken}
                connection.execute(update(request_counts).where(mine).values(values))
        return taken, granted + taken


def _granted(connection: Connection, tenant_id: str, minute: int) -> tuple[int, int]:
    """Requests granted to the tenant in that minute, by whatever process; its row is locked from now on.

    Returns the minute too: the next one where another process has begun it, or the two would take turns to
    begin anew.
    """
    locked = select(request_counts).where(request_counts.c.tenant_id == tenant_id).with_for_update()
    row = connection.execute(locked).first()
    if row is None:
        with contextlib.suppress(IntegrityError), connection.begin_nested():  # another may be first
            connection.execute(insert(request_counts).values(tenant_id=tenant_id, minute=minute, granted=0))
        row = connection.execute(locked).one()
    return (row.minute, row.granted) if row.minute in (minute, minute + 1) else (minute, 0)
