"""Moves all rows from one database to another of either kind, in steps that can be interrupted.

    source locked against writers -> target marked -> rows that differ go -> rows that are missing come -> all
    compared -> target opened

The mark stands in the place of the target's schema step. As long as it is there nobody opens the target, and
another try goes on where the last one ended, also if the source has changed between them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import groupby, islice
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, func, insert, select, text, tuple_, update

from memory.backends.sql import migrate
from memory.backends.sql.database import Database
from memory.backends.sql.tables import jobs, memories, metadata
from memory.errors import InvalidInput, StoreUnavailable

BATCH = 500  # rows of one transaction
_TABLES = tuple(metadata.sorted_tables)  # what is referred to comes first
_PARENTS = {key.column.table for table in _TABLES for key in table.foreign_keys}
Key = tuple[Any, ...]


class RowsMove:
    """The rows of a source, on their way to a target."""

    def __init__(self, source: Database, target: Database) -> None:
        self._source = source
        self._target = target
        self._from: Connection | None = None
        self._sums: dict[str, tuple[int, int]] = {}  # table -> number of rows, sum of their hashes

    @contextmanager
    def held(self) -> Iterator[None]:
        """Inside, the source can be read but not written. Raises StoreBusy where somebody is writing."""
        migrate.open_current(self._source)
        with self._source.write() as connection:
            if not self._source.is_sqlite:
                names = ", ".join(table.name for table in _TABLES)
                connection.execute(text(f"LOCK TABLE {names} IN SHARE MODE"))
            self._from = connection
            yield

    def begin(self) -> None:
        """Make the target's tables and mark it.

        Raises InvalidInput where it holds something else, or an import is under way: archives are not moved.
        """
        importing = select(jobs).where(jobs.c.kind == "import", jobs.c.state.in_(("queued", "running")))
        if self._held.execute(importing.limit(1)).first():
            raise InvalidInput("an import is under way; its archive is not moved: let it end, or cancel it")
        with self._target.write() as connection:
            if migrate.current(connection) != migrate.MOVING:
                migrate.upgrade(connection)
                if any(connection.execute(select(table).limit(1)).first() for table in _TABLES):
                    raise InvalidInput("there are memories at the target already; name an empty database")
                migrate.mark(connection, migrate.MOVING)
        self._remove_what_differs()

    def count(self) -> int:
        """How many rows there are to move."""
        return sum(self._held.scalar(select(func.count()).select_from(table)) or 0 for table in _TABLES)

    def adapters(self) -> Iterator[tuple[str, list[str]]]:
        """Tenants, and digests of adapters that rows of theirs refer to; a tenant may come several times."""
        named = memories.c.tenant_id, memories.c.digest
        wanted = select(*named).distinct().order_by(*named)
        rows = self._held.execute(wanted, execution_options={"yield_per": BATCH})
        for tenant_id, found in groupby(rows, key=lambda row: row.tenant_id):
            while some := [row.digest for row in islice(found, BATCH)]:
                yield tenant_id, some

    def copy(self, copied: Callable[[int], None]) -> None:
        """Bring what is missing; `copied` is told of how many rows, batch by batch."""
        for table in _TABLES:
            number = total = 0
            for rows in _batches(self._held, table):
                self._put(table, rows)
                number, total = number + len(rows), total + sum(map(_hash, rows))
                copied(len(rows))
            self._sums[table.name] = number, total

    def check(self) -> Mapping[str, int]:
        """Compare all rows of the target with those copied; returns how many. Raises StoreUnavailable."""
        with self._target.read() as connection:
            for table in _TABLES:
                rows = [(len(rows), sum(map(_hash, rows))) for rows in _batches(connection, table)]
                found = sum(number for number, _ in rows), sum(total for _, total in rows)
                if found != self._sums[table.name]:
                    raise StoreUnavailable(
                        f"table {table.name!r} differs at the target, so it was not opened; somebody else "
                        "writes there: run `memory migrate --to` again"
                    )
        return {name: number for name, (number, _) in self._sums.items()}

    def end(self) -> None:
        """Open the target for everybody."""
        with self._target.write() as connection:
            migrate.mark(connection, migrate.HEAD)

    @property
    def _held(self) -> Connection:
        if self._from is None:
            raise RuntimeError("rows are read while the source is held")
        return self._from

    def _remove_what_differs(self) -> None:
        """What an earlier try brought and the source has no longer, or not so; children before parents."""
        for table in reversed(_TABLES):
            with self._target.read() as connection:
                stale = [row for rows in _batches(connection, table) for row in self._differing(table, rows)]
            for start in range(0, len(stale), BATCH):
                self._remove(table, stale[start : start + BATCH])

    def _differing(self, table: Table, rows: Sequence[Row[Any]]) -> list[Key]:
        here = {_hash(row) for row in self._held.execute(_named(table, _keys(table, rows)))}
        return [_key(table, row) for row in rows if _hash(row) not in here]

    def _remove(self, table: Table, keys: list[Key]) -> None:
        """A parent that only changed may have children: it is changed."""
        changed = self._held.execute(_named(table, keys)).all() if table in _PARENTS else []
        with self._target.write() as connection:
            for row in changed:
                mine = tuple_(*table.primary_key).in_([_key(table, row)])
                connection.execute(update(table).where(mine).values(row._asdict()))
            gone = set(keys) - {_key(table, row) for row in changed}
            if gone:
                connection.execute(delete(table).where(tuple_(*table.primary_key).in_(sorted(gone))))

    def _put(self, table: Table, rows: Sequence[Row[Any]]) -> None:
        keys = _keys(table, rows)
        with self._target.write() as connection:
            there = {_key(table, row) for row in connection.execute(_named(table, keys))}
            missing = [row._asdict() for row, key in zip(rows, keys, strict=True) if key not in there]
            if missing:
                connection.execute(insert(table), missing)


def _batches(connection: Connection, table: Table) -> Iterator[Sequence[Row[Any]]]:
    """All rows by their keys, which are in the order of time."""
    ordered = select(table).order_by(*table.primary_key)
    yield from connection.execute(ordered, execution_options={"yield_per": BATCH}).partitions()


def _named(table: Table, keys: Sequence[Key]) -> Any:
    return select(table).where(tuple_(*table.primary_key).in_(keys))


def _key(table: Table, row: Row[Any]) -> Key:
    return tuple(row._mapping[column.name] for column in table.primary_key)


def _keys(table: Table, rows: Sequence[Row[Any]]) -> list[Key]:
    return [_key(table, row) for row in rows]


def _hash(row: Row[Any]) -> int:
    """The same on both databases, and summed in any order."""
    said = json.dumps(row._asdict(), sort_keys=True, default=_plain)
    return int.from_bytes(hashlib.sha256(said.encode()).digest())


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    assert isinstance(value, bytes), type(value)
    return value.hex()
