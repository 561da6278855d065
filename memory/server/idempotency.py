"""Stored responses: a request repeated with its Idempotency-Key gets the first one's response."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from memory.backends.sql import erasures as sql_erasures
from memory.backends.sql.changes import lock
from memory.backends.sql.database import Database
from memory.backends.sql.scoping import touching_digests
from memory.backends.sql.sizes import text_size
from memory.backends.sql.tables import answers
from memory.errors import Conflict
from memory.ports.work import name_digest, name_digests
from memory.records import SCOPE_FIELDS, Scope, check_name

ANSWER_RETENTION = timedelta(hours=24)
LEASE = timedelta(minutes=5)  # a request that runs for longer died with its process; it may be sent again

_FRESH = {"status": None, "body": None, "size": 0}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request was answered."""

    status: int
    body: str | None  # None: it held something that has been erased since


class Idempotency:
    """Answers by tenant and key, in SQL, for a day. Safe to share between threads."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] | None = None) -> None:
        self._database = database
        self._clock = clock or database.now

    def begin(
        self, tenant_id: str, key: str, fingerprint: str, *, scope: Scope | None = None
    ) -> Answer | None:
        """The answer of an earlier request with this key; None where this is the first, which may run now.

        `fingerprint` is a digest of the request; `scope` is whose text may be in the answer, so that an
        erasure finds it. Raises Conflict for another request under the same key, or one still running.
        """
        check_name("the idempotency key", key)
        at = self._clock()
        named, key = key, name_digest(tenant_id, "key", key)
        digests = name_digests(scope or Scope(tenant_id=tenant_id))
        values = {
            "tenant_id": tenant_id,
            **dict(zip(SCOPE_FIELDS, digests, strict=True)),
            "key": key,
            "fingerprint": fingerprint,
            "started_at": at,
            "expires_at": at + ANSWER_RETENTION,
        }
        with self._database.write() as connection:
            _purge(connection, at)
            values["since"] = sql_erasures.newest(connection, tenant_id)
            found = _find(connection, tenant_id, key)
            if found is None:
                try:
                    with connection.begin_nested():
                        connection.execute(insert(answers).values(values))
                    return None
                except IntegrityError:  # another process was first, and has committed by now
                    found = _find(connection, tenant_id, key)
            if found is not None and found.expires_at <= at:  # too many were to be purged at once
                connection.execute(update(answers).where(_this(tenant_id, key)).values(_FRESH | values))
                return None
            if found is None or found.fingerprint != fingerprint:
                raise Conflict(f"the idempotency key {named!r} was used for another request; use a new one")
            if found.status is not None:
                return Answer(found.status, found.body)
            if found.started_at + LEASE > at:
                raise Conflict(f"the request with the idempotency key {named!r} still runs; ask again later")
            connection.execute(
                update(answers).where(_this(tenant_id, key)).values(started_at=at, since=values["since"])
            )
            return None

    def finish(self, tenant_id: str, key: str, status: int, body: str, *, tells: bool = True) -> None:
        """Keep the answer, for the time it takes to be asked for again.

        Its body is not kept where something that it may tell was erased since the request began.
        """
        key = name_digest(tenant_id, "key", key)
        running = and_(_this(tenant_id, key), answers.c.status.is_(None))
        with self._database.write() as connection:
            lock(connection, tenant_id)  # an erasure comes before or after this, not between
            row = connection.execute(select(answers).where(running)).first()
            if row is None:
                return
            erased = tells and _touched(connection, row)
            kept = None if erased else body
            values = {"status": status, "body": kept, "size": text_size(kept)}
            connection.execute(update(answers).where(running).values(values))

    def abandon(self, tenant_id: str, key: str) -> None:
        """Forget a request that had no effect: the next one with its key runs."""
        with self._database.write() as connection:
            this = _this(tenant_id, name_digest(tenant_id, "key", key))
            connection.execute(delete(answers).where(this, answers.c.status.is_(None)))

    def erase(self, scope: Scope) -> None:
        """Take the bodies of answers that may hold text of the scope; that they were given stays known."""
        those = touching_digests(answers, scope.tenant_id, name_digests(scope))
        with self._database.write() as connection:
            connection.execute(update(answers).where(those).values(body=None, size=0))
        self._database.scrub()

    def purge(self) -> int:
        """Delete all answers whose time is over; returns how many."""
        with self._database.write() as connection:
            return connection.execute(delete(answers).where(answers.c.expires_at <= self._clock())).rowcount


def _purge(connection: Connection, at: datetime) -> None:
    """Delete a few of what has expired, whoever's: each request takes along more than it adds."""
    old = select(answers.c.tenant_id, answers.c.key).where(answers.c.expires_at <= at).limit(10)
    for row in connection.execute(old.with_for_update(skip_locked=True)).all():
        connection.execute(delete(answers).where(_this(row.tenant_id, row.key)))


def _touched(connection: Connection, row: Row[Any]) -> bool:
    """Whether something was erased, since the request began, that its answer may tell."""
    names = tuple(getattr(row, field) for field in SCOPE_FIELDS)
    return any(
        erasure.overlaps(names) for erasure in sql_erasures.since(connection, row.tenant_id, row.since)
    )


def _this(tenant_id: str, key: str) -> ColumnElement[bool]:
    return and_(answers.c.tenant_id == tenant_id, answers.c.key == key)


def _find(connection: Connection, tenant_id: str, key: str) -> Row[tuple[object, ...]] | None:
    return connection.execute(select(answers).where(_this(tenant_id, key)).with_for_update()).first()
