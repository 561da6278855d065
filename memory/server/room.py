"""Whether a tenant has room left: within a write's own transaction, and before something is begun."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, select

from memory.backends.sql.database import Database
from memory.backends.sql.sizes import Kept, kept
from memory.backends.sql.tables import accounts
from memory.errors import QuotaExceeded
from memory.server.quotas import Quotas

_UNTIL_ROOM = 3600.0  # seconds after which to look for room again: only expiry or a deletion makes any


class Room:
    """What is kept of each tenant, rows and files. Safe to share between threads."""

    def __init__(
        self,
        database: Database,
        files: Callable[[str], int],
        *,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """`files` says how many bytes of a tenant's archives there are."""
        self._database = database
        self._files = files
        self._clock = clock or database.now

    def check(
        self, tenant_id: str, quotas: Quotas, *, memories: int = 1, size: int = 0, but: int = 0
    ) -> None:
        """Refuse so many more memories of so many bytes where they would pass a quota.

        `but` is how many bytes of what there is will make room for them. Raises QuotaExceeded.
        """
        if limited(quotas):
            has = self._kept(tenant_id)
            has = replace(has, bytes=max(0, has.bytes - but))
            _refuse(quotas, has, Kept(has.memories + memories if memories else 0, has.bytes + size))

    def left(self, tenant_id: str, quotas: Quotas) -> int | None:
        """How many bytes more it may keep; None where that is not limited."""
        return None if quotas.bytes is None else max(0, quotas.bytes - self._kept(tenant_id).bytes)

    def _kept(self, tenant_id: str) -> Kept:
        with self._database.read() as connection:
            rows = kept(connection, tenant_id, self._clock())
        return replace(rows, bytes=rows.bytes + self._files(tenant_id))


@contextmanager
def within_quotas(connection: Connection, tenant_id: str, at: datetime) -> Iterator[None]:
    """A write, with the tenant's lock held: refused at its end where it grew past a quota.

    What passes a quota without growing, as a compaction does, is no business of this. Raises QuotaExceeded.
    """
    limits = select(accounts.c.memories, accounts.c.bytes).where(accounts.c.tenant_id == tenant_id)
    row = connection.execute(limits).first()
    quotas = Quotas() if row is None else Quotas(row.memories, row.bytes)
    if not limited(quotas):
        yield
        return
    before = kept(connection, tenant_id, at)
    yield
    after = kept(connection, tenant_id, at)
    memories = after.memories if after.memories > before.memories else 0
    _refuse(quotas, before, Kept(memories, after.bytes if after.bytes > before.bytes else 0))


def limited(quotas: Quotas) -> bool:
    """Whether anything limits what is kept."""
    return (quotas.memories, quotas.bytes) != (None, None)


def _refuse(quotas: Quotas, has: Kept, then: Kept) -> None:
    """Refuse to come from one to the other where that passes a quota. Raises QuotaExceeded."""
    if quotas.memories is not None and then.memories > quotas.memories:
        raise QuotaExceeded(
            f"the tenant may keep {quotas.memories} memories and has {has.memories}; "
            "forget some, or ask for a larger quota",
            _UNTIL_ROOM,
        )
    if quotas.bytes is not None and then.bytes > quotas.bytes:
        raise QuotaExceeded(
            f"the tenant may use {quotas.bytes} bytes and uses {has.bytes}; this would make it {then.bytes}; "
            "forget something, or ask for a larger quota",
            _UNTIL_ROOM,
        )
