"""The clock of a PostgreSQL: servers of one database go by it, however wrong their own clocks are.

It is read where a connection is made or taken from the pool, once in EVERY_S at most, and goes on by this
process's monotonic clock in between.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

EVERY_S = 30.0


class ServerClock:
    """Reads the clock of an engine's server. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read: tuple[datetime, float] | None = None  # the server's time, at that of `time.monotonic`
        event.listen(engine, "checkout", self._checked_out)

    def now(self) -> datetime:
        """The server's time. Asks for a connection where there never was one; raises as SQLAlchemy does."""
        if self._read is None:
            with self._engine.connect():
                pass  # `_checked_out` reads it
        assert self._read is not None
        at, mark = self._read
        return at + timedelta(seconds=time.monotonic() - mark)

    def _checked_out(self, connection: DBAPIConnection, _: ConnectionPoolEntry, __: Any) -> None:
        if self._read is not None and time.monotonic() - self._read[1] < EVERY_S:
            return
        began = time.monotonic()
        cursor = connection.cursor()
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
        cursor.close()
        connection.rollback()  # the transaction that the question began
        assert row is not None
        self._read = row[0].astimezone(UTC), (began + time.monotonic()) / 2
