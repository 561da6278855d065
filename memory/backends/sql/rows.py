"""Records and turns to rows and back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import RowMapping

from memory.backends.sql.scoping import scope_columns
from memory.backends.sql.sizes import passage_size, text_size
from memory.backends.sql.tables import memories, retired
from memory.records import (
    ADAPTER_FIELDS,
    CONTENT_FIELDS,
    PLAIN_FIELDS,
    RETIRED,
    SCOPE_FIELDS,
    WITH_ADAPTER,
    AdapterRef,
    MemoryRecord,
    Scope,
    Turn,
)
from memory.text.search_words import search_words

_DERIVED = ("embedding", "words", "size")
RECORD = [column for column in memories.c if column.name not in _DERIVED]  # what reading a record takes

PAST = [column for column in retired.c if column.name not in _DERIVED]  # and reading a retired passage

# Called alike in the record and in the rows.
_SAME = tuple(name for name in PLAIN_FIELDS if name != "held_by")
_PASSAGE = tuple(name for name in _SAME if name not in WITH_ADAPTER)

REPLACED = (*CONTENT_FIELDS, *ADAPTER_FIELDS, *_DERIVED)  # columns of a memory that an update sets
RENEWED = tuple(  # and of a retired passage, which expires with what holds it
    name for name in (*CONTENT_FIELDS, *_DERIVED) if name in retired.c and name != "expires_at"
)


def record_columns(record: MemoryRecord, embedding: bytes) -> dict[str, Any]:
    """Column values of a memory, all but its seq."""
    return {
        **scope_columns(record.scope),
        **{name: getattr(record, name) for name in _SAME},
        **{name: getattr(record.adapter, name) for name in ADAPTER_FIELDS},
        "metadata": dict(record.metadata),
        **_derived(record, embedding),
    }


def to_record(row: RowMapping) -> MemoryRecord:
    """A memory from a row of the RECORD columns."""
    return MemoryRecord(
        scope=to_scope(row),
        adapter=AdapterRef(**{name: row[name] for name in ADAPTER_FIELDS}),
        metadata=row["metadata"],
        **{name: row[name] for name in _SAME},
    )


def past_columns(record: MemoryRecord, embedding: bytes) -> dict[str, Any]:
    """Column values of a retired passage."""
    return {
        **scope_columns(record.scope),
        **{name: getattr(record, name) for name in _PASSAGE},
        "metadata": dict(record.metadata),
        **_derived(record, embedding),
        "held_by": record.held_by,
    }


def _derived(record: MemoryRecord, embedding: bytes) -> dict[str, Any]:
    """What search and quotas read in place of the text."""
    words, size = " ".join(search_words(record.text)), passage_size(record.text, record.metadata)
    return {"embedding": embedding, "words": words, "size": size}


def to_past(row: RowMapping) -> MemoryRecord:
    """A retired passage from a row of the PAST columns."""
    names = (*_PASSAGE, "metadata", "held_by")
    return MemoryRecord(scope=to_scope(row), adapter=RETIRED, **{name: row[name] for name in names})


def to_scope(row: RowMapping) -> Scope:
    """The scope a row was written in."""
    return Scope(tenant_id=row["tenant_id"], **{field: row[field] or None for field in SCOPE_FIELDS})


def turn_columns(turn: Turn) -> dict[str, Any]:
    """Column values of a turn."""
    names = ("id", "ordinal", "role", "text", "created_at", "internalized")
    values = {name: getattr(turn, name) for name in names}
    return {**scope_columns(turn.scope), **values, "size": text_size(turn.text)}


def to_turn(row: RowMapping) -> Turn:
    """A turn from a row of all its columns."""
    names = ("id", "ordinal", "role", "text", "created_at", "internalized")
    return Turn(scope=to_scope(row), **{name: row[name] for name in names})
