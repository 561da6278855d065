"""SQLite's index of words, made anew when it is found damaged: it is derived data, the rows are the truth.

What else of the file is damaged stays an error. One process makes the index, in one transaction, and those
that wait for it then go on with that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

from memory.backends.sql import words
from memory.backends.sql.database import Database, WordsDamaged

_log = logging.getLogger(__name__)


class _OnDatabase(Protocol):
    @property
    def database(self) -> Database: ...


Store = TypeVar("Store", bound=_OnDatabase)
P = ParamSpec("P")
T = TypeVar("T")


def mends_words(method: Callable[Concatenate[Store, P], T]) -> Callable[Concatenate[Store, P], T]:
    """A method of one transaction, done again with a new index where it met a damaged one."""

    @wraps(method)
    def mended(store: Store, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(store, *args, **kwargs)
        except WordsDamaged:
            _mend(store.database)
            return method(store, *args, **kwargs)

    return mended


def _mend(database: Database) -> None:
    with database.read() as connection:
        found = _schema(connection)
    with database.write() as connection:
        if _schema(connection) != found:  # another made it meanwhile
            return
        words.make_anew(connection)
    database.scrub()
    _log.warning("the index of words was damaged; it was made anew from the rows, nothing stored is lost")


def _schema(connection: Connection) -> int:
    """SQLite's count of changes to the schema, of which a new index is one."""
    return int(connection.exec_driver_sql("PRAGMA schema_version").scalar() or 0)
