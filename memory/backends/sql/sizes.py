"""How many bytes a tenant makes us keep: a column `size` of each row, summed from indexes alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, Table, case, func, select

from memory.backends.sql.scoping import visible
from memory.backends.sql.tables import answers, jobs, memories, retired, turns
from memory.records import Scope

_MOST = 2**53  # bytes of a row


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a tenant's: memories that hold now, and bytes of everything."""

    memories: int
    bytes: int


def text_size(text: str | None) -> int:
    """Of a text in UTF-8."""
    return len(text.encode()) if text else 0


def json_size(value: object) -> int:
    """Of what a JSON column holds; 0 for nothing."""
    return 0 if value is None else len(json.dumps(value))


def passage_size(text: str, metadata: Mapping[str, Any]) -> int:
    """Of a memory's own words and metadata; none of which is 0 bytes."""
    return text_size(text) + json_size(dict(metadata)) - len("{}")


def total(sizes: ColumnElement[int]) -> ColumnElement[int]:
    """The sum of some sizes: what a damaged row says in place of one counts nothing."""
    return func.coalesce(func.sum(case((sizes.between(0, _MOST), sizes))), 0)


def kept(connection: Connection, tenant_id: str, at: datetime) -> Kept:
    """All that counts towards a tenant's quotas.

    What a running job was given is left out: it is becoming memories, which are counted.
    """
    blobs = select(memories.c.digest, memories.c.nbytes).where(memories.c.tenant_id == tenant_id)
    parts = [
        *(_sum(table, tenant_id) for table in (memories, retired, turns, answers)),
        _sum(jobs, tenant_id, jobs.c.state != "running"),
        select(total(blobs.distinct().subquery().c.nbytes)).scalar_subquery(),
    ]
    counted = select(func.count()).select_from(memories).where(visible(Scope(tenant_id=tenant_id), at))
    row = connection.execute(select(counted.scalar_subquery(), *parts)).one()
    return Kept(int(row[0]), sum(map(int, row[1:])))


def _sum(table: Table, tenant_id: str, *those: Any) -> ScalarSelect[Any]:
    return select(total(table.c.size)).where(table.c.tenant_id == tenant_id, *those).scalar_subquery()
