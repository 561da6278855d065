"""Erased means erased while things run: what began before an erasure brings nothing back after it."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, select, text

from memory import Memory
from memory.backends.sql.database import Database
from memory.backends.sql.store import SqlStore
from memory.backends.sql.tables import metadata as tables
from memory.errors import BlobError, Conflict, Erased, NotFound, ParametricMemoryError, StoreConflict
from memory.fakes import EchoGenerator, EchoInternalizer, WordEmbedder
from memory.ports.work import Work, working
from memory.records import Message, Scope, now
from memory.server import worker
from memory.server.idempotency import Idempotency
from memory.server.jobs import Jobs
from memory.upkeep.exports import Exports
from tests.api.conftest import MakeApi

WORD = "Biscuit"
TOLD = f"My dog is called {WORD}."
ANA = Scope(user_id="ana")
SIZE = int(os.environ.get("ATTACK_SIZE", "1"))  # `make attack` tries a larger one


class Halting(EchoGenerator):
    """Answers, and stops before the end until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def stream(self, request: Any) -> Any:
        generation = super().stream(request)
        self.reached.set()
        assert self.go_on.wait(20)
        return generation


@pytest.fixture
def open_memory(tmp_path: Path, database_url: URL) -> Iterator[Callable[..., Memory]]:
    """Opens the same home and database again and again, as other processes would."""
    opened: list[Memory] = []

    def open_(**given: Any) -> Memory:
        fixed = {"embedder": WordEmbedder(), "internalizer": EchoInternalizer(), "generator": EchoGenerator()}
        url = database_url.render_as_string(hide_password=False)
        opened.append(Memory(home=tmp_path / "home", database_url=url, **{**fixed, **given}))
        return opened[-1]

    yield open_
    for memory in opened:
        memory.close()


def assert_gone(memory: Memory, url: URL, word: str = WORD, user: str = "ana") -> None:
    """No word in any row or file, and nobody's name in what a server keeps."""
    database = Database(url)
    with database.read() as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)).all():
                assert word not in repr(row), table.name
                assert f"'{user}'" not in repr(row), table.name
    if database.is_sqlite:
        database.scrub()
        with database.read() as connection:
            found = connection.execute(
                text("SELECT count(*) FROM words WHERE word LIKE :w"), {"w": f"%{word.lower()}%"}
            )
            assert found.scalar() == 0
    database.close()
    adapters = [EchoBits.read(path) for path in memory.settings.home.rglob("*") if path.is_file()]
    assert not [said for said in adapters if word in said]


class EchoBits:
    """What an echo adapter's file says."""

    @staticmethod
    def read(path: Path) -> str:
        from hypernet.lora.adapter import LoRA
        from memory.fakes.models import passages_in

        with suppress(ValueError):
            return "\n".join(passages_in(LoRA.from_bytes(path.read_bytes())))
        return path.read_bytes().decode("latin-1")


def test_a_chat_in_flight_leaves_nothing(open_memory: Callable[..., Memory], database_url: URL) -> None:
    """Neither its turns nor what its message told, and its reply is not given; told anew, all works."""
    generator = Halting()
    server, other = open_memory(generator=generator), open_memory()
    server.add(TOLD, user_id="ana")
    with ThreadPoolExecutor(1) as pool:
        chat = pool.submit(server.chat, "What is my dog called? I like Porto.", user_id="ana", session_id="s")
        assert generator.reached.wait(20)
        other.forget(user_id="ana")
        generator.go_on.set()
        with pytest.raises(Erased):
            chat.result(20)
    assert other.turns(user_id="ana", session_id="s") == []
    assert_gone(other, database_url)
    other.add(TOLD, user_id="ana")
    assert WORD in server.ask("What is my dog called?", user_id="ana").text


