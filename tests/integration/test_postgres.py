"""A real PostgreSQL that goes away, fills up, is locked, and is shared by several memories."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, text

from memory import Memory
from memory.backends.sql.database import Database
from memory.backends.sql.store import SqlStore
from memory.errors import DiskFull, InvalidInput, StoreBusy, StoreReadOnly, StoreUnavailable
from memory.fakes import EchoGenerator, EchoInternalizer, WordEmbedder
from memory.records import Message
from tests.postgres import Postgres
from tests.tiny_memories import ANA, record, vectors

ROOT = Path(__file__).parents[2]
DOG = "My dog is called Biscuit."
SECRET = "the treasure is under the old oak"


@pytest.fixture
def url(postgres: Postgres) -> Iterator[URL]:
    """A database of our own, to be broken."""
    made = postgres.create()
    yield made
    postgres.execute(f"DROP DATABASE {made.database} WITH (FORCE)")


@pytest.fixture
def store(url: URL) -> Iterator[SqlStore]:
    opened = SqlStore.open(url, busy_timeout_s=0.2)
    yield opened
    opened.close()


def everybody_out(postgres: Postgres, url: URL) -> None:
    """End every connection to the database, as its restart would."""
    postgres.execute(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{url.database}'"
    )


def refuse(url: URL, sqlstate: str) -> None:
    """Let the next memories be refused with what PostgreSQL says in that case."""
    function = (
        f"CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{sqlstate}', DETAIL = NEW.text; END $$"
    )
    trigger = "CREATE TRIGGER refusing BEFORE INSERT ON memories FOR EACH ROW EXECUTE FUNCTION refuse()"
    statements(url, function, "DROP TRIGGER IF EXISTS refusing ON memories", trigger)


def statements(url: URL, *said: str) -> None:
    database = Database(url)
    with database.write() as connection:
        for one in said:
            connection.execute(text(one))
    database.close()


def test_connections_lost_while_idle_are_replaced(store: SqlStore, postgres: Postgres, url: URL) -> None:
    """Nobody hears of it: the next read and the next write work."""
    store.add([record("tea")], vectors(1))
    everybody_out(postgres, url)
    assert [r.text for r in store.page(ANA).records] == ["tea"]
    everybody_out(postgres, url)
    store.add([record("milk")], vectors(1))
    assert len(store.page(ANA).records) == 2


def test_a_connection_lost_in_the_middle_of_a_write_undoes_it(
    store: SqlStore, postgres: Postgres, url: URL
) -> None:
    """The call says that it failed, nothing of it is there, and the next one works."""
    with pytest.raises(StoreUnavailable):
        store.add([record("tea")], vectors(1), before_commit=lambda: everybody_out(postgres, url))
    assert store.page(ANA).records == ()
    store.add([record("tea")], vectors(1))
    assert len(store.page(ANA).records) == 1


def test_a_server_that_was_down_is_used_again_when_it_is_back(store: SqlStore, postgres: Postgres) -> None:
    """Meanwhile every call says that the database is away; what was acknowledged is there."""
    store.add([record("tea")], vectors(1))
    postgres.stop()
    try:
        for _ in range(2):
            with pytest.raises(StoreUnavailable) as raised:
                store.page(ANA)
            assert "\n" not in str(raised.value)
    finally:
        postgres.start()
    assert [r.text for r in store.page(ANA).records] == ["tea"]
    store.add([record("milk")], vectors(1))


@pytest.mark.parametrize(
    ("sqlstate", "error"),
    [
        ("53100", DiskFull),
        ("25006", StoreReadOnly),
        ("40P01", StoreBusy),
        ("53300", StoreBusy),
        ("57P01", StoreUnavailable),
        ("08006", StoreUnavailable),
        ("XX000", StoreUnavailable),
    ],
)
def test_what_the_server_says_comes_in_our_words(
    store: SqlStore, url: URL, sqlstate: str, error: type[Exception]
) -> None:
    """On one line, without the row that was refused; when it is over, the same call works."""
    refuse(url, sqlstate)
    with pytest.raises(error) as raised:
        store.add([record(SECRET)], vectors(1))
    assert type(raised.value) is error
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert store.version("default").seq == 0
    statements(url, "DROP TRIGGER refusing ON memories")
    store.add([record(SECRET)], vectors(1))


def test_a_writer_that_waits_too_long_is_told(store: SqlStore, url: URL) -> None:
    """Of its own tenant: another tenant's writers do not wait for it, and reads go on."""
    store.add([record("tea")], vectors(1))
    other = SqlStore.open(url, busy_timeout_s=0.2)

    def meanwhile() -> None:
        with pytest.raises(StoreBusy, match="another process is writing"):
            other.add([record("coffee")], vectors(1))
        other.add([record("coffee", replace(ANA, tenant_id="other"))], vectors(1))
        assert [r.text for r in other.page(ANA).records] == ["tea"]

    store.add([record("milk")], vectors(1), before_commit=meanwhile)
    other.add([record("coffee")], vectors(1))
    assert store.version("default").seq == 3
    other.close()


