"""A model of all that writes, against erasures at any moment: after the receipt no word is left.

What takes a while is begun in one step and ended in a later one, so that erasures come between: chats,
imports, jobs, requests, exports, compactions. Two memories on one database stand for two processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import URL, select, text

from memory import Memory
from memory.backends.sql.database import Database
from memory.backends.sql.store import SqlStore
from memory.backends.sql.tables import metadata as tables
from memory.errors import Conflict, NotFound, ParametricMemoryError, StoreConflict
from memory.fakes import EchoGenerator, EchoInternalizer, EchoSkills, WordEmbedder
from memory.ports.work import Work, working
from memory.records import MemoryRecord, Message, Scope, now
from memory.server.idempotency import Idempotency
from memory.server.job_rows import Job
from memory.server.jobs import Jobs
from memory.upkeep.exports import Exports
from tests.attack.test_erasure import EchoBits

SIZE = int(os.environ.get("ATTACK_SIZE", "1"))
USERS = ("user-ana", "user-eve")
SESSIONS = ("monday", "tuesday", None)
THINGS = ("dog", "boat", "car", "garden")
NARROW = ("memories", "retired")  # what deleting one memory, document or topic clears; turns keep their words
NUMBERS = count(1)


@dataclass(frozen=True)
class House:
    """Two memories on one database, and the tables of a server; each run of the model has its own tenant."""

    sides: tuple[Memory, Memory]
    database: Database
    late: list[timedelta]  # what the clocks of the stores are ahead

    @property
    def home(self) -> Path:
        return self.sides[0].settings.home


@pytest.fixture
def house(tmp_path: Path, database_url: URL) -> Iterator[House]:
    late = [timedelta(0)]
    url = database_url.render_as_string(hide_password=False)

    def clock() -> datetime:
        return now() + late[0]

    def opened() -> Memory:
        parts = {"embedder": WordEmbedder(), "internalizer": EchoInternalizer(), "generator": EchoGenerator()}
        store = SqlStore.open(database_url, clock=clock)
        return Memory(home=tmp_path / "home", database_url=url, store=store, skills=EchoSkills(), **parts)

    with opened() as first, opened() as second:
        database = Database(database_url)
        yield House((first, second), database, late)
        database.close()


@dataclass(frozen=True)
class Told:
    """A word, and where it was told."""

    word: str
    user: str
    text: str
    document: str | None = None
    topic: str | None = None


class Life(RuleBasedStateMachine):
    """The steps. A word belongs to one telling; what is under way ends in a step of its own."""

    house: House

    @initialize()
    def begin(self) -> None:
        self.tenant = f"tenant-{next(NUMBERS)}"
        self.told: list[Told] = []
        self.under_way: list[Callable[[], object]] = []
        self.house.late[0] = timedelta(0)
        self.jobs, self.answers = Jobs(self.house.database), Idempotency(self.house.database)
        self.memory.add("My cat is called Onyx.", tenant_id=self.tenant, user_id="user-ben")

    @property
    def memory(self) -> Memory:
        """One of the two, in turn."""
        return self.house.sides[next(NUMBERS) % 2]

    def whose(self, user: str, session: str | None = None) -> dict[str, Any]:
        return {"tenant_id": self.tenant, "user_id": user, "session_id": session}

    def said(self, thing: str, user: str, **more: Any) -> str:
        """A new sentence, with a word that no other has."""
        word = f"W{next(NUMBERS)}x"
        self.told.append(Told(word, user, f"My {thing} is called {word}.", **more))
        return self.told[-1].text

    # -- what is told, and changed, at once

    @rule(user=st.sampled_from(USERS), session=st.sampled_from(SESSIONS), thing=st.sampled_from(THINGS))
    def tell(self, user: str, session: str | None, thing: str) -> None:
        with suppress(StoreConflict):
            self.memory.add(self.said(thing, user), **self.whose(user, session))

    @rule(
        user=st.sampled_from(USERS), document=st.sampled_from(("d", "e")), topic=st.sampled_from(("t", "u"))
    )
    def tell_a_document(self, user: str, document: str, topic: str) -> None:
        said = self.said("garden", user, document=document, topic=topic)
        given = {"document_id": document, "metadata": {"topic": topic}}
        self.memory.add(said, **given, **self.whose(user))

    @rule(user=st.sampled_from(USERS), session=st.sampled_from(SESSIONS[:2]), thing=st.sampled_from(THINGS))
    def go_on(self, user: str, session: str, thing: str) -> None:
        self.memory.append(Message("user", self.said(thing, user)), **self.whose(user, session))

    @rule(user=st.sampled_from(USERS), session=st.sampled_from(SESSIONS), thing=st.sampled_from(THINGS))
    def chat(self, user: str, session: str | None, thing: str) -> None:
        self.memory.chat(self.said(thing, user), **self.whose(user, session))
        self.memory.chat(f"What is my {thing} called?", **self.whose(user, session))

    @rule(user=st.sampled_from(USERS), thing=st.sampled_from(THINGS), minutes=st.sampled_from((1, 60)))
    def tell_for_a_while(self, user: str, thing: str, minutes: int) -> None:
        until = now() + self.house.late[0] + timedelta(minutes=minutes)
        self.memory.add(self.said(thing, user), expires_at=until, **self.whose(user))

    @rule(user=st.sampled_from(USERS))
    def teach(self, user: str) -> None:
        word = f"W{next(NUMBERS)}x"
        self.told.append(Told(word, user, f"Answer like {word}."))
        self.memory.add_skill(self.told[-1].text, pinned=False, **self.whose(user))

    @rule(user=st.sampled_from(USERS), thing=st.sampled_from(THINGS), place=st.integers(0, 5))
    def change(self, user: str, thing: str, place: int) -> None:
        with suppress(NotFound, StoreConflict):
            if (record := self.any_of(user, place)) and record.kind != "skill":
                self.memory.update(record.id, self.said(thing, user), tenant_id=self.tenant)

    @rule(user=st.sampled_from(USERS), place=st.integers(0, 5))
    def describe(self, user: str, place: int) -> None:
        if record := self.any_of(user, place):
            self.memory.update(record.id, metadata={"seen": True}, pinned=True, tenant_id=self.tenant)

    @rule(user=st.sampled_from(USERS))
    def compact(self, user: str) -> None:
        self.memory.compact(min_adapters=2, **self.whose(user))

    # -- what is begun in one step, and ended in a later one

    @rule(user=st.sampled_from(USERS), session=st.sampled_from(SESSIONS), thing=st.sampled_from(THINGS))
    def begin_a_chat(self, user: str, session: str | None, thing: str) -> None:
        said = f"{self.said(thing, user)} What is my {thing} called?"
        pieces = self.memory.chat_stream(said, **self.whose(user, session))
        with suppress(StopIteration):
            next(pieces)
        self.under_way.append(lambda: [*pieces])

    @rule(user=st.sampled_from(USERS), session=st.sampled_from(SESSIONS), thing=st.sampled_from(THINGS))
    def begin_a_request(self, user: str, session: str | None, thing: str) -> None:
        """Its answer is kept under an idempotency key."""
        scope, key, memory = Scope(user, None, session, self.tenant), f"key-{next(NUMBERS)}", self.memory
        said, work = self.said(thing, user), memory.begin(scope)
        with suppress(Conflict):
            self.answers.begin(self.tenant, key, "f", scope=scope)

        def end() -> None:
            with working(work):
                try:
                    memory.add([Message("user", said)], **self.whose(user, session))
                finally:
                    self.answers.finish(self.tenant, key, 201, said)

        self.under_way.append(end)

    @rule(user=st.sampled_from(USERS), thing=st.sampled_from(THINGS))
    def queue_a_job(self, user: str, thing: str) -> None:
        key = f"{user}-{next(NUMBERS)}"
        given = {"text": self.said(thing, user)}
        job = self.jobs.submit(self.tenant, "add", given, user_id=user, idempotency_key=key)
        assert job.state == "queued"
        self.under_way.append(self.claim)

    def claim(self) -> None:
        """Claim a job, if nothing took it away; it ends in a later step."""
        claimed = self.jobs.claim("w", 60.0)
        if claimed is not None and claimed.payload is not None:
            self.under_way.append(lambda: self.run(claimed))

    def run(self, job: Job) -> None:
        assert job.payload is not None
        try:
            with working(Work(self.tenant, job.since)):
                added = self.memory.add(job.payload["text"], **self.whose(str(job.scope.user_id)))
        except ParametricMemoryError as error:
            self.jobs.fail(job, str(error), again=False)
        else:
            self.jobs.finish(job, {"ids": [record.id for record in added]})

    @rule()
    def begin_an_import(self) -> None:
        """Of all that is there now, from an archive of the caller's own."""
        memory, path = self.memory, self.house.home.parent / f"{next(NUMBERS)}.zip"
        memory.export(path, tenant_id=self.tenant)
        work = memory.begin(Scope(tenant_id=self.tenant))

        def end() -> None:
            with working(work):
                memory.import_(path, tenant_id=self.tenant)

        self.under_way.append(end)

    @rule()
    def keep_an_export(self) -> None:
        """As a server does, to be fetched within a day."""
        self.memory.export(self.archive(), tenant_id=self.tenant)

    def archive(self) -> Path:
        """Where the next one is to be."""
        self.archives.mkdir(parents=True, exist_ok=True)
        return self.archives / f"{next(NUMBERS)}.zip"

    @property
    def archives(self) -> Path:
        return Exports(self.house.sides[0].settings.exports_folder).of(self.tenant)

    @precondition(lambda self: self.under_way)
    @rule(place=st.integers(0, 9))
    def end_something(self, place: int) -> None:
        end = self.under_way.pop(place % len(self.under_way))
        with suppress(ParametricMemoryError):
            end()

    # -- erasures

    @rule(user=st.sampled_from(USERS))
    def forget_a_user(self, user: str) -> None:
        self.memory.forget(**self.whose(user))
        self.check_gone([told for told in self.told if told.user == user], names=(user,))

    @rule(user=st.sampled_from(USERS), step=st.sampled_from(("export", "compact")))
    def forget_a_user_meanwhile(self, user: str, step: str) -> None:
        """In the middle of an export or a compaction by the other process."""
        memory, other = self.memory, self.memory
        asked: list[None] = []

        def progress(*_: object) -> None:
            if not asked:
                asked.append(None)
                other.forget(**self.whose(user))

        with suppress(ParametricMemoryError):
            if step == "export":
                memory.export(self.archive(), tenant_id=self.tenant, progress=progress)
            else:
                memory.compact(min_adapters=2, progress=progress, **self.whose(user))
        if asked:
            self.check_gone([told for told in self.told if told.user == user], names=(user,))

    @rule(user=st.sampled_from(USERS), place=st.integers(0, 20))
    def tell_again(self, user: str, place: int) -> None:
        """What was told before, and may have been replaced since."""
        if texts := [told.text for told in self.told if told.user == user and "called" in told.text]:
            self.memory.add(texts[place % len(texts)], **self.whose(user))

    @rule(user=st.sampled_from(USERS), thing=st.sampled_from(THINGS))
    def change_ones_mind_twice(self, user: str, thing: str) -> None:
        """What was so once is so again: its former version is held by no memory."""
        first, second = self.said(thing, user), self.said(thing, user)
        for said in (first, second, first):
            with suppress(StoreConflict):
                self.memory.add(said, **self.whose(user))

    @rule(user=st.sampled_from(USERS), document=st.sampled_from(("d", "e")))
    def forget_a_document(self, user: str, document: str) -> None:
        self.memory.forget(document_id=document, **self.whose(user))
        those = [told for told in self.told if (told.user, told.document) == (user, document)]
        self.check_gone(those, among=NARROW)

    @rule(user=st.sampled_from(USERS), topic=st.sampled_from(("t", "u")))
    def forget_a_topic(self, user: str, topic: str) -> None:
        with self.unchanged(user, topic) as those:
            self.memory.forget(metadata={"topic": topic}, **self.whose(user))
        self.check_gone(those, among=NARROW)

    @contextmanager
    def unchanged(self, user: str, topic: str) -> Iterator[list[Told]]:
        """Words under the topic still: metadata can be replaced."""
        records = [*self.house.sides[0]._backends.store.everything(self.tenant)]
        records += self.house.sides[0]._backends.store.everything_retired(self.tenant)
        still = " ".join(record.text for record in records if record.metadata.get("topic") == topic)
        yield [told for told in self.told if told.user == user and told.word in still]

    @rule(user=st.sampled_from(USERS), place=st.integers(0, 5))
    def delete_one(self, user: str, place: int) -> None:
        if record := self.any_of(user, place):
            with suppress(StoreConflict):
                self.memory.delete(record.id, tenant_id=self.tenant)
                self.check_gone([told for told in self.told if told.word in record.text], among=NARROW)

    @rule(user=st.sampled_from(USERS), place=st.integers(0, 5), thing=st.sampled_from(THINGS))
    def replace_for_good(self, user: str, place: int, thing: str) -> None:
        record = self.any_of(user, place)
        if record is None or record.kind == "skill" or record.compacted:
            return
        with suppress(StoreConflict):
            self.memory.update(record.id, self.said(thing, user), keep_past=False, tenant_id=self.tenant)
            self.check_gone([told for told in self.told if told.word in record.text], among=NARROW)

    @rule(minutes=st.sampled_from((2, 61)))
    def time_goes_by(self, minutes: int) -> None:
        """What has expired is erased by the sweep."""
        self.house.late[0] += timedelta(minutes=minutes)
        at = now() + self.house.late[0]
        self.memory.expire()
        with self.house.database.read() as connection:
            for name in NARROW:
                table = tables.tables[name]
                left = connection.execute(select(table.c.id).where(table.c.expires_at <= at)).all()
                assert left == []

    # -- what holds then

    def any_of(self, user: str, place: int) -> MemoryRecord | None:
        records = self.memory.list(**self.whose(user)).records
        return records[place % len(records)] if records else None

    def check_gone(
        self, those: list[Told], *, names: tuple[str, ...] = (), among: tuple[str, ...] | None = None
    ) -> None:
        """No such word in a row, file or answer; and others have what is theirs."""
        words = {told.word for told in those}
        assert not self.left(words, among)
        assert not [where for where, said in self.everything(among) for name in names if f"'{name}'" in said]
        assert names == () or [*self.archives.glob("*")] == []
        for side in self.house.sides:
            assert [r.text for r in side.list(**self.whose("user-ben")).records] == ["My cat is called Onyx."]
            for told in those[:10]:
                found = side.search(f"What is called {told.word}?", **self.whose(told.user))
                assert not [hit for hit in found if told.word in hit.record.text]
        self.told = [told for told in self.told if told.word not in words or among]

    def left(self, words: set[str], among: tuple[str, ...] | None) -> list[tuple[str, str]]:
        """Where such words are, in whatever case."""
        small = {word.casefold() for word in words}
        everything = [(where, said.casefold()) for where, said in self.everything(among)] if words else []
        return [(where, word) for where, said in everything for word in small if word in said]

    def everything(self, among: tuple[str, ...] | None) -> Iterator[tuple[str, str]]:
        """All rows of the tenant and all files of the home: where, and what they say."""
        with self.house.database.read() as connection:
            for table in tables.sorted_tables:
                if "tenant_id" in table.c and (among is None or table.name in among):
                    for row in connection.execute(select(table).where(table.c.tenant_id == self.tenant)):
                        yield table.name, repr(row)
            if self.house.database.is_sqlite:
                for row in connection.execute(text("SELECT key, word FROM words")):
                    yield "words", repr(row)
        if among is None:
            for path in self.house.home.rglob("*"):
                if path.is_file() and path.suffix in (".safetensors", ".index"):
                    with suppress(FileNotFoundError):
                        yield str(path), EchoBits.read(path)

    def teardown(self) -> None:
        """What is under way ends after the tenant is erased, and leaves nothing."""
        if not hasattr(self, "tenant"):
            return
        self.house.sides[0].forget_tenant(self.tenant)
        for end in self.under_way:
            with suppress(ParametricMemoryError):
                end()
        assert not self.left({told.word for told in self.told}, None)


