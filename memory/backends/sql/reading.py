"""Reading many rows, of which some may be damaged: such a row takes no other with it.

A time or JSON that is none, which SQLite keeps all the same, ends a whole statement; its rows are then read
one by one. Who asks for a damaged row alone is told (`to_record`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, case, func

from memory.backends.embeddings import NUMBER_BYTES, are_finite, to_vector, to_vectors
from memory.backends.sql.rows import plain, to_past, to_record, to_turn
from memory.ports import Vectors
from memory.records import MemoryRecord, Turn

Row = Mapping[Any, Any]

UNREADABLE = (ValueError, TypeError, RecursionError)  # what a value of a damaged row raises
NO_TIME = datetime(1, 1, 1, tzinfo=UTC)  # in place of one that cannot be read
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)  # what SQLite sorts behind it is no time
_NO_VECTOR = "its embedding is no vector"
_log = logging.getLogger(__name__)


def rows(connection: Connection, wanted: Select[Any], given: Mapping[str, Any] | None = None) -> list[Row]:
    """The rows of a statement that selects ids among its columns; of an unreadable one its id alone."""
    try:
        return [*plain(connection.execute(wanted, given))]
    except UNREADABLE:
        id_ = wanted.selected_columns["id"]
        ids = [*connection.scalars(wanted.with_only_columns(id_), given)]
    return [_alone(connection, wanted.where(id_ == memory_id), given, memory_id) for memory_id in ids]


def readable(row: Row) -> MemoryRecord | None:
    """A memory or retired passage from its row; None where that is damaged, which is logged once."""
    try:
        return to_record(row) if "digest" in row else to_past(row)
    except (ValueError, KeyError):  # a value that cannot be, or one that its type could not even read
        _tell(row["id"], "and nothing shows it")
    return None


def readable_turn(row: Row) -> Turn | None:
    """A turn from its row; None where that is damaged, which is logged once."""
    try:
        return to_turn(row)
    except (ValueError, KeyError):
        _tell(row["id"], "and nothing shows it")
    return None


def latest(table: Table) -> ColumnElement[Any]:
    """When the newest of some rows was made; NULL where no time of theirs can be read."""
    made = table.c.created_at
    return func.max(case((made.between(NO_TIME, _LATEST), made)))


def records(
    connection: Connection, wanted: Select[Any], given: Mapping[str, Any] | None = None
) -> list[MemoryRecord]:
    """Memories or retired passages of a statement that selects their columns, but for damaged ones."""
    found = (readable(row) for row in rows(connection, wanted, given))
    return [record for record in found if record is not None]


def first(connection: Connection, wanted: Select[Any], id_: Column[Any], limit: int) -> list[MemoryRecord]:
    """So many of the statement's records by id: damaged ones take no places."""
    found: list[MemoryRecord] = []
    after = ""
    while len(found) < limit:
        some = rows(connection, wanted.where(id_ > after).order_by(id_).limit(limit))
        found += [record for row in some if (record := readable(row)) is not None]
        if len(some) < limit:
            break
        after = some[-1]["id"]
    return found[:limit]


def embedded(
    connection: Connection, wanted: Select[Any], given: Mapping[str, Any] | None = None
) -> tuple[list[Row], Vectors]:
    """Rows that select id, dim and embedding, with their embeddings [N, D]; without damaged ones."""
    found = [row for row in rows(connection, wanted, given) if _whole(row)]
    vectors = to_vectors([row["embedding"] for row in found])
    if are_finite(*vectors):
        return found, vectors
    finite = [are_finite(vector) for vector in vectors]
    for row, sound in zip(found, finite, strict=True):
        if not sound:
            _tell(row["id"], _NO_VECTOR)
    return [row for row, sound in zip(found, finite, strict=True) if sound], vectors[finite]


def vectors(connection: Connection, wanted: Select[Any], given: Mapping[str, Any]) -> dict[str, Vectors]:
    """The embedding [D] of each row that selects id, dim and embedding; without damaged ones."""
    found = {row["id"]: to_vector(row["embedding"]) for row in rows(connection, wanted, given) if _whole(row)}
    if are_finite(*found.values()):  # of all at once: a recall reads hundreds
        return found
    for memory_id in [memory_id for memory_id, vector in found.items() if not are_finite(vector)]:
        _tell(memory_id, _NO_VECTOR)
        del found[memory_id]
    return found


def _alone(connection: Connection, wanted: Select[Any], given: Mapping[str, Any] | None, id_: str) -> Row:
    try:
        return next(plain(connection.execute(wanted, given)))
    except UNREADABLE:
        return {"id": id_}


def _whole(row: Row) -> bool:
    """Whether the embedding has the bytes that its dimension says."""
    embedding, dim = row.get("embedding"), row.get("dim")
    if isinstance(embedding, bytes) and isinstance(dim, int) and len(embedding) == dim * NUMBER_BYTES > 0:
        return True
    _tell(row["id"], _NO_VECTOR)
    return False


@lru_cache(maxsize=1000)
def _tell(memory_id: str, what: str) -> None:
    """Once for each row: whoever searches meets it again and again."""
    _log.warning("row %r is damaged, %s; restore a backup, or erase it", memory_id, what)