def test_a_read_sees_one_moment(url: URL, store: SqlStore) -> None:
    """However many statements it has, and whoever commits between them."""
    database = Database(url)
    with database.read() as connection:
        counts = [connection.scalar(text("SELECT count(*) FROM memories"))]
        store.add([record("tea")], vectors(1))
        counts.append(connection.scalar(text("SELECT count(*) FROM memories")))
    assert counts == [0, 0]
    database.close()


def test_providers_urls_are_understood(url: URL) -> None:
    """postgres:// and postgresql:// mean the driver that comes with the package."""
    for name in ("postgres", "postgresql"):
        store = SqlStore.open(url.set(drivername=name).render_as_string(hide_password=False))
        assert store.tenants() == []
        store.close()


def test_a_name_no_database_holds_is_the_callers_mistake(store: SqlStore) -> None:
    """PostgreSQL's driver refuses it; that is no failure of the store."""
    for name in ("a\0b", "\ud800"):
        with pytest.raises(InvalidInput):
            store.get(ANA, name)


def test_full_vacuum_leaves_no_erased_text_in_the_tables(
    store: SqlStore, postgres: Postgres, url: URL
) -> None:
    """What docs/postgresql.md says: until then a dead row stays in its page, and after it does not."""

    [(number,)] = postgres.execute(f"SELECT oid FROM pg_database WHERE datname = '{url.database}'")

    def anywhere() -> bool:
        postgres.execute("CHECKPOINT")
        tables = (postgres.folder / "data" / "base" / str(number)).rglob("*")
        return any(SECRET.encode() in file.read_bytes() for file in tables if file.is_file())

    session = replace(ANA, session_id="s")
    store.add([record(SECRET, session)], vectors(1))
    store.append_turns(session, [Message("user", SECRET)])
    store.delete_where(ANA)
    assert anywhere()
    _outside_transactions(url, "VACUUM FULL memories, retired, turns")
    assert not anywhere()


def _outside_transactions(url: URL, statement: str) -> None:
    import psycopg

    with psycopg.connect(
        host=str(url.query["host"]), user="memory", dbname=url.database, autocommit=True
    ) as connection:
        connection.execute(statement)


# -- several servers on one database


def memory_on(url: URL, home: Path, **given: Any) -> Memory:
    parts = {"embedder": WordEmbedder(), "internalizer": EchoInternalizer(), "generator": EchoGenerator()}
    return Memory(
        home=home,
        database_url=url.render_as_string(hide_password=False),
        index_files=False,
        **{**parts, **given},
    )


def test_two_memories_on_one_database_see_each_others_writes(url: URL, tmp_path: Path) -> None:
    """At once and without a restart: what one adds, changes or erases, the other finds so."""
    shared = {"blobs": str(tmp_path / "adapters")}
    one, two = memory_on(url, tmp_path / "1", **shared), memory_on(url, tmp_path / "2", **shared)
    assert two.search("dog", user_id="ana") == []
    [dog] = one.add(DOG, user_id="ana")
    assert [hit.record.id for hit in two.search("dog", user_id="ana")] == [dog.id]
    assert "Biscuit" in two.chat("What is my dog called?", user_id="ana").text
    two.update(dog.id, "My dog is called Rex.", user_id="ana")
    assert "Rex" in one.ask("What is my dog called?", user_id="ana").text
    receipt = two.forget(user_id="ana")
    assert dog.id in {gone.memory_id for gone in receipt.memories}
    assert one.search("dog", user_id="ana") == []
    assert one.ask("What is my dog called?", user_id="ana").adapters == ()
    assert not [path for path in (tmp_path / "adapters").rglob("*") if path.is_file()]
    one.close()
    two.close()


def test_a_write_of_another_process_is_found(url: URL, tmp_path: Path) -> None:
    """Also when this one has searched before, and has no file to look at."""
    here = memory_on(url, tmp_path / "home")
    here.add("My cat is called Tom.", user_id="ana")
    assert len(here.search("pets", user_id="ana", k=9)) == 1
    where = (str(tmp_path / "elsewhere"), url.render_as_string(hide_password=False))
    command = [sys.executable, "-m", "tests.integration.storage_process", *where, "write", "1"]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    [added] = [hit for hit in here.search("by all", user_id="ana", k=9) if hit.record.text == "by all: 0"]
    assert here.get(added.record.id, user_id="ana") == added.record
    here.close()
