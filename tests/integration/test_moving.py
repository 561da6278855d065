"""A memory moves to PostgreSQL and an object store, and back: whole, also where it is killed on its way."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable, Iterator
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from memory import Memory
from memory.backends.sql.database import Database, sqlite_url
from memory.backends.sql.tables import api_keys, memories, metadata
from memory.bootstrap import move
from memory.errors import InvalidInput, StoreBusy, StoreUnavailable
from memory.records import now
from memory.server.jobs import Jobs
from memory.settings import Settings
from tests.buckets import S3
from tests.command import echoes
from tests.integration import moving_process
from tests.postgres import Postgres

Where = dict[str, Any]  # settings
THINGS = ("dog", "cat", "horse", "boat", "band", "team", "shop", "river")


@pytest.fixture
def server(postgres: Postgres, s3: S3, tmp_path: Path) -> Iterator[Where]:
    """Settings of an empty database on a server, and an empty bucket."""
    url = postgres.create()
    where = url.render_as_string(hide_password=False)
    yield {"home": str(tmp_path / "server"), "database_url": where, "blobs": f"s3://{s3.create()}/adapters"}
    postgres.execute(f"DROP DATABASE {url.database} WITH (FORCE)")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Where:
    """Settings of a home in which two tenants have told something of every kind."""
    where = {"home": str(tmp_path_factory.mktemp("told") / "home")}
    with opened(where) as memory:
        for thing in THINGS:
            memory.add(f"My {thing} is called {thing.title()}.", user_id="ana", metadata={"of": [thing, 1.5]})
        memory.add("My dog is called Rex — é.", user_id="ana")  # supersedes one
        memory.chat("I was born in Porto.", user_id="ana", session_id="s")
        memory.add_skill("Answer in French.", user_id="ana")
        memory.add("My dog is called Fido.", user_id="ben", tenant_id="acme")
        [gone] = memory.add("My PIN is 4821.", user_id="ana")
        memory.delete(gone.id, user_id="ana")
        memory.chat("What is my cat called?", user_id="ana")  # counts a use
    row = {"id": "k", "tenant_id": None, "role": "admin", "name": "n", "digest": "d", "created_at": now()}
    database = Database(sqlite_url(Path(where["home"]) / "memory.db"))
    with database.write() as connection:
        connection.execute(insert(api_keys).values(row))
    database.close()
    return where


@pytest.fixture
def home(told: Where, tmp_path: Path) -> Where:
    """Settings of a copy of it."""
    return {"home": str(shutil.copytree(told["home"], tmp_path / "home"))}


def opened(where: Where) -> Memory:
    return Memory(**where, **echoes())


def moved(source: Where, target: Where, **given: Any) -> Any:
    return move(Settings.load(**source), Settings.load(**target), **given)


def database(where: Where) -> Database:
    return Database(where.get("database_url") or sqlite_url(Path(where["home"]) / "memory.db"))


def everything(where: Where) -> dict[str, list[str]]:
    """All rows of all tables, in an order of our own."""
    found = database(where)
    with found.read() as connection:
        rows = {t.name: connection.execute(t.select()).all() for t in metadata.sorted_tables}
    found.close()
    return {name: sorted(map(repr, some)) for name, some in rows.items()}


def check_answers(where: Where) -> None:
    """What was told is found by meaning and by its words, with its adapter, and in nobody else's name."""
    with opened(where) as memory:
        reply = memory.ask("What is my cat called?", user_id="ana")
        assert (reply.adapters[0].text, reply.memory_tokens) == ("My cat is called Cat.", 0)
        assert memory.search("Boat", user_id="ana")[0].record.text == "My boat is called Boat."
        [found] = memory.search("Boat", user_id="ana", filters={"of": ["boat", 1.5]})
        assert found.record.text == "My boat is called Boat."
        assert [turn.text for turn in memory.turns(user_id="ana", session_id="s")][:1] == [
            "I was born in Porto."
        ]
        assert (
            memory.ask("What is my dog called?", user_id="ben", tenant_id="acme")
            .adapters[0]
            .text.endswith("Fido.")
        )
        assert memory.search("cat", user_id="ben", tenant_id="acme")[0].record.text.endswith("Fido.")


