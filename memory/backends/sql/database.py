"""The connection pool: durability and file permissions, and SQL errors translated to ours.

SQLite: WAL (readers never wait for the writer), synchronous=FULL (a commit survives power loss),
foreign keys, secure_delete (freed pages are overwritten with zeros), and write transactions that take
the lock at their beginning, so that they cannot fail half way for another writer. The writers of one process
queue for it: SQLite's own waiters poll, and of many some would wait until they give up.

PostgreSQL: reads see one snapshot (REPEATABLE READ), writes see what was committed before they got their
row lock (READ COMMITTED), waiting for a lock ends after the busy timeout, and a connection that was lost
while it lay idle is replaced before it is used. Values never go into error messages.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from memory.backends.sql.fair_lock import FairLock
from memory.backends.sql.read_only import only_read, read_only_engine
from memory.backends.sql.server_clock import ServerClock
from memory.errors import (
    DiskFull,
    InvalidInput,
    InvalidSettings,
    StoreBusy,
    StoreError,
    StoreReadOnly,
    StoreUnavailable,
)
from memory.errors import ParametricMemoryError as OurError
from memory.records import now as utc_now


class WordsDamaged(StoreUnavailable):
    """The full-text index, which is made of the rows, is damaged: the one virtual table there is."""


_SQLITE_ERRORS: dict[int, tuple[type[StoreError], str]] = {
    sqlite3.SQLITE_FULL: (DiskFull, "the disk is full; make room and try again (nothing stored is lost)"),
    sqlite3.SQLITE_BUSY: (StoreBusy, "another process is writing; try again, or raise MEMORY_BUSY_TIMEOUT_S"),
    sqlite3.SQLITE_LOCKED: (StoreBusy, "another connection is writing; try again"),
    sqlite3.SQLITE_READONLY: (StoreReadOnly, "the database cannot be written; check its permissions"),
    sqlite3.SQLITE_PERM: (StoreReadOnly, "the database cannot be written; check its permissions"),
    sqlite3.SQLITE_NOTADB: (StoreUnavailable, "the file is not a SQLite database; check the path"),
    sqlite3.SQLITE_CORRUPT: (StoreUnavailable, "the database file is damaged; restore a backup"),
    sqlite3.SQLITE_CORRUPT_VTAB: (WordsDamaged, "the index of words is damaged; search to mend it"),
    sqlite3.SQLITE_CANTOPEN: (StoreUnavailable, "the database cannot be opened; check path and permissions"),
}
_DAMAGED = "a row is damaged; restore a backup"
_LOST = (StoreUnavailable, "the connection to the database was lost; try again once it is back")
_SQLSTATES: dict[str, tuple[type[StoreError], str]] = {
    "53100": _SQLITE_ERRORS[sqlite3.SQLITE_FULL],
    "25006": _SQLITE_ERRORS[sqlite3.SQLITE_READONLY],
    "42501": _SQLITE_ERRORS[sqlite3.SQLITE_READONLY],
    "55P03": _SQLITE_ERRORS[sqlite3.SQLITE_BUSY],
    "40P01": _SQLITE_ERRORS[sqlite3.SQLITE_BUSY],
    "40001": _SQLITE_ERRORS[sqlite3.SQLITE_BUSY],
    "53300": (StoreBusy, "the database has no connection left; try again, or raise its max_connections"),
    "57P01": _LOST,
    "57P02": _LOST,
    "57P03": (StoreUnavailable, "the database is starting or stopping; try again"),
}

_SEVERAL_HOSTS = re.compile(r"(postgres[^:]*://(?:[^/?]*@)?)([^/?@]+,[^/?@]+)([/?].*)?")

# Bytes that are no text stay some, which whoever reads the row refuses: the driver would refuse all the rows.
_TEXT = partial(str, encoding="utf-8", errors="surrogateescape")

_QUEUES: WeakValueDictionary[str, FairLock] = WeakValueDictionary()  # by file
_QUEUES_GUARD = Lock()


T = TypeVar("T")


def batches(items: Iterable[T], size: int = 500) -> Iterator[list[T]]:
    """Lists short enough for `IN`: SQLite takes 32,766 values in a statement."""
    left = list(items)
    for start in range(0, len(left), size):
        yield left[start : start + size]


def sqlite_url(path: Path) -> URL:
    """The URL of a SQLite file, whatever characters its path holds."""
    return URL.create("sqlite", database=str(path))


class Database:
    """Transactions on one database. Raises StoreError and its children, nothing of SQLAlchemy's."""

    def __init__(self, url: URL | str, *, busy_timeout_s: float = 10.0) -> None:
        self._engine = _engine(parsed_url(url), busy_timeout_s)
        self.is_sqlite = self._engine.dialect.name == "sqlite"
        self._busy_timeout_s = busy_timeout_s
        self._queue = _queue_of(self._engine.url) if self.is_sqlite else None
        self._clock = None if self.is_sqlite else ServerClock(self._engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view, of which nothing is kept."""
        with self._translated(), self._engine.connect() as connection:
            if not self.is_sqlite:
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed at the end, rolled back by any error."""
        with self._queued(), self._translated(), self._engine.connect() as connection:
            connection.execution_options(takes_write_lock=True)
            with connection.begin():
                yield connection

    def now(self) -> datetime:
        """By the database's own clock, which all its servers share; SQLite's is this machine's."""
        if self._clock is None:
            return utc_now()
        with self._translated():
            return self._clock.now()

    @contextmanager
    def _queued(self) -> Iterator[None]:
        if self._queue is None:
            yield
            return
        if not self._queue.acquire(self._busy_timeout_s):
            raise StoreBusy(f"{_named(self._engine.url)}: {_SQLITE_ERRORS[sqlite3.SQLITE_BUSY][1]}")
        try:
            yield
        finally:
            self._queue.release()

    def scrub(self) -> bool:
        """Take what was deleted out of SQLite's write-ahead log too (its pages are zeroed already).

        Returns whether that was possible: a reader at work holds the log back, until the next scrub.
        PostgreSQL cannot do this at each deletion: its pages keep dead rows until `VACUUM FULL` writes
        the table anew (docs/postgresql.md says how), and its own log and backups until they are recycled.
        """
        if not self.is_sqlite:
            return False
        try:
            with self._translated(), self._engine.connect() as connection:
                cursor = connection.connection.cursor()  # outside a transaction, as a checkpoint must be
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                [busy, _, _] = cursor.fetchone() or (1, 0, 0)
                cursor.close()
                return not busy
        except StoreError:
            return False

    def close(self) -> None:
        """Close the idle connections of the pool."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except UnicodeEncodeError as error:
            raise InvalidInput("a name or text is not valid Unicode; decode it first") from error
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise _translation(error, self._engine.url) from error
        except OurError:
            raise
        except (
            ValueError,
            TypeError,
            RecursionError,  # of JSON in thousands of brackets
        ) as error:  # a column that is no JSON, time or vector, and may be somebody's words
            where = _named(self._engine.url)
            raise StoreUnavailable(f"{where}: {_DAMAGED}") from error


def _queue_of(url: URL) -> FairLock:
    """The queue of this process's writers of a file, however many Databases they have it open by."""
    with _QUEUES_GUARD:
        return _QUEUES.setdefault(str(url.database), FairLock())


def parsed_url(url: URL | str) -> URL:
    """As it is connected to, with one host or several. Raises InvalidSettings."""
    try:
        parsed = _several_hosts(url) if isinstance(url, str) else None
        parsed = parsed or make_url(url)
    except ArgumentError as error:
        raise InvalidSettings("MEMORY_DATABASE_URL is not a SQLAlchemy URL; write sqlite:///PATH") from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise InvalidSettings(
            "an in-memory SQLite database is lost with each connection; name a file, or use memory.fakes"
        )
    if parsed.drivername in ("postgres", "postgresql"):  # as providers write it
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _several_hosts(url: str) -> URL | None:
    """A URL with hosts to be tried in turn, as libpq has it (`//a:5432,b:5432/name`); None for any other."""
    found = _SEVERAL_HOSTS.fullmatch(url)
    if found is None:
        return None
    before, hosts, after = found.groups()
    return make_url(before + (after or "")).update_query_dict({"host": tuple(hosts.split(","))})


def _engine(url: URL, busy_timeout_s: float) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite(url, busy_timeout_s)
        return _server(url, busy_timeout_s)
    except (SQLAlchemyError, ImportError) as error:
        raise InvalidSettings(
            f"no driver for {url.drivername!r} databases is installed: {error}; "
            "for PostgreSQL install parametric-memory[postgres]"
        ) from error


def _sqlite(url: URL, busy_timeout_s: float) -> Engine:
    if not str(url.database).startswith("file:"):  # a URI, which has its own word on what is made
        _make_folder(Path(str(url.database)).parent)
        _make_private(Path(str(url.database)))
        if only_read(Path(str(url.database))):
            engine = read_only_engine(url)
            _prepare_sqlite(engine, busy_timeout_s)
            return engine
    engine = create_engine(url, pool_size=5, max_overflow=60, hide_parameters=True)
    _prepare_sqlite(engine, busy_timeout_s)
    return engine


def _server(url: URL, busy_timeout_s: float) -> Engine:
    """PostgreSQL, with patience that ends: for a connection, for a lost peer, for another's lock."""
    patience = {"connect_timeout": 10, "tcp_user_timeout": 30_000}  # seconds, milliseconds
    engine = create_engine(
        url,
        pool_size=5,
        max_overflow=15,
        pool_timeout=max(1.0, busy_timeout_s),
        pool_pre_ping=True,
        isolation_level="READ COMMITTED",
        hide_parameters=True,
        connect_args={name: value for name, value in patience.items() if name not in url.query},
    )

    def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {max(1, int(busy_timeout_s * 1000))}")  # 0 would be for ever
        cursor.close()
        connection.commit()

    def failed(context: ExceptionContext) -> None:
        """Whoever answers that it may not be written has become a standby: the next call asks anew."""
        if getattr(context.original_exception, "sqlstate", None) == "25006":
            context.is_disconnect = True

    event.listen(engine, "connect", connected)
    event.listen(engine, "handle_error", failed)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder {folder}: {error.strerror}; set MEMORY_HOME"
        raise StoreUnavailable(message) from error


def _make_private(path: Path) -> None:
    """A new database is its owner's alone, whatever folder it lies in; SQLite gives its log the same mode."""
    with suppress(OSError):  # it is there already, or SQLite will say what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def _prepare_sqlite(engine: Engine, busy_timeout_s: float) -> None:
    def connected(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        # The driver would begin transactions by itself, too late and without the lock; `begun` does it.
        connection.isolation_level = None
        connection.text_factory = _TEXT
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout = {int(busy_timeout_s * 1000)}",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def begun(connection: Connection) -> None:
        locks = connection.get_execution_options().get("takes_write_lock", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if locks else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def _translation(error: Exception, url: URL) -> OurError:
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", None)
    sqlstate = str(getattr(original, "sqlstate", None) or "")
    if code is not None:
        known = _SQLITE_ERRORS.get(code) or _SQLITE_ERRORS.get(code & 0xFF)
    else:
        known = _SQLSTATES.get(sqlstate)
    if known is None and sqlstate.startswith("08"):
        known = _LOST
    if isinstance(error, PoolTimeout):
        known = (StoreBusy, "every connection is in use; try again")
    if "NUL" in str(original) and isinstance(error, DataError):
        return InvalidInput("a name holds a NUL character; nothing is called that")
    where = _named(url)
    if known is None:
        return StoreUnavailable(f"{where}: {_reason(original)}")
    kind, message = known
    return kind(f"{where}: {message}")


def _named(url: URL) -> str:
    """The database in a message: without its password, which may also stand among the parameters."""
    return url.set(query={}).render_as_string(hide_password=True)


def _reason(original: object) -> str:
    """What the driver says, without PostgreSQL's details, which quote the row."""
    said = getattr(getattr(original, "diag", None), "message_primary", None) or str(original)
    return " ".join(said.split())
