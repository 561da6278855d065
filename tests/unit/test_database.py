"""SQLite is set up to lose and to leave nothing, and its errors come in our words."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, event, text

from memory.backends.sql.database import Database, batches, sqlite_url
from memory.backends.sql.store import SqlStore
from memory.errors import (
    DiskFull,
    InvalidSettings,
    StoreBusy,
    StoreReadOnly,
    StoreUnavailable,
)
from memory.records import Message
from tests.tiny_memories import ANA, BEN, record, vectors

SECRET = "the treasure is under the old oak"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    opened = SqlStore.open(sqlite_url(path), busy_timeout_s=0.05)
    yield opened
    opened.close()


def anywhere(folder: Path, words: str) -> bool:
    """Whether any file below the folder holds the words."""
    return any(words.encode() in file.read_bytes() for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1)],
)
def test_sqlite_is_durable_and_discreet(path: Path, pragma: str, value: object) -> None:
    """Every connection of the pool is set up."""
    with Database(sqlite_url(path)).read() as connection:
        assert connection.scalar(text(f"PRAGMA {pragma}")) == value


def test_nothing_deleted_is_left_in_any_file(store: SqlStore, tmp_path: Path) -> None:
    """Neither the text, nor turns, nor metadata, nor whose it was: not in pages, log or history."""
    mine = replace(ANA, user_id="hidden-user", session_id="hidden-session")
    store.add([record(SECRET, mine, metadata={"note": "hidden-note"})], vectors(1))
    store.append_turns(mine, [Message("user", SECRET)])
    words = (SECRET, "hidden-user", "hidden-session", "hidden-note")
    assert all(anywhere(tmp_path, word) for word in words)
    store.delete_where(replace(mine, session_id=None))
    assert not any(anywhere(tmp_path, word) for word in words)


def test_nothing_updated_is_left_in_any_file(store: SqlStore, tmp_path: Path) -> None:
    """What an update replaced is gone too."""
    [old] = store.add([record(SECRET)], vectors(1))
    store.update(ANA, record("nothing", id=old.id), vectors(1))
    assert not anywhere(tmp_path, SECRET)


def test_a_deletion_holds_while_someone_reads(store: SqlStore, path: Path) -> None:
    """A reader at work keeps its view and stops no deletion; the next write clears the log."""
    [tea] = store.add([record(SECRET)], vectors(1))
    reader = sqlite3.connect(path)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM memories").fetchone() == (1,)
    store.delete(ANA, tea.id)
    assert store.page(ANA).records == ()
    reader.close()
    store.delete_where(BEN)
    assert not anywhere(path.parent, SECRET)


def test_a_writer_that_waits_too_long_is_told(store: SqlStore, path: Path) -> None:
    """Reads go on meanwhile, and the write can be tried again."""
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match="another process is writing"):
        store.add([record("tea")], vectors(1))
    assert store.page(ANA).records == ()
    other.rollback()
    other.close()
    store.add([record("tea")], vectors(1))
    assert len(store.page(ANA).records) == 1


def test_a_full_disk_loses_nothing_acknowledged(path: Path) -> None:
    """The error is clear, what was stored before is there, and small writes go on once there is room."""

    def limit(connection: Any, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 80")

    event.listen(Engine, "connect", limit)
    try:
        store = SqlStore.open(sqlite_url(path))
        store.add([record("tea")], vectors(1))
        with pytest.raises(DiskFull, match="make room"):
            store.add([record("x" * 300_000)], vectors(1))
        store.close()
    finally:
        event.remove(Engine, "connect", limit)
    reopened = SqlStore.open(sqlite_url(path))
    assert [r.text for r in reopened.page(ANA).records] == ["tea"]
    reopened.add([record("x" * 300_000)], vectors(1))


def test_a_database_that_cannot_be_written_is_read(
    store: SqlStore, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading works, writing says why not, and no folder is made in the name of the URI."""
    monkeypatch.chdir(tmp_path)
    store.add([record("tea")], vectors(1))
    read_only = SqlStore(Database(f"sqlite:///file:{path}?mode=ro&uri=true"))
    assert len(read_only.page(ANA).records) == 1
    with pytest.raises(StoreReadOnly, match="cannot be written"):
        read_only.add([record("milk")], vectors(1))
    read_only.close()
    assert not Path("file:").exists()