def test_a_home_moves_to_a_server_and_back(home: Where, server: Where, tmp_path: Path) -> None:
    """Every row and every adapter, counted; there it answers, and so does the home that it comes back to."""
    back = {"home": str(tmp_path / "back")}
    before = everything(home)
    seen: list[tuple[int, int]] = []
    there = moved(home, server, progress=lambda done, total: seen.append((done, total)))
    assert everything(server) == everything(home) == before
    assert dict(there.rows) == {name: len(rows) for name, rows in before.items()}
    assert (there.adapters, there.damaged) == (len(set(adapters(home))), 0)
    assert seen[-1][0] == seen[-1][1] == sum(there.rows.values()) + there.adapters
    assert not (tmp_path / "server" / "blobs").exists()
    moved(server, back)
    assert everything(back) == before
    assert files(back) == files(home)
    for where in (server, back):
        check_answers(where)


def adapters(where: Where) -> list[tuple[str, str]]:
    found = database(where)
    with found.read() as connection:
        rows = connection.execute(memories.select()).all()
    found.close()
    return [(row.tenant_id, row.digest) for row in rows]


def files(where: Where) -> list[str]:
    return sorted(path.name for path in (Path(where["home"]) / "blobs").rglob("*") if path.is_file())


STEPS = [  # all steps are below, one after the other
    ("before rows.begin", 1),
    ("after rows.begin", 1),
    ("after blobs.get", 5),
    ("after blobs.put", 4),
    ("in rows.copy", 2),
    ("late in rows.copy", 9),
    ("after rows.check", 1),
    ("after rows.end", 1),
]


@pytest.mark.parametrize(("step", "visit"), STEPS)
def test_a_move_killed_on_its_way_is_begun_again(home: Where, server: Where, step: str, visit: int) -> None:
    """Until it has ended nobody opens the target; then all is there, as it is at the source by now."""
    killed(home, server, step, visit)
    if step == "after rows.end":
        assert everything(server) == everything(home)
        return
    if step != "before rows.begin":
        with pytest.raises(StoreUnavailable, match="run `memory migrate --to` again"):
            opened(server)
    with opened(home) as memory:  # which is in use until somebody tries again
        memory.add("My car is called Comet.", user_id="ana")
        memory.forget(user_id="ben", tenant_id="acme")
        memory.update(memory.list(user_id="ana").records[-1].id, "My horse is called Vesper.", user_id="ana")
    moved(home, server)
    assert everything(server) == everything(home)
    with opened(server) as memory:
        assert memory.ask("What is my car called?", user_id="ana").text.startswith("My car is called Comet.")


