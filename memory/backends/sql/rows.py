"""Records and turns to rows and back.

SQLite keeps a text in a column of integers where somebody wrote one, so what comes back is checked: a row
that is damaged raises ValueError, which Database translates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, get_args

from sqlalchemy import JSON, Column, Integer, Result, String

from memory.backends.sql.scoping import scope_columns
from memory.backends.sql.sizes import passage_size, text_size
from memory.backends.sql.tables import memories, retired, turns
from memory.errors import InvalidInput
from memory.records import (
    ADAPTER_FIELDS,
    CONTENT_FIELDS,
    MAX_NAME,
    PLAIN_FIELDS,
    RETIRED,
    SCOPE_FIELDS,
    WITH_ADAPTER,
    AdapterRef,
    Kind,
    MemoryRecord,
    Role,
    Scope,
    Turn,
)
from memory.text.search_words import search_words

R = TypeVar("R", MemoryRecord, Turn)

_DERIVED = ("embedding", "words", "size")
RECORD = [column for column in memories.c if column.name not in _DERIVED]  # what reading a record takes

PAST = [column for column in retired.c if column.name not in _DERIVED]  # and reading a retired passage

_VALUES = {"kind": get_args(Kind), "role": (*get_args(Role), None)}
_TYPES = ((Integer, int), (String, str), (JSON, dict))

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


def plain(result: Result[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a query by column name: SQLAlchemy's own are slow to read whole, as hundreds are."""
    names = [*result.keys()]
    return (dict(zip(names, row, strict=True)) for row in result.all())


def to_record(row: Mapping[Any, Any]) -> MemoryRecord:
    """A memory from a row of the RECORD columns. Raises ValueError for a damaged one."""
    return _read_record(row)


def _record(row: Mapping[Any, Any]) -> MemoryRecord:
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
    words = " ".join(search_words(record.found_by))
    size = passage_size(record.text, record.metadata)
    return {"embedding": embedding, "words": words, "size": size}


def to_past(row: Mapping[Any, Any]) -> MemoryRecord:
    """A retired passage from a row of the PAST columns. Raises ValueError for a damaged one."""
    return _read_past(row)


def _past(row: Mapping[Any, Any]) -> MemoryRecord:
    names = (*_PASSAGE, "metadata", "held_by")
    return MemoryRecord(scope=to_scope(row), adapter=RETIRED, **{name: row[name] for name in names})


def to_scope(row: Mapping[Any, Any]) -> Scope:
    """The scope a row was written in."""
    return Scope(row["user_id"] or None, row["agent_id"] or None, row["session_id"] or None, row["tenant_id"])


def whose(row: Mapping[Any, Any]) -> Scope:
    """The scope a row names, for listings, history and the index: of a damaged name what can be shown.

    No memory is read in such a scope, so what was Ana's and is "A\ufffda"'s by damage is nobody's.
    """
    try:
        return to_scope(row)
    except InvalidInput:
        return Scope(tenant_id=row["tenant_id"], **{name: shown(row[name]) for name in SCOPE_FIELDS})


def shown(name: Any) -> str | None:
    """A name as far as it can be read; None for none."""
    kept = name if isinstance(name, bytes) else str(name or "").encode(errors="surrogateescape")
    return kept.decode(errors="replace").replace("\0", "\ufffd")[:MAX_NAME].strip() or None


def turn_columns(turn: Turn) -> dict[str, Any]:
    """Column values of a turn."""
    names = ("id", "ordinal", "role", "text", "created_at", "internalized")
    values = {name: getattr(turn, name) for name in names}
    return {**scope_columns(turn.scope), **values, "size": text_size(turn.text)}


def to_turn(row: Mapping[Any, Any]) -> Turn:
    """A turn from a row of all its columns. Raises ValueError for a damaged one."""
    return _read_turn(row)


def _turn(row: Mapping[Any, Any]) -> Turn:
    names = ("id", "ordinal", "role", "text", "created_at", "internalized")
    return Turn(scope=to_scope(row), **{name: row[name] for name in names})


class _Columns(Generic[R]):
    """What the values of a row have to be; which types together are sound is found out once."""

    def __init__(self, columns: Iterable[Column[Any]], made: Callable[[Mapping[Any, Any]], R]) -> None:
        self._made: Callable[[Mapping[Any, Any]], R] = made
        self._types = _python_types(columns)
        self._names = [*self._types]
        self._texts = [name for name, type_ in self._types.items() if issubclass(str, type_)]
        self._values = {name: values for name, values in _VALUES.items() if name in self._types}
        self._sound: set[tuple[type, ...]] = set()

    def __call__(self, row: Mapping[Any, Any]) -> R:
        """What a row says. Raises ValueError for a damaged one."""
        found = tuple([type(row[name]) for name in self._names])
        if found not in self._sound:
            self._require(found)
            self._sound.add(found)
        # UnicodeEncodeError, a ValueError, where bytes of some were no text
        "".join([row[name] or "" for name in self._texts]).encode()
        for name, values in self._values.items():
            if row[name] not in values:
                raise ValueError(f"{name} is unknown")
        try:
            return self._made(row)
        except InvalidInput as error:  # whoever reads it gave no such input
            raise ValueError("what it says cannot be kept") from error

    def _require(self, found: Sequence[type]) -> None:
        for name, type_ in zip(self._names, found, strict=True):
            if not issubclass(type_, self._types[name]):
                raise ValueError(f"{name} is {type_.__name__}")


def _python_types(columns: Iterable[Column[Any]]) -> dict[str, Any]:
    """What the values of columns are, by name."""
    found = {}
    for column in columns:
        for sql_type, python_type in _TYPES:
            if isinstance(column.type, sql_type):
                found[column.name] = python_type | None if column.nullable else python_type
    return found


_read_record, _read_past = _Columns(RECORD, _record), _Columns(PAST, _past)
_read_turn = _Columns(turns.c, _turn)
