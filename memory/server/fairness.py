"""Job scheduling: tenants take turns, however many jobs each has queued."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from memory.backends.sql.tables import jobs, served


def next_job(
    connection: Connection,
    due: ColumnElement[bool],
    at: datetime,
    *,
    worker: str = "",
    most: int | None = None,
) -> Row[Any, Any] | None:
    """Tenant and id of the job that is next of those due, locked; None where there is none.

    Passed over are tenants of whom the worker runs `most` already: a long job of one holds up no other. Of
    the tenants with the fewest jobs running, the one that was served longest ago; of its jobs, the one
    that has been due for longest. What another worker is just claiming is passed over.
    """
    held = and_(jobs.c.state == "running", jobs.c.due_at > at)
    running = select(jobs.c.tenant_id, func.count().label("jobs")).where(held).group_by(jobs.c.tenant_id)
    busy = running.subquery()
    if most is not None:
        mine = select(jobs.c.tenant_id).where(held, jobs.c.worker == worker).group_by(jobs.c.tenant_id)
        due = and_(due, jobs.c.tenant_id.not_in(mine.having(func.count() >= most)))
    found = (
        select(jobs.c.tenant_id, jobs.c.id)
        .outerjoin(busy, busy.c.tenant_id == jobs.c.tenant_id)
        .outerjoin(served, served.c.tenant_id == jobs.c.tenant_id)
        .where(due)
        .order_by(func.coalesce(busy.c.jobs, 0), served.c.at.asc().nulls_first(), jobs.c.due_at, jobs.c.id)
        .limit(1)
    )
    return connection.execute(found.with_for_update(skip_locked=True, of=jobs)).first()


def note_served(connection: Connection, tenant_id: str, at: datetime) -> None:
    """Others go first next time."""
    this = update(served).where(served.c.tenant_id == tenant_id).values(at=at)
    if connection.execute(this).rowcount == 0:
        with contextlib.suppress(IntegrityError), connection.begin_nested():  # another may be first
            connection.execute(insert(served).values(tenant_id=tenant_id, at=at))
