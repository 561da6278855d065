"""Servers of one PostgreSQL go by its clock, however wrong their own are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import URL

from memory import Memory
from memory.backends.sql import server_clock
from memory.backends.sql.database import Database, sqlite_url
from memory.backends.sql.store import SqlStore
from memory.errors import StoreUnavailable
from memory.records import names
from memory.server.access import Access
from memory.server.idempotency import Idempotency
from memory.server.jobs import Jobs
from tests.command import echoes
from tests.postgres import Postgres
from tests.tiny_memories import ANA, record, vectors

AHEAD = timedelta(minutes=10)


@pytest.fixture
def skew(monkeypatch: pytest.MonkeyPatch) -> list[timedelta]:
    """How far this machine's clock is wrong: change the one item."""
    wrong = [timedelta()]

    class Likewise(type):
        def __instancecheck__(cls, one: object) -> bool:
            return isinstance(one, datetime)

    class Skewed(datetime, metaclass=Likewise):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + wrong[0]  # type: ignore[arg-type]

    monkeypatch.setattr(names, "datetime", Skewed)
    return wrong


@pytest.fixture
def opened(postgres_url: URL) -> Iterator[Callable[[], Database]]:
    """Opens the database on the server; each call as another server would."""
    made: list[Database] = []

    def open_() -> Database:
        made.append(Database(postgres_url))
        return made[-1]

    yield open_
    for database in made:
        database.close()


def test_the_time_is_the_databases(opened: Callable[[], Database], skew: list[timedelta]) -> None:
    """Whatever this machine's clock says."""
    database = opened()
    skew[0] = AHEAD
    assert abs(database.now() - datetime.now(UTC)) < timedelta(seconds=30)
    assert names.now() - datetime.now(UTC) > AHEAD / 2


def test_a_files_clock_is_this_machines(tmp_path: Path, skew: list[timedelta]) -> None:
    """All who can open it are on this machine."""
    database = Database(sqlite_url(tmp_path / "memory.db"))
    skew[0] = AHEAD
    assert database.now() - datetime.now(UTC) > AHEAD / 2
    database.close()


def test_the_clock_is_read_again_and_not_at_each_use(
    opened: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is taken from the pool soon after asks nothing."""
    database = opened()
    database.now()
    first = database._clock._read  # type: ignore[union-attr]
    with database.read():
        assert database._clock._read is first  # type: ignore[union-attr]
    monkeypatch.setattr(server_clock, "EVERY_S", 0)
    with database.read():
        assert database._clock._read is not first  # type: ignore[union-attr]


def test_it_is_known_while_the_database_is_away(postgres: Postgres, opened: Callable[[], Database]) -> None:
    """Once it was read; before, the call says that the database is away."""
    known, new = opened(), opened()
    known.now()
    postgres.stop()
    try:
        assert abs(known.now() - datetime.now(UTC)) < timedelta(seconds=30)
        with pytest.raises(StoreUnavailable):
            new.now()
    finally:
        postgres.start()


def test_a_lease_is_as_long_on_servers_whose_clocks_differ(
    opened: Callable[[], Database], skew: list[timedelta]
) -> None:
    """A server that is ahead takes no job of one that works on it, and waits for none that is due."""
    here, ahead = Jobs(opened()), Jobs(opened())
    made = here.submit("acme", "note", {})
    held = here.claim("here", 60)
    assert held is not None
    assert held.id == made.id
    for wrong in (AHEAD, -AHEAD):
        skew[0] = wrong
        assert ahead.claim("there", 60) is None
        ahead.submit("acme", "note", {})
        skew[0] = timedelta()
        assert here.claim("here", 60) is not None


def test_what_expires_does_so_on_all_servers_at_once(
    opened: Callable[[], Database], skew: list[timedelta]
) -> None:
    """Memories, keys and answers; one that is ahead takes nothing away before its time."""
    store = SqlStore(opened())
    access, requests = Access(opened()), Idempotency(opened())
    access.create_tenant("acme")
    soon = datetime.now(UTC) + AHEAD / 2
    key = access.create_key("acme", "read", expires_at=soon).secret
    store.add([replace(record("tea"), expires_at=soon)], vectors(1))
    assert requests.begin("acme", "k", "f") is None
    requests.finish("acme", "k", 200, "{}")
    for wrong in (AHEAD, -AHEAD, 200 * AHEAD):
        skew[0] = wrong
        again = SqlStore(opened())
        assert [found.text for found in again.page(ANA).records] == ["tea"]
        assert again.expired() == []
        assert Access(opened()).authenticate(key).tenant_id == "acme"
        answer = Idempotency(opened()).begin("acme", "k", "f")
        assert answer is not None


def test_what_is_told_on_one_server_is_seen_on_another_at_once(
    postgres_url: URL, tmp_path: Path, skew: list[timedelta]
) -> None:
    """Also what was told anew, whichever of them is ahead."""
    where = {"database_url": postgres_url.render_as_string(hide_password=False), "blobs": str(tmp_path / "b")}
    here, there = (Memory(home=tmp_path / name, **where, **echoes()) for name in ("here", "there"))
    for wrong in (AHEAD, -AHEAD):
        skew[0] = wrong
        [told] = there.add(f"My dog is called Rex{wrong.days}.", user_id="ana")
        there.update(told.id, f"My dog is called Biscuit{wrong.days}.", user_id="ana")
        skew[0] = timedelta()
        found = here.search("dog", user_id="ana", k=1)
        assert found[0].record.text == f"My dog is called Biscuit{wrong.days}."
        assert here.ask("What is my dog called?", user_id="ana").text.endswith(f"Biscuit{wrong.days}.")
    here.close()
    there.close()