def test_erasing_one_session_ends_a_chat_of_another_that_may_repeat_it(
    open_memory: Callable[..., Memory],
) -> None:
    """A reply recalls from all sessions; what is erased of one must not come back as a turn of another."""
    generator = Halting()
    server, other = open_memory(generator=generator), open_memory()
    server.add(TOLD, user_id="ana", session_id="old")
    with ThreadPoolExecutor(1) as pool:
        chat = pool.submit(server.chat, "What is my dog called?", user_id="ana", session_id="new")
        assert generator.reached.wait(20)
        other.forget(user_id="ana", session_id="old")
        generator.go_on.set()
        with pytest.raises(Erased):
            chat.result(20)
    assert other.turns(user_id="ana", session_id="new") == []


@pytest.mark.parametrize("how", ["user", "document", "metadata", "memory"])
def test_an_import_brings_nothing_back_that_is_erased_while_it_runs(
    open_memory: Callable[..., Memory], tmp_path: Path, how: str
) -> None:
    """A tenant-wide archive that names somebody: all others are imported, the erased is not."""
    memory = open_memory()
    memory.add("My cat is called Onyx.", user_id="ben")
    [record] = memory.add(TOLD, user_id="ana", document_id="d", metadata={"topic": "dogs"})
    memory.add([Message("user", TOLD)], user_id="ana", session_id="s")
    memory.export(tmp_path / "all.zip", tenant_id="default")
    begun = memory.begin(Scope())
    forget: dict[str, Callable[[], object]] = {
        "user": lambda: memory.forget(user_id="ana"),
        "document": lambda: memory.forget(document_id="d"),
        "metadata": lambda: memory.forget(metadata={"topic": "dogs"}, user_id="ana"),
        "memory": lambda: memory.delete(record.id),
    }
    forget[how]()
    with working(begun):
        memory.import_(tmp_path / "all.zip")
    left = [r.text for r in memory.list(user_id="ana").records if r.document_id == "d"]
    assert left == []
    if how == "user":
        assert memory.list(user_id="ana").records == ()
        assert memory.turns(user_id="ana", session_id="s") == []
    assert [r.text for r in memory.list(user_id="ben").records] == ["My cat is called Onyx."]
    memory.import_(tmp_path / "all.zip")  # asked for after the erasure: that is another matter
    assert record.id in {r.id for r in memory.list(user_id="ana").records}


def test_what_is_told_in_work_that_began_before_is_refused_and_its_blobs_go(
    open_memory: Callable[..., Memory], database_url: URL
) -> None:
    """A job or request that was under way: no row, no turn, no file."""
    memory = open_memory()
    begun = memory.begin(ANA)
    memory.forget(user_id="ana")
    with working(begun):
        for call in (
            lambda: memory.add(TOLD, user_id="ana"),
            lambda: memory.add([Message("user", TOLD)], user_id="ana", session_id="s"),
            lambda: memory.append({"role": "user", "content": TOLD}, user_id="ana", session_id="s"),
        ):
            with pytest.raises(Erased):
                call()
    assert_gone(memory, database_url)


def test_replaced_for_good_is_gone_from_archives_and_imports(
    open_memory: Callable[..., Memory], tmp_path: Path, database_url: URL
) -> None:
    """`keep_past=False`: no archive of a server keeps it, and no import under way brings it back."""
    memory = open_memory()
    [record] = memory.add(TOLD, user_id="ana")
    memory.export(tmp_path / "all.zip", user_id="ana")
    folder = Exports(memory.settings.exports_folder).of("default")
    folder.mkdir(parents=True)
    (folder / "job.zip").write_bytes((tmp_path / "all.zip").read_bytes())
    begun = memory.begin(Scope())
    memory.update(record.id, "My dog is called Rex.", keep_past=False)
    assert not folder.exists()
    memory.delete(record.id)
    with working(begun):
        memory.import_(tmp_path / "all.zip")
    assert_gone(memory, database_url, user="nobody")