def test_a_database_in_a_folder_that_cannot_be_written_is_read(
    store: SqlStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No log is made beside it; writing says why not, and what is written elsewhere is seen."""
    store.add([record("tea")], vectors(1))
    store.close()
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    access = os.access
    monkeypatch.setattr(os, "access", lambda place, mode: mode != os.W_OK and access(place, mode))
    read_only = SqlStore.open(sqlite_url(path))
    assert [one.text for one in read_only.page(ANA).records] == ["tea"]
    with pytest.raises(StoreReadOnly, match="cannot be written"):
        read_only.add([record("milk")], vectors(1))
    assert [one.name for one in path.parent.iterdir()] == [path.name]
    monkeypatch.undo()
    owner = SqlStore.open(sqlite_url(path))
    owner.add([record("milk")], vectors(1))
    assert {one.text for one in read_only.page(ANA).records} == {"tea", "milk"}
    owner.close()
    read_only.close()


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    """And left as it is."""
    path.write_text("my diary " * 1000)
    with pytest.raises(StoreUnavailable, match="not a SQLite database"):
        SqlStore.open(sqlite_url(path))
    assert path.read_text() == "my diary " * 1000


def test_a_damaged_database_says_so(store: SqlStore, path: Path) -> None:
    """Not a traceback of the driver's."""
    store.add([record(f"memory {n}") for n in range(50)], vectors(50))
    store.delete_where(BEN)  # empties the log into the file
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(StoreUnavailable, match="damaged"):
        SqlStore.open(sqlite_url(path)).page(ANA)


def test_a_path_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="MEMORY_HOME"):
        SqlStore.open(sqlite_url(tmp_path / "file" / "memory.db"))


def test_any_characters_may_be_in_the_path(tmp_path: Path) -> None:
    """Question marks and percent signs are no part of a URL's syntax here."""
    path = tmp_path / "what? 100% über" / "memory.db"
    SqlStore.open(sqlite_url(path)).close()
    assert path.is_file()


def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    """Memories are private."""
    SqlStore.open(sqlite_url(tmp_path / "home" / "memory.db")).close()
    assert (tmp_path / "home").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "in-memory"),
        ("sqlite:///:memory:", "in-memory"),
        ("not a url", "not a SQLAlchemy URL"),
        ("nodb://host/db", "no driver"),
    ],
)
def test_urls_that_cannot_work_are_refused(url: str, message: str) -> None:
    """Before anything is tried."""
    with pytest.raises(InvalidSettings, match=message):
        Database(url)


def test_a_password_is_in_no_message() -> None:
    """A server that cannot be reached is named without its password."""
    pytest.importorskip("psycopg")
    database = Database("postgresql+psycopg://ana:pa55word@127.0.0.1:1/db")
    with pytest.raises(StoreUnavailable) as raised, database.read():
        pass
    assert "pa55word" not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are listed on Linux alone")
def test_of_a_crowds_connections_few_stay_open(path: Path) -> None:
    """Five, each with at most 2 MiB of pages; so neither these nor descriptors grow with what was ever asked.

    SQLite keeps the file's descriptors of the others for the next ones: closing them would drop its locks.
    """
    database = Database(sqlite_url(path))
    with database.write() as connection:
        connection.execute(text("CREATE TABLE things (name TEXT)"))
    crowds = [_descriptors_after_a_crowd(database, path) for _ in range(4)]
    with database.read() as connection:
        kilobytes = -int(connection.exec_driver_sql("PRAGMA cache_size").scalar() or 0)
    database.close()
    assert len(set(crowds[1:])) == 1
    assert crowds[-1] <= _CROWD + _STAY_OPEN + 1  # of the file, of its log, of the log's index
    assert 0 < kilobytes <= 2000


_CROWD, _STAY_OPEN = 16, 5


def _descriptors_after_a_crowd(database: Database, path: Path) -> int:
    """Descriptors of the database's files that are open when a crowd has read at the same time."""
    everybody = Barrier(_CROWD)

    def reads(_: int) -> None:
        with database.read() as connection:
            connection.execute(text("SELECT count(*) FROM things"))
            everybody.wait()

    with ThreadPoolExecutor(_CROWD) as crowd:
        list(crowd.map(reads, range(_CROWD)))
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(os.path.realpath(link).startswith(str(path)) for link in links)


def test_batches_hold_everything_once() -> None:
    """Also what is not a multiple of the size."""
    items = [str(n) for n in range(7)]
    assert list(batches(items, 3)) == [["0", "1", "2"], ["3", "4", "5"], ["6"]]
    assert list(batches([], 3)) == []
