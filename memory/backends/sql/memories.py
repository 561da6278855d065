"""Memories, in SQL. Functions on a connection; SqlStore gives them their transaction and the moment.

Every read goes through `visible`, `exactly` or `covering`, every deletion through `within`: the tenant is
in all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from memory.backends.sql import retired as sql_retired
from memory.backends.sql.changes import note
from memory.backends.sql.database import batches
from memory.backends.sql.reading import embedded, first, readable, records, rows
from memory.backends.sql.rows import RECORD, REPLACED, record_columns, shown, to_record, whose
from memory.backends.sql.scoping import (
    AT,
    alive,
    bound,
    bound_within,
    covering,
    exactly,
    given,
    held,
    holding,
    scope_columns,
    unexpired,
    visible,
    within,
)
from memory.backends.sql.sizes import passage_size, total
from memory.backends.sql.tables import memories, turns
from memory.errors import InvalidInput, NotFound
from memory.ports import Vectors
from memory.records import SCOPE_FIELDS, SKILLS, MemoryRecord, Removed, Scope, StoreStats

_NAMES = [memories.c[name] for name in ("id", "content_hash", "digest", "tenant_id", *SCOPE_FIELDS)]

_RECORDS = select(*RECORD)  # made once: it takes longer than a short query
_INSERT = insert(memories)
_THERE = select(memories.c.content_hash).where(
    bound(memories), memories.c.content_hash.in_(bindparam("hashes", expanding=True))
)
_SKILLS = select(*RECORD, memories.c.embedding).where(
    covering(memories),
    unexpired(memories, AT),
    memories.c.document_id == SKILLS,
    memories.c.kind == "skill",
)


@lru_cache
def _seen(names: tuple[str, ...]) -> Select[Any]:
    """Memories of some ids that are visible in a scope which gives these fields."""
    those = memories.c.id.in_(bindparam("ids", expanding=True))
    return _RECORDS.where(bound_within(memories, names), holding(AT), those)


@lru_cache
def _placed(names: tuple[str, ...]) -> Select[Any]:
    """Visible memories that begin or end at some places, each a session's name and a turn's ordinal."""
    columns = memories.c
    places: BindParameter[Any] = bindparam("places", expanding=True)
    first, last = (tuple_(columns.session_id, turn) for turn in (columns.first_turn, columns.last_turn))
    of_these = columns.session_id.in_(bindparam("sessions", expanding=True))
    there = and_(of_these, or_(first.in_(places), last.in_(places)))
    return _RECORDS.where(bound_within(memories, names), holding(AT), there)


Standing = dict[tuple[Scope, str], MemoryRecord]  # by scope and content hash


def one(connection: Connection, scope: Scope, memory_id: str, at: datetime) -> MemoryRecord:
    """The memory of that id, outdated or not. Raises NotFound."""
    this = and_(alive(memories, scope, at), memories.c.id == memory_id)
    row = connection.execute(_RECORDS.where(this)).mappings().first()
    if row is None:
        raise not_found(memory_id, sql_retired.found(connection, scope, at, [memory_id], None))
    return to_record(row)


def not_found(memory_id: str, retired: Sequence[MemoryRecord] = ()) -> NotFound:
    """The error for an id that is not in the scope, or that names a passage that is retired."""
    for passage in retired:
        if passage.valid_until is not None:
            return NotFound(f"memory {memory_id!r} is of the past; ask for it with as_of")
        return NotFound(f"memory {memory_id!r} was compacted; memory {passage.held_by!r} holds it now")
    return NotFound(f"no memory {memory_id!r} here; list the memories to see their ids")


def many(
    connection: Connection, scope: Scope, ids: Sequence[str], at: datetime, as_of: datetime | None = None
) -> list[MemoryRecord]:
    """Those of the ids that are visible, in the order asked for."""
    if not ids:
        return []
    found = {} if as_of is None else sql_retired.many(connection, scope, ids, at, as_of)
    values = given(scope)
    for some in batches(ids):
        if as_of is None:
            those = records(connection, _seen(tuple(values)), {**values, "at": at, "ids": some})
        else:
            then = held(memories, scope, at, as_of)
            those = records(connection, _RECORDS.where(then, memories.c.id.in_(some)))
        found |= {record.id: record for record in those}
    return [found[memory_id] for memory_id in ids if memory_id in found]


def beside(
    connection: Connection, scope: Scope, told: Sequence[MemoryRecord], away: int, at: datetime
) -> list[MemoryRecord]:
    """Visible memories of the same sessions within so many turns of these, without these."""
    near = frozenset().union(*(record.beside(away) for record in told))
    if not near:
        return []
    values, known = given(scope), {record.id for record in told}
    places = sorted({(session.session_id or "", turn) for session, turn in near})
    found: list[MemoryRecord] = []
    for some in batches(places):
        sessions = {session for session, _ in some}
        wanted = {"at": at, "places": some, "sessions": [*sessions]}
        found += records(connection, _placed(tuple(values)), values | wanted)
    there = {record.id: record for record in found if near & record.ends and record.id not in known}
    return [*there.values()]


def known(
    connection: Connection, scope: Scope, hashes: Collection[str], at: datetime
) -> dict[str, MemoryRecord]:
    """Content hash -> memory, in exactly this scope."""
    return _known(connection, scope, hashes, _there(connection, scope, hashes), at)


def _known(
    connection: Connection, scope: Scope, hashes: Collection[str], there: Collection[str], at: datetime
) -> dict[str, MemoryRecord]:
    """Content hash -> memory, or the one that holds it; `there` are those of the contents that have a row."""
    found: dict[str, MemoryRecord] = {}
    for some in batches(there):
        same = and_(exactly(memories, scope), holding(at), memories.c.content_hash.in_(some))
        found |= {record.content_hash: record for record in records(connection, _RECORDS.where(same))}
    holders = sql_retired.holders(connection, scope, hashes, at)
    by_id = {record.id: record for record in many(connection, scope, list(set(holders.values())), at)}
    return {content: by_id[holder] for content, holder in holders.items() if holder in by_id} | found


def skills(connection: Connection, scope: Scope, at: datetime) -> tuple[list[MemoryRecord], Vectors]:
    """Skills whose scope takes in this one, oldest first, with their embeddings [N, D]."""
    rows, vectors = embedded(connection, _SKILLS, {**scope_columns(scope), "at": at})
    read = [(record, at) for at, row in enumerate(rows) if (record := readable(row)) is not None]
    read.sort(key=lambda pair: pair[0].id)  # here: asked for order, SQLite reads the whole tenant
    return [record for record, _ in read], vectors[[at for _, at in read]]


def listed(connection: Connection, *conditions: ColumnElement[bool], limit: int) -> list[MemoryRecord]:
    """Memories that meet the conditions, by id, which is by age."""
    return first(connection, _RECORDS.where(*conditions), memories.c.id, limit)


def sort_out(
    connection: Connection, records: Sequence[MemoryRecord], at: datetime
) -> tuple[Standing, list[MemoryRecord]]:
    """What stands for each scope and content, and which of the records are new.

    Expired ones give way, damaged ones too, and so do those that hold no longer or not yet: these are
    retired.
    """
    standing: Standing = {}
    for scope in dict.fromkeys(record.scope for record in records):
        hashes = [record.content_hash for record in records if record.scope == scope]
        if there := _there(connection, scope, hashes):  # rarely: what is told is new
            _remove_expired(connection, scope, there, at)
            _remove_damaged(connection, scope, there, at)
            _retire_others(connection, scope, there, at)
        found = _known(connection, scope, hashes, there, at)
        standing |= {(scope, content): record for content, record in found.items()}
    new = []
    for record in records:
        if standing.setdefault((record.scope, record.content_hash), record) is record:
            new.append(record)
    return standing, new


def add(
    connection: Connection, records: Sequence[MemoryRecord], embeddings: Mapping[str, bytes], at: datetime
) -> None:
    """Insert new memories of one tenant and note them. Raises InvalidInput for an id already taken."""
    seqs = note(connection, "ADD", [(record.id, record.scope) for record in records], at)
    rows = [
        record_columns(record, embeddings[record.id]) | {"seq": seq}
        for record, seq in zip(records, seqs, strict=True)
    ]
    try:
        if rows:
            connection.execute(_INSERT, rows)
    except IntegrityError as error:
        raise InvalidInput("another memory of this tenant has the same id; give a new one") from error


def replace_content(
    connection: Connection, before: MemoryRecord, record: MemoryRecord, embedding: bytes, at: datetime
) -> None:
    """Give a memory the content of another record. Raises InvalidInput where its scope has it already."""
    columns = record_columns(record, embedding)
    try:
        change(connection, before, {name: columns[name] for name in REPLACED}, at)
    except IntegrityError as error:
        raise InvalidInput(
            "another memory in this scope says the same already; delete one of them"
        ) from error
    sql_retired.expire_held(connection, before.scope.tenant_id, [before.id], record.expires_at)
    if record.metadata != before.metadata:
        sql_retired.describe_held(connection, before.scope.tenant_id, before.id, record.metadata, at)


def change(connection: Connection, before: MemoryRecord, values: Mapping[str, Any], at: datetime) -> None:
    """Set columns of a memory and note it."""
    [seq] = note(connection, "UPDATE", [(before.id, before.scope)], at)
    this = and_(exactly(memories, before.scope), memories.c.id == before.id)
    size = passage_size(values.get("text", before.text), values.get("metadata", before.metadata))
    changed = {**values, "size": size, "seq": seq, "updated_at": at}
    connection.execute(update(memories).where(this).values(changed))


def count_uses(connection: Connection, tenant_id: str, uses: Mapping[str, int], at: datetime) -> None:
    """Add to how often memories were used. It is not a change, for index and history."""
    this = and_(memories.c.tenant_id == tenant_id, memories.c.id == bindparam("which"))
    used = update(memories).where(this).values(uses=memories.c.uses + bindparam("more"), used_at=at)
    connection.execute(used, [{"which": memory_id, "more": more} for memory_id, more in uses.items()])


def remove(connection: Connection, scope: Scope, at: datetime, *those: ColumnElement[bool]) -> list[Removed]:
    """Delete memories within the scope, expired ones too, with all that they hold, and note it."""
    return remove_those(connection, and_(within(memories, scope), *those), at)


def _there(connection: Connection, scope: Scope, hashes: Collection[str]) -> list[str]:
    """Which of the contents the very scope has a row of, whether that holds or not."""
    found: list[str] = []
    for some in batches(hashes):
        found += connection.scalars(_THERE, {**scope_columns(scope), "hashes": some})
    return found


def _retire_others(connection: Connection, scope: Scope, hashes: Collection[str], at: datetime) -> None:
    other = or_(memories.c.valid_until <= at, memories.c.valid_from > at)
    for some in batches(hashes):
        those = and_(exactly(memories, scope), memories.c.content_hash.in_(some), other)
        sql_retired.move(connection, those, None, at)


def _remove_expired(connection: Connection, scope: Scope, hashes: Collection[str], at: datetime) -> None:
    for some in batches(hashes):
        ended = and_(memories.c.content_hash.in_(some), memories.c.expires_at <= at)
        remove_those(connection, and_(exactly(memories, scope), ended), at)


def _remove_damaged(connection: Connection, scope: Scope, hashes: Collection[str], at: datetime) -> None:
    """What was told once and cannot be read is told again."""
    for some in batches(hashes):
        those = _RECORDS.where(exactly(memories, scope), memories.c.content_hash.in_(some))
        damaged = [row["id"] for row in rows(connection, those) if readable(row) is None]
        if damaged:
            remove(connection, scope, at, memories.c.id.in_(damaged))


def remove_those(connection: Connection, those: ColumnElement[bool], at: datetime) -> list[Removed]:
    """Delete the memories that meet the condition, with all that they hold, and note it."""
    rows = connection.execute(select(*_NAMES).where(those).order_by(memories.c.id)).all()
    if not rows:
        return []
    note(connection, "DELETE", [(row.id, whose(row._mapping)) for row in rows], at)
    connection.execute(delete(memories).where(those))
    gone = [Removed(row.id, shown(row.content_hash) or "", shown(row.digest) or "") for row in rows]
    ids = [memory.memory_id for memory in gone]
    return gone + sql_retired.remove_held(connection, rows[0].tenant_id, ids, at)


def used_digests(connection: Connection, tenant_id: str, digests: Collection[str]) -> set[str]:
    """Those of the digests that some memory of the tenant refers to, expired or not."""
    used: set[str] = set()
    for some in batches(digests):
        those = and_(memories.c.tenant_id == tenant_id, memories.c.digest.in_(some))
        used |= set(connection.scalars(select(memories.c.digest).where(those)))
    return used


def stats(connection: Connection, scope: Scope, at: datetime) -> StoreStats:
    """Counts within the scope."""
    seen = visible(scope, at)
    counts = connection.execute(
        select(
            func.count().label("memories"),
            func.count(case((memories.c.kind != "skill", memories.c.document_id)).distinct()).label(
                "documents"
            ),
            func.coalesce(func.sum(func.length(memories.c.text)), 0).label("characters"),
        ).where(seen)
    ).one()
    blobs = select(memories.c.digest, memories.c.nbytes).where(seen).distinct().subquery()
    return StoreStats(
        **counts._mapping,
        sessions=_sessions(connection, scope, seen),
        turns=connection.scalar(select(func.count()).select_from(turns).where(within(turns, scope))) or 0,
        adapter_bytes=int(connection.scalar(select(total(blobs.c.nbytes))) or 0),
    )


def _sessions(connection: Connection, scope: Scope, seen: ColumnElement[bool]) -> int:
    def fields(table: Any) -> list[Any]:
        return [table.c[field] for field in SCOPE_FIELDS]

    of_memories = select(*fields(memories)).where(seen, memories.c.session_id != "")
    of_turns = select(*fields(turns)).where(within(turns, scope), turns.c.session_id != "")
    either = of_memories.union(of_turns).subquery()
    return connection.scalar(select(func.count()).select_from(either)) or 0