def test_an_export_under_way_keeps_nothing_of_what_is_erased(
    open_memory: Callable[..., Memory], tmp_path: Path
) -> None:
    """It fails, and leaves no file."""
    memory = open_memory()
    for n in range(3):
        memory.add(f"{TOLD} {n}", user_id="ana", session_id=str(n))
    with pytest.raises(Erased):
        memory.export(
            tmp_path / "a.zip",
            tenant_id="default",
            progress=lambda done, _: memory.forget(user_id="ana") and None if done == 1 else None,
        )
    assert list(tmp_path.glob("*.zip")) == []


def test_the_command_beside_a_server_reaches_its_jobs_and_answers(
    open_memory: Callable[..., Memory], database: Database, database_url: URL
) -> None:
    """Payloads, answers, names and keys of the person go in the erasure's own transaction, whoever asks."""
    memory = open_memory()
    jobs, answers = Jobs(database), Idempotency(database)
    jobs.submit("default", "add", {"text": TOLD}, user_id="ana")
    running = jobs.claim("w", 60.0)
    queued = jobs.submit("default", "add", {"text": TOLD}, user_id="ana", idempotency_key="of ana")
    assert running is not None
    for key, state in (("done", 200), ("running", None)):
        assert answers.begin("default", key, "f", scope=ANA) is None
        if state:
            answers.finish("default", key, state, TOLD)
    memory.forget(user_id="ana")
    answers.finish("default", "running", 200, TOLD)
    for key in ("done", "running"):
        found = answers.begin("default", key, "f", scope=ANA)
        assert found is not None
        assert found.body is None
    states = {jobs.get("default", job.id).state for job in (queued, running)}
    assert states == {"cancelled", "running"}
    assert jobs.fail(running, "no").state == "cancelled"
    with pytest.raises(Conflict), working(Work("default", 0)):
        jobs.submit("default", "add", {"text": TOLD}, user_id="ana")
    assert_gone(memory, database_url)


def test_what_has_expired_is_erased_when_a_memory_opens_and_by_a_sweep(
    open_memory: Callable[..., Memory], database_url: URL
) -> None:
    """Not only unseen: rows and adapters go."""
    memory = open_memory()
    memory.add(TOLD, user_id="ana", expires_at=now() + timedelta(hours=1))
    store = SqlStore.open(database_url, clock=lambda: now() + timedelta(hours=2))
    again = open_memory(store=store)
    database = Database(database_url)
    with database.read() as connection:
        for name in ("memories", "retired"):
            assert connection.execute(select(tables.tables[name])).all() == []
    database.close()
    assert not [
        p for p in again.settings.adapter_folder.rglob("*") if p.is_file() and WORD in EchoBits.read(p)
    ]
    assert again.expire() == 0


