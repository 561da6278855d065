"""The audit log: which key did what, when, and with which result; never content or users."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Any

from sqlalchemy import delete, insert, select

from memory.backends.model.batcher import Batcher
from memory.backends.sql.database import Database
from memory.backends.sql.tables import audit
from memory.ports.asker import to_the_end
from memory.records import after_id, check_page, cut, id_cursor, new_id

REFUSALS_A_MINUTE = 20
_AT_ONCE = 256  # entries of one commit
REFUSALS_KEPT = timedelta(days=30)  # also where the rest of the audit is kept for good
_ID = re.compile(r"[0-9a-f]{16,64}")  # of a memory, job or key: tells nothing


@dataclass(frozen=True, slots=True)
class Entry:
    """One write, or one call that was denied."""

    id: str
    tenant_id: str | None  # None: an operator's call, or one whose key opened nothing
    at: datetime
    key_id: str | None
    action: str
    target: str  # an id of ours; of any other name the digest; '' for none
    status: int  # as the answer had it


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Part of the audit. `cursor` goes into the next call; None says that this was the last page."""

    entries: tuple[Entry, ...]
    cursor: str | None


class Audit:
    """The audit, in SQL. It is only added to, until its time is over. Safe to share between threads.

    What comes while the disk makes sure of others goes together: many calls at once wait for few commits.
    """

    def __init__(self, database: Database, *, clock: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._clock = clock or database.now
        self._batcher = Batcher(self._write, most=_AT_ONCE)
        self._lock = Lock()
        self._minute = self._refused = 0

    def refuse(self, action: str, target: str = "", status: int = 401) -> bool:
        """Write down a call whose key opened nothing, but only so many a minute: anybody can make them.

        Returns whether it was; the metrics count them all.
        """
        minute = int(self._clock().timestamp() // 60)
        with self._lock:
            if minute != self._minute:
                self._minute, self._refused = minute, 0
            self._refused += 1
            if self._refused > REFUSALS_A_MINUTE:
                return False
        self.record(None, None, action, target, status)
        return True

    def record(
        self, tenant_id: str | None, key_id: str | None, action: str, target: str = "", status: int = 200
    ) -> None:
        """Record a call. A target that is not one of our ids (a user, a session) is stored as a digest."""
        values = {
            "id": new_id(),
            "tenant_id": tenant_id,
            "at": self._clock(),
            "key_id": key_id,
            "action": action,
            "target": discreet(tenant_id, target),
            "status": status,
        }
        with to_the_end():
            self._batcher([values])

    def _write(self, entries: list[Mapping[str, Any]]) -> Sequence[None]:
        with self._database.write() as connection:
            connection.execute(insert(audit), entries)
        return [None] * len(entries)

    def page(self, tenant_id: str | None, cursor: str | None = None, limit: int = 100) -> AuditPage:
        """A tenant's entries, or those of nobody, newest first."""
        check_page(limit)
        those = [audit.c.tenant_id == tenant_id]
        after = after_id(cursor)
        those += [] if after is None else [audit.c.id < after]
        wanted = select(audit).where(*those).order_by(audit.c.id.desc()).limit(limit + 1)
        with self._database.read() as connection:
            found = [Entry(**row) for row in connection.execute(wanted).mappings()]
        return AuditPage(*cut(found, limit, id_cursor))

    def purge(self, older_than: timedelta) -> int:
        """Delete what was put on record longer ago than that, everybody's; returns how many."""
        old = audit.c.at <= self._clock() - older_than
        with self._database.write() as connection:
            return connection.execute(delete(audit).where(old)).rowcount

    def purge_refused(self) -> int:
        """Delete old calls whose key opened nothing; returns how many."""
        old = audit.c.at <= self._clock() - REFUSALS_KEPT
        refused = (audit.c.status == 401) & audit.c.key_id.is_(None) & audit.c.tenant_id.is_(None)
        with self._database.write() as connection:
            return connection.execute(delete(audit).where(old & refused)).rowcount


def discreet(tenant_id: str | None, target: str) -> str:
    """The target where it is an id of ours, else its digest: enough to answer whoever knows the name."""
    return target if not target or _ID.fullmatch(target) else digest(tenant_id, target)


def digest(tenant_id: str | None, name: str) -> str:
    """What the audit keeps of a name of the tenant's."""
    return hashlib.sha256(f"{tenant_id or ''}\0{name}".encode(errors="surrogatepass")).hexdigest()
