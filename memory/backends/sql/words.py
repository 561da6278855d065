"""Full-text search over memories and retired passages: FTS5 in SQLite, tsvector in PostgreSQL.

Each row has its words (`memory.text.search_words`) in a column. Triggers keep SQLite's index beside it, and
PostgreSQL's is an index on the column: whoever writes a row writes its words, in the same transaction, and
who deletes it deletes them.

SQLite's index holds all tenants. Beside the words stands whose the row is, in hexadecimal letters, and each
query asks for both; what is found is read again through the statement that knows tenant and scope.

    key     m<tenant>x<id>  the row          m<tenant>xu<user>, ...xa<agent>, ...xs<session>, m<tenant>
            of a memory; a retired passage has r in place of m
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, and_, bindparam, cast, func, select

from memory.backends.sql.database import batches
from memory.backends.sql.reading import vectors
from memory.backends.sql.scoping import AT, bound_within, given, held, unexpired, visible
from memory.backends.sql.tables import memories, retired
from memory.ports import Vectors
from memory.records import SCOPE_FIELDS, Scope
from memory.text.search_words import ROWS_READ, ranked, telling

_TEXTS_COUNTED = 10 * ROWS_READ
_LEVELS_BYTES = 1024
_LOOKED_AT = 100  # ids at once, at least
_LETTERS = {memories.name: "m", retired.name: "r"}


def find(
    connection: Connection,
    scope: Scope,
    words: Sequence[str],
    k: int,
    at: datetime,
    as_of: datetime | None,
) -> list[tuple[str, float]]:
    """The k memories that have the rarest of the words; with `as_of`, passages that held then."""
    seen = {memories: visible(scope, at)} if as_of is None else _held_then(scope, at, as_of)
    found: dict[str, float] = {}
    for table, condition in seen.items():
        reader = _Sqlite(table, scope) if connection.dialect.name == "sqlite" else _Server(table, condition)
        texts, having = reader.counts(connection, words)
        ids = {word: reader.ids(connection, word) for word in telling(having)}
        scores = ranked(ids, texts, having)
        found |= {i: scores[i] for i in _those(connection, table, condition, [*scores], k)}
    best = sorted(found, key=lambda memory_id: (found[memory_id], memory_id), reverse=True)
    return [(memory_id, found[memory_id]) for memory_id in best[:k]]


def embeddings(connection: Connection, scope: Scope, ids: Sequence[str], at: datetime) -> dict[str, Vectors]:
    """Of what was found by its words: how near it is, no index was asked."""
    found: dict[str, Vectors] = {}
    values = given(scope)
    for table in (memories, retired):
        for some in batches(memory_id for memory_id in ids if memory_id not in found):
            found |= vectors(connection, _embeddings(table, tuple(values)), {**values, "at": at, "ids": some})
    return found


@lru_cache
def _embeddings(table: Table, names: tuple[str, ...]) -> Select[Any]:
    """Of rows of some ids that are alive in a scope which gives these fields; made once."""
    those = table.c.id.in_(bindparam("ids", expanding=True))
    return select(table.c.id, table.c.dim, table.c.embedding).where(
        bound_within(table, names), unexpired(table, AT), those
    )


def settle(connection: Connection) -> None:
    """Make SQLite's index anew without what was deleted, which it only marks; its pages are zeroed then.

    Takes 70 ms for 10,000 memories, and nothing where nothing was written since. SQLite before 3.42 adds a
    level each time, two bytes in the index's table of them, and takes the index for damaged at 2,000 levels:
    it is built from the rows again long before.
    """
    if connection.dialect.name != "sqlite":
        return
    levels = connection.exec_driver_sql("SELECT length(block) FROM words_data WHERE id = 10").scalar()
    how = "rebuild" if (levels or 0) > _LEVELS_BYTES else "optimize"
    connection.exec_driver_sql(f"INSERT INTO words(words) VALUES ('{how}')")


def make_anew(connection: Connection) -> None:
    """Replace SQLite's index, which may be damaged, by one of the rows, as its step made it.

    SQLite drops no index whose table of levels it cannot read, so that is emptied first.
    """
    connection.exec_driver_sql("REPLACE INTO words_data (id, block) VALUES (10, zeroblob(7))")
    how = connection.exec_driver_sql("SELECT sql FROM sqlite_master WHERE name = 'words'").scalar_one()
    connection.exec_driver_sql("DROP TABLE words")
    connection.exec_driver_sql(how)
    for table in (memories, retired):
        each = f"SELECT id, {_key(table)}, words FROM {table.name}"
        connection.exec_driver_sql(f"INSERT INTO words (id, key, word) {each}")


def _held_then(scope: Scope, at: datetime, as_of: datetime) -> dict[Table, ColumnElement[bool]]:
    return {table: held(table, scope, at, as_of) for table in (memories, retired)}


def _those(
    connection: Connection, table: Table, seen: ColumnElement[bool], ids: Sequence[str], k: int
) -> list[str]:
    """The first k of the ids, and some more, that meet the condition: a common word has a thousand."""
    found: list[str] = []
    for some in batches(ids, max(k, _LOOKED_AT)):
        wanted = and_(seen, table.c.id.in_(some), table.c.kind != "skill")
        found += connection.scalars(select(table.c.id).where(wanted)).all()
        if len(found) >= k:
            break
    return found


class _Sqlite:
    """The rows of a table in a scope, by FTS5."""

    def __init__(self, table: Table, scope: Scope) -> None:
        tenant = _LETTERS[table.name] + _hex(scope.tenant_id)
        given = [(field[0], getattr(scope, field)) for field in SCOPE_FIELDS]
        keys = [f"{tenant}x{letter}{_hex(name)}" for letter, name in given if name is not None] or [tenant]
        self._keys = " AND ".join(f'key : "{key}"' for key in keys)

    def counts(self, connection: Connection, words: Sequence[str]) -> tuple[int, dict[str, int]]:
        """How many there are, and how many have each word, in one statement: a question has many words.

        FTS5 steps through all that it counts: a word that many rows have is not counted to its end, for
        nothing is chosen by it, nor are all the rows of who has very many, for what a word is worth grows by
        their logarithm.
        """
        found: dict[str, int] = {}
        texts = 0
        for some in batches(words):
            queries = [f'{self._keys} AND word : "{word}"' for word in some]
            texts, *counts = self._counted(connection, [self._keys, *queries])
            found |= zip(some, counts, strict=True)
        return texts, found

    def ids(self, connection: Connection, word: str) -> list[str]:
        wanted = "SELECT id FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?"
        query = f'{self._keys} AND word : "{word}"'
        return [*connection.exec_driver_sql(wanted, (query, ROWS_READ)).scalars().all()]

    def _counted(self, connection: Connection, queries: Sequence[str]) -> Sequence[int]:
        """Of all rows, and of those that match each other query, up to a bound."""
        bounds = [_TEXTS_COUNTED, *[ROWS_READ + 1] * (len(queries) - 1)]
        some = (f"(SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ? LIMIT {n}))" for n in bounds)
        return tuple(connection.exec_driver_sql(f"SELECT {', '.join(some)}", tuple(queries)).one())


class _Server:
    """The rows of a table that meet the condition of a scope, by PostgreSQL's index."""

    def __init__(self, table: Table, seen: ColumnElement[bool]) -> None:
        self._table = table
        self._seen = seen

    def counts(self, connection: Connection, words: Sequence[str]) -> tuple[int, dict[str, int]]:
        """How many there are, and how many have each word."""
        texts = self._counted(connection, self._seen)
        return texts, {word: self._counted(connection, self._those(word)) for word in words}

    def ids(self, connection: Connection, word: str) -> list[str]:
        newest = select(self._table.c.id).where(self._those(word)).order_by(self._table.c.id.desc())
        return list(connection.scalars(newest.limit(ROWS_READ)))

    def _counted(self, connection: Connection, those: ColumnElement[bool]) -> int:
        return connection.scalar(select(func.count()).where(those)) or 0

    def _those(self, word: str) -> ColumnElement[bool]:
        """In the very words of the index, or PostgreSQL would not use it."""
        from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR  # 50 ms that SQLite does not need

        vector = func.array_to_tsvector(func.string_to_array(self._table.c.words, " "), type_=TSVECTOR)
        return and_(self._seen, vector.bool_op("@@")(cast(f"'{word}'", TSQUERY)))


def _key(table: Table) -> str:
    """Whose a row is, in SQL."""
    tenant = f"'{_LETTERS[table.name]}' || hex(tenant_id)"
    names = (f"{tenant} || 'x{field[0]}' || hex({field})" for field in SCOPE_FIELDS)
    return " || ' ' || ".join([tenant, f"{tenant} || 'x' || hex(id)", *names])


def _hex(name: str) -> str:
    return name.encode().hex()
