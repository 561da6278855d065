"""The erasure log of a tenant, in SQL, which every write checks.

Functions on a connection whose transaction holds the tenant's write lock (`changes.enroll`). What a server
keeps beside the memories is cleared here too, because an erasure is complete whoever asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from memory.backends.sql.changes import enroll
from memory.backends.sql.database import batches
from memory.backends.sql.scoping import touching_digests, within
from memory.backends.sql.sizes import json_size
from memory.backends.sql.tables import answers, erasures, history, jobs, memories, retired, tenants
from memory.errors import Erased
from memory.ports import Revision
from memory.ports.work import Erasure, Work, current, item_digests, name_digest, name_digests
from memory.records import MemoryRecord, Removed, Scope

ERASURE_RETENTION = timedelta(days=30)  # no work lasts longer
_NEWEST = select(tenants.c.erased).where(tenants.c.tenant_id == bindparam("tenant"))
_SINCE = select(erasures).where(
    erasures.c.tenant_id == bindparam("tenant"), erasures.c.number > bindparam("number")
)
_NO_NAMES = {"user_id": "", "agent_id": "", "session_id": "", "idempotency_key": None, "reason": None}


def newest(connection: Connection, tenant_id: str) -> int:
    """The number of the tenant's newest erasure."""
    return connection.scalar(_NEWEST, {"tenant": tenant_id}) or 0


def since(connection: Connection, tenant_id: str, number: int) -> list[Erasure]:
    """The tenant's erasures after that one."""
    return [
        Erasure(
            row.number,
            (row.user_digest, row.agent_digest, row.session_digest),
            row.document_digest,
            tuple(row.metadata_digests),
            row.content_hash,
        )
        for row in connection.execute(_SINCE, {"tenant": tenant_id, "number": number})
    ]


def refuse(
    connection: Connection,
    tenant_id: str,
    records: Sequence[MemoryRecord] = (),
    *,
    told: Scope | None = None,
    work: Work | None = None,
) -> None:
    """Refuse to write records, or the turns `told` in a scope, of which some was erased since the work began.

    The work is the thread's own unless it is given. Raises Erased.
    """
    work = work or current(tenant_id)
    if work is None:
        return
    for erasure in since(connection, tenant_id, work.since):
        read = work.reads is not None and erasure.touches(work.reads)
        turns = told is not None and erasure.whole and erasure.covers_scope(told)
        if read or turns or any(map(erasure.covers, records)):
            raise Erased("what this is about was erased while it ran; nothing of it was kept")


def note_scope(
    connection: Connection,
    scope: Scope,
    at: datetime,
    *,
    document_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write down that all of a scope goes, or a document of it, or what has items of metadata."""
    document = name_digest(scope.tenant_id, "document_id", document_id)
    _note(connection, scope.tenant_id, at, [(*name_digests(scope), document, item_digests(metadata), "")])
    _clear_answers(connection, scope.tenant_id, name_digests(scope))
    _clear_jobs(connection, scope, at, document_id, metadata)


def note_removed(connection: Connection, tenant_id: str, gone: Sequence[Removed], at: datetime) -> None:
    """Write down that single memories or passages went, which the history says whose they were."""
    found: dict[str, tuple[str, str, str]] = {}
    for ids in batches({memory.memory_id for memory in gone}):
        those = and_(
            history.c.tenant_id == tenant_id, history.c.memory_id.in_(ids), history.c.event == "DELETE"
        )
        for row in connection.execute(select(history).where(those)):
            found[row.memory_id] = (row.user_digest, row.agent_digest, row.session_digest)
    _note_contents(
        connection,
        tenant_id,
        at,
        [(found[m.memory_id], m.content_hash) for m in gone if m.memory_id in found],
    )


def note_replaced(connection: Connection, tenant_id: str, before: MemoryRecord, at: datetime) -> None:
    """Write down that what a memory said is kept nowhere."""
    _note_contents(connection, tenant_id, at, [(name_digests(before.scope), before.content_hash)])


def replaced(connection: Connection, tenant_id: str, revision: Revision) -> list[tuple[MemoryRecord, str]]:
    """Records, with the content hash until now, of what a revision overwrites, to be kept nowhere."""
    if not revision.erased and (revision.kept or revision.outdated):
        return []
    lost = []
    for record in revision.renewed:
        table = retired if record.retired else memories
        this = and_(table.c.tenant_id == tenant_id, table.c.id == record.id)
        before = connection.scalar(select(table.c.content_hash).where(this))
        if before is not None and before != record.content_hash and record.id not in revision.kept:
            lost.append((record, before))
    return lost


def note_contents(
    connection: Connection, tenant_id: str, at: datetime, lost: Sequence[tuple[MemoryRecord, str]]
) -> None:
    """Write down what `replaced` found."""
    _note_contents(connection, tenant_id, at, [(name_digests(record.scope), was) for record, was in lost])


def _note_contents(
    connection: Connection, tenant_id: str, at: datetime, lost: Sequence[tuple[Any, str]]
) -> None:
    _note(connection, tenant_id, at, [(*names, "", (), content) for names, content in lost])
    for names in {names for names, _ in lost}:
        _clear_answers(connection, tenant_id, names)


def _note(connection: Connection, tenant_id: str, at: datetime, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    enroll(connection, tenant_id)
    first = newest(connection, tenant_id) + 1
    columns = (
        *("user_digest", "agent_digest", "session_digest"),
        *("document_digest", "metadata_digests", "content_hash"),
    )
    values = [
        {"tenant_id": tenant_id, "number": number, "at": at}
        | dict(zip(columns, (*row[:4], list(row[4]), row[5]), strict=True))
        for number, row in enumerate(rows, first)
    ]
    connection.execute(insert(erasures), values)
    mine = tenants.c.tenant_id == tenant_id
    connection.execute(update(tenants).where(mine).values(erased=first + len(rows) - 1))
    connection.execute(
        delete(erasures).where(erasures.c.tenant_id == tenant_id, erasures.c.at < at - ERASURE_RETENTION)
    )


def _clear_answers(connection: Connection, tenant_id: str, names: tuple[str, str, str]) -> None:
    """Take the bodies of answers that may hold text of the scope; that they were given stays known."""
    those = and_(touching_digests(answers, tenant_id, names), answers.c.body.is_not(None))
    connection.execute(update(answers).where(those).values(body=None, size=0))


def _clear_jobs(
    connection: Connection,
    scope: Scope,
    at: datetime,
    document_id: str | None,
    metadata: Mapping[str, Any] | None,
) -> None:
    """Stop the jobs of the scope, and take what they hold; the names of a whole scope go too."""
    whole = document_id is None and metadata is None
    for job in connection.execute(select(jobs).where(within(jobs, scope)).with_for_update()).mappings():
        payload = job["payload"] or {}
        if document_id is not None and payload.get("document_id") != document_id:
            continue
        if metadata is not None and not metadata.items() <= (payload.get("metadata") or {}).items():
            continue
        values: dict[str, Any] = {"payload": None, "cancelling": job["state"] == "running"}
        if job["state"] == "queued":
            values |= {"state": "cancelled", "ended_at": at, "due_at": at}
        if whole:
            counts = {name: n for name, n in (job["result"] or {}).items() if isinstance(n, int)}
            values |= {**_NO_NAMES, "result": counts or None}
        values["size"] = json_size(values.get("result", job["result"]))
        this = and_(jobs.c.tenant_id == job["tenant_id"], jobs.c.id == job["id"])
        connection.execute(update(jobs).where(this).values(values))
