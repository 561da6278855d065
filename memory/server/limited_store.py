"""The store of a server: it keeps every tenant within its quotas, exactly, however many write at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from memory.backends.sql import memories as sql_memories
from memory.backends.sql.store import SqlStore
from memory.backends.sql.tables import accounts
from memory.records import MemoryRecord, Scope
from memory.server.quotas import Quotas, check_room


class LimitedStore(SqlStore):
    """SqlStore that refuses what passes a quota. Raises QuotaExceeded from `add`, and keeps nothing of it."""

    def _admit(self, connection: Connection, new: Sequence[MemoryRecord], at: datetime) -> None:
        if not new:
            return
        tenant_id = new[0].scope.tenant_id
        limits = select(accounts.c.memories, accounts.c.bytes).where(accounts.c.tenant_id == tenant_id)
        row = connection.execute(limits).first()
        if row is None or (row.memories, row.bytes) == (None, None):
            return
        has = sql_memories.stats(connection, Scope(tenant_id=tenant_id), at)
        size = sum(record.adapter.nbytes + len(record.text) for record in new)
        check_room(has, Quotas(row.memories, row.bytes), memories=len(new), size=size)