@pytest.mark.parametrize("compacted", [False, True])
def test_what_one_memory_superseded_is_gone_when_another_erases(house: House, compacted: bool) -> None:
    """Adapters that lost their rows: who takes them away as it writes leaves none to whoever erases."""
    here, other = house.sides
    whose: dict[str, Any] = {"tenant_id": "acme", "user_id": "ana"}
    here.add("My cat is called Onyx.", **whose)
    here.forget(**whose)  # from now on it looks for no leavings of others
    other.add("My dog is called Rex.", **whose)
    other.add("My boat is called Ada.", **whose)
    if compacted:
        assert other.compact(min_adapters=2, **whose).groups == 1
    other.add("My dog is called Bello.", **whose)
    here.forget(**whose)
    assert [*house.home.rglob("*.safetensors")] == []


def test_what_another_left_when_it_was_killed_goes_with_the_tenant(house: House) -> None:
    """A blob whose row was never committed, of whichever process."""
    here, other = house.sides
    whose: dict[str, Any] = {"tenant_id": "acme", "user_id": "ana"}
    here.add("My cat is called Onyx.", **whose)
    other._backends.blobs.put("acme", b"My dog is called Rex.")
    here.forget_tenant("acme")
    assert [*house.home.rglob("*.safetensors")] == []


def test_no_erased_word_comes_back(house: House) -> None:
    """Whatever is interleaved with an erasure."""
    Life.house = house
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Life,
        settings=settings(
            max_examples=8 * SIZE,
            stateful_step_count=30,
            deadline=None,
            database=None,
            derandomize=SIZE == 1,
            phases=(Phase.generate, Phase.shrink) if SIZE > 1 else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
