"""The store of a server: it keeps every tenant within its quotas, exactly, however many write at once."""

from __future__ import annotations

from contextlib import AbstractContextManager

from sqlalchemy import Connection

from memory.backends.sql.store import SqlStore
from memory.server.room import within_quotas


class LimitedStore(SqlStore):
    """SqlStore whose writes raise QuotaExceeded where they grow past a quota, and keep nothing then."""

    def _growing(self, connection: Connection, tenant_id: str) -> AbstractContextManager[None]:
        return within_quotas(connection, tenant_id, self._clock())
