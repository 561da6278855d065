"""A damaged index of words is made anew from the rows; whatever else is damaged is said."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import Connection

from memory.backends.sql import words
from memory.backends.sql.database import sqlite_url
from memory.backends.sql.store import SqlStore
from memory.errors import StoreUnavailable
from memory.records import RETIRED
from tests.tiny_memories import ANA, BEN, NOON, record, vectors

Damage = Callable[[sqlite3.Connection], object]


def too_many_levels(database: sqlite3.Connection) -> None:
    """As SQLite before 3.42 does it to itself."""
    row = "INSERT INTO words (id, key, word) VALUES (?, 'k', ?)"
    try:
        for number in range(3_000):
            database.execute(row, (f"x{number}", f"w{number}"))
            database.execute("INSERT INTO words (words) VALUES ('optimize')")
    except sqlite3.DatabaseError:
        return
    pytest.skip("this SQLite adds no levels")


DAMAGE: dict[str, Damage] = {
    "levels": too_many_levels,
    "head": lambda d: d.execute("UPDATE words_data SET block = x'ffffffffffffffff' WHERE id = 10"),
    "leaves": lambda d: d.execute("UPDATE words_data SET block = randomblob(length(block)) WHERE id > 10"),
    "lost leaves": lambda d: d.execute("DELETE FROM words_data WHERE id > 10"),
    "lost rows": lambda d: d.execute("DELETE FROM words_content"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    """With memories of two people and a retired passage."""
    opened = SqlStore.open(sqlite_url(path))
    opened.add([record("Zephyrine is here."), record("Nothing much.")], vectors(2))
    opened.add([record("Zephyrine is not Ana's.", BEN)], vectors(1))
    past = record("Zephyrine was here.", adapter=RETIRED, valid_from=NOON, valid_until=NOON.replace(hour=13))
    opened.keep_past([past], vectors(1))
    yield opened
    opened.close()


def harm(path: Path, damage: Damage) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA synchronous = OFF")
        damage(database)


def found(store: SqlStore) -> list[str]:
    hits = [memory_id for memory_id, _ in store.find_words(ANA, ["zephyrin"], 5)]
    return [memory.text for memory in store.get_many(ANA, hits)]


def mends(caplog: pytest.LogCaptureFixture) -> int:
    return sum("made anew" in line.message for line in caplog.records if line.levelno == logging.WARNING)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_search_that_meets_damage_finds(
    store: SqlStore, path: Path, caplog: pytest.LogCaptureFixture, damage: Damage
) -> None:
    """What is and what was, each in its scope; one warning says what was done."""
    harm(path, damage)
    assert found(store) == ["Zephyrine is here."]
    assert mends(caplog) == 1
    then = store.find_words(ANA, ["zephyrin"], 5, as_of=NOON.replace(minute=30))
    assert "Zephyrine was here." in [r.text for r in store.retired(ANA, ids=[i for i, _ in then])]
    assert len(store.find_words(BEN, ["zephyrin"], 5)) == 1
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO words (words) VALUES ('integrity-check')")
    assert mends(caplog) == 1


@pytest.mark.parametrize("damage", ["levels", "head", "leaves"])
def test_an_erasure_that_meets_damage_erases(
    store: SqlStore, path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """Its words too, and none of the damaged index is left in the file."""
    [told] = store.add([record("The code is quagmirefrog.")], vectors(1))
    harm(path, DAMAGE[damage])
    store.delete(ANA, told.id)
    assert mends(caplog) == 1
    assert not any(b"gmirefrog" in file.read_bytes() for file in path.parent.iterdir())
    store.add([record("Zephyrine is there too.")], vectors(1, seed=2))
    assert sorted(found(store)) == ["Zephyrine is here.", "Zephyrine is there too."]


def test_an_addition_that_meets_damage_adds_once(
    store: SqlStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first attempt left nothing."""
    harm(path, DAMAGE["head"])
    store.add([record("Zephyrine is there too.")], vectors(1, seed=2))
    assert mends(caplog) == 1
    assert sorted(found(store)) == ["Zephyrine is here.", "Zephyrine is there too."]


def test_of_many_that_meet_damage_one_mends(
    store: SqlStore, path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others wait, and go on with what it made."""
    stores = [store, *(SqlStore.open(sqlite_url(path)) for _ in range(3))]
    together, find = Barrier(len(stores)), words.find
    harm(path, DAMAGE["head"])
    failed: set[int] = set()

    def at_once(connection: Connection, *args: object) -> list[tuple[str, float]]:
        try:
            return find(connection, *args)  # type: ignore[arg-type]
        finally:
            if id(connection.engine) not in failed:
                failed.add(id(connection.engine))
                together.wait(30)

    monkeypatch.setattr(words, "find", at_once)
    with ThreadPoolExecutor(len(stores)) as pool:
        assert list(pool.map(found, stores)) == [["Zephyrine is here."]] * len(stores)
    assert 1 <= mends(caplog) < len(stores)
    for other in stores[1:]:
        other.close()


def test_a_mending_that_is_cut_off_leaves_all_as_it_was(
    store: SqlStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is kept, and the next one mends."""
    harm(path, DAMAGE["head"])
    make = words.make_anew

    def killed(connection: Connection) -> None:
        make(connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(words, "make_anew", killed)
        with pytest.raises(KeyboardInterrupt):
            found(store)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT block FROM words_data WHERE id = 10").fetchone() == (b"\xff" * 8,)
    assert found(store) == ["Zephyrine is here."]


def test_pages_of_the_file_that_are_damaged_are_said(store: SqlStore, path: Path) -> None:
    """The index cannot be made of rows that cannot be read."""
    harm(path, lambda d: d.execute("PRAGMA wal_checkpoint(TRUNCATE)"))
    with closing(sqlite3.connect(path)) as database:
        [root] = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 'memories'").fetchone()
        [size] = database.execute("PRAGMA page_size").fetchone()
    store.close()
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\xff" * size)
    harm(path, DAMAGE["head"])
    with pytest.raises(StoreUnavailable, match="the database file is damaged; restore a backup"):
        found(store)