ALL_STEPS = [
    *(f"{when} rows.{what}" for what in ("begin", "count", "adapters") for when in ("before", "after")),
    *(f"{when} blobs.{what}" for what in ("missing", "get", "put") for when in ("before", "after")),
    *(f"{when} rows.copy" for when in ("before", "in", "late in", "after")),
    *(f"{when} removing" for when in ("before", "after")),  # what an earlier try brought and is not so now
    *(f"{when} rows.{what}" for what in ("check", "end") for when in ("before", "after")),
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("direction", ["there", "back"])
def test_each_try_may_be_killed_a_step_later(
    home: Where, server: Where, tmp_path: Path, direction: str
) -> None:
    """Each goes on where the last one ended, though the source is written to between them; either way."""
    source, target = home, server
    if direction == "back":
        moved(home, server)
        source, target = server, {"home": str(tmp_path / "back")}
    for number, step in enumerate(ALL_STEPS):
        with opened(source) as memory:
            memory.add(f"My box {number} is called {'ABCDEFGHIJKLM'[number % 13]}{number}.", user_id="ana")
            changed = memory.list(user_id="ana").records[0]
            memory.update(changed.id, f"My horse {number} is called Vesper.", user_id="ana")
        killed(source, target, step)
        if step not in ("before rows.begin", "after rows.end"):
            with pytest.raises(StoreUnavailable, match="run `memory migrate --to` again"):
                opened(target)
    assert everything(target) == everything(source)
    check_answers(target)


def killed(source: Where, target: Where, step: str, visit: int = 1) -> None:
    """Move until the step, in a process that ends there as by `kill -9`."""
    processes = get_context("forkserver")  # each is forked off one that has imported what is needed
    processes.set_forkserver_preload(["tests.integration.moving_process"])
    process = processes.Process(target=moving_process.main, args=(source, target, step, visit))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    process.close()


def test_nobody_writes_to_what_is_being_moved(home: Where, server: Where, tmp_path: Path) -> None:
    """They may read; what they would write now would be left behind. Both ways."""
    refused = 0

    def write(where: Where) -> Callable[[int, int], None]:
        def at_work(_: int, __: int) -> None:
            nonlocal refused
            with opened({**where, "busy_timeout_s": 0.01}) as memory:
                assert memory.list(user_id="ana").records
                with pytest.raises(StoreBusy):
                    memory.add("My car is called Comet.", user_id="ana")
            refused += 1

        return at_work

    moved(home, server, progress=write(home))
    moved(server, {"home": str(tmp_path / "back")}, progress=write(server))
    assert refused > 2
    assert everything(server) == everything(home)


def test_a_target_that_holds_memories_is_refused(home: Where, tmp_path: Path) -> None:
    """Its own are never touched; nor is anything moved to where it is."""
    other = {"home": str(tmp_path / "other")}
    with opened(other) as memory:
        memory.add("My dog is called Other.", user_id="ana")
    before = everything(other)
    with pytest.raises(InvalidInput, match="name an empty database"):
        moved(home, other)
    assert everything(other) == before
    with pytest.raises(InvalidInput, match="there already"):
        moved(home, home)


def test_an_import_under_way_is_waited_for(home: Where, server: Where) -> None:
    """Its archive stays where it is, and the target would not find it."""
    found = database(home)
    queue = Jobs(found)
    job = queue.submit("acme", "import", {"archive": "a"})
    with pytest.raises(InvalidInput, match="let it end, or cancel it"):
        moved(home, server)
    queue.cancel("acme", job.id)
    queue.submit("acme", "compact", {})  # which does not hold up anything
    found.close()
    moved(home, server)
    assert everything(server) == everything(home)


def test_a_damaged_adapter_is_counted_and_made_again(home: Where, server: Where) -> None:
    """The text is there."""
    one = next(path for path in (Path(home["home"]) / "blobs").rglob("*") if path.is_file())
    one.write_bytes(b"junk")
    report = moved(home, server)
    assert report.damaged == 1
    check_answers(server)


def test_what_somebody_changed_at_the_target_is_seen(
    home: Where, server: Where, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is opened; another try puts it right."""
    from memory.backends.sql.moving import RowsMove

    copy = RowsMove.copy

    def copied(self: RowsMove, told: Callable[[int], None]) -> None:
        copy(self, told)
        found = database(server)
        with found.write() as connection:
            connection.execute(update(memories).values(text="altered"))
        found.close()

    with monkeypatch.context() as patched:
        patched.setattr(RowsMove, "copy", copied)
        with pytest.raises(StoreUnavailable, match="'memories' differs"):
            moved(home, server)
    moved(home, server)
    assert everything(server) == everything(home)


def test_adapters_stay_where_both_find_them(home: Where, server: Where) -> None:
    """A database moves alone where the adapters have one place."""
    target = {**server, "blobs": str(Path(home["home"]) / "blobs")}
    report = moved(home, target)
    assert report.adapters == 0
    check_answers(target)