def test_what_expires_in_a_running_server_is_erased_within_a_minute(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody asks for anything meanwhile; and one tenant whose files fail holds up no other."""
    assert worker._SWEEP_EVERY_S + worker._LOOK_EVERY_S <= 60
    monkeypatch.setattr(worker, "_SWEEP_EVERY_S", 0.1)
    api = make_api()
    soon = (now() + timedelta(hours=1)).isoformat()
    for who in ("acme", "globex"):
        api.add(TOLD, who=who, expires_at=soon)
    blobs, store = api.parts.memory._backends.blobs, api.parts.memory._backends.store
    delete = blobs.delete

    def failing(tenant_id: str, digest: str) -> None:
        if tenant_id == "acme":
            raise BlobError("the store is away")
        delete(tenant_id, digest)

    def kept() -> tuple[int, int]:
        """Rows and files."""
        with api.parts.database.read() as connection:
            rows = connection.execute(select(tables.tables["memories"].c.id)).all()
        folder = api.parts.memory.settings.adapter_folder
        return len(rows), len([path for path in folder.rglob("*") if path.is_file()])

    assert kept() == (2, 2)
    monkeypatch.setattr(blobs, "delete", failing)
    monkeypatch.setattr(store, "_clock", lambda: now() + timedelta(hours=2))
    until = time.monotonic() + 60
    while kept() != (0, 1) and time.monotonic() < until:
        time.sleep(0.05)
    assert kept() == (0, 1)


@pytest.mark.parametrize("seed", range(2 * SIZE))
def test_interleaved_at_random_nothing_erased_comes_back(
    open_memory: Callable[..., Memory], database_url: URL, tmp_path: Path, seed: int
) -> None:
    """Two memories on one database: threads tell, chat, change, compact, import, export, and others forget.

    Each telling has a word of its own. After a receipt, no word that was told before the erasure began is
    in any row, file or answer.
    """
    draw = random.Random(seed)
    sides = [open_memory(), open_memory()]
    archive = tmp_path / "all.zip"
    sides[0].add("My cat is called Onyx.", user_id="ben")
    for user in ("ana", "eve"):
        sides[0].add(f"My dog is called Begun{user}.", user_id=user, session_id="s")
    sides[0].export(archive, tenant_id="default")
    stop, lock, told = threading.Event(), threading.Lock(), {"ana": ["Begunana"], "eve": ["Beguneve"]}
    numbers = iter(range(100_000))

    def say(user: str) -> str:
        with lock:
            word = f"W{next(numbers)}x"
            told[user].append(word)
        return f"My {draw.choice(['dog', 'boat', 'car'])} is called {word}."

    def act(side: Memory, user: str) -> None:
        whose = {"user_id": user, "session_id": draw.choice(["s", "t"])}
        kind = draw.randrange(7)
        if kind < 2:
            side.add(say(user), **whose)
        elif kind == 2:
            side.chat(say(user), **whose)
        elif kind == 3:
            side.compact(user_id=user, min_adapters=2)
        elif kind == 4:
            side.import_(archive)
        elif kind == 5:
            side.export(tmp_path / f"{threading.get_ident()}.out", user_id=user)
        else:
            records = side.list(user_id=user).records
            if records:
                side.update(records[0].id, say(user), keep_past=draw.random() < 0.5)

    def busy(side: Memory) -> None:
        while not stop.is_set():
            with suppress(ParametricMemoryError):
                act(side, draw.choice(["ana", "eve"]))

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(busy, side) for side in (*sides, sides[0])]
        for n in range(4):
            stop.wait(0.3)
            with lock:
                before = list(told["ana"])
            with suppress(StoreConflict, NotFound):
                sides[n % 2].forget(user_id="ana")
                check_words(database_url, [word for word in before if word != "Begunana"])
        stop.set()
        for one in running:
            one.result(60)
    for side in sides:
        side.forget(user_id="ana")
    database = Database(database_url)
    with database.read() as connection:
        rows = [repr(row) for table in tables.sorted_tables for row in connection.execute(select(table))]
    database.close()
    said = [EchoBits.read(p) for p in sides[0].settings.adapter_folder.rglob("*") if p.is_file()]
    for word in told["ana"]:
        assert not [row for row in rows if word in row]
        assert not [text for text in said if word in text]


def check_words(url: URL, words: list[str]) -> None:
    """None of the words is in any row."""
    database = Database(url)
    with database.read() as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)):
                found = [word for word in words if word in repr(row)]
                assert not found, (table.name, found)
    database.close()


def test_another_process_brings_nothing_back(
    open_memory: Callable[..., Memory], tmp_path: Path, database_url: URL
) -> None:
    """It tells and chats without end: what it had stored when an erasure began is gone with the receipt."""
    memory = open_memory()
    url = database_url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.attack.busy_process", str(tmp_path / "home"), url]
    stored: list[str] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        reading = threading.Thread(target=lambda: stored.extend(line.strip() for line in other.stdout or ()))
        reading.start()
        try:
            for _ in range(SIZE * 3):
                before, until = len(stored), time.monotonic() + 60
                while len(stored) < before + 4 and time.monotonic() < until:
                    time.sleep(0.01)
                assert len(stored) >= before + 4
                words = [*stored]
                with suppress(StoreConflict):
                    memory.forget(user_id="ana")
                    check_words(database_url, words)
        finally:
            other.stdin.close()
            reading.join(60)
    memory.forget(user_id="ana")
    assert_gone(memory, database_url, stored[-1])
