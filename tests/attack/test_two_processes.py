"""The model of all that writes, the second memory in a process of its own, and writes during erasures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test
from sqlalchemy import URL

from memory import Memory
from memory.backends.sql.database import Database
from memory.backends.sql.store import SqlStore
from memory.backends.sql.tables import metadata as tables
from memory.errors import ParametricMemoryError, StoreConflict
from memory.ports.work import Work, working
from memory.records import Message, Scope, now
from tests.attack.other_process import OtherProcess
from tests.attack.test_machine import NUMBERS, SESSIONS, SIZE, THINGS, USERS, House, Life
from tests.command import echoes

WRITES = ("add", "add messages", "append", "chat", "update", "compact", "import_", "add_skill")
ROWS = tuple(tables.tables)
LATER_MS = st.sampled_from((0, 1, 2, 4, 8, 16, 32))  # where in a write the erasure falls, and the reverse


@pytest.fixture
def house(tmp_path: Path, database_url: URL) -> Iterator[House]:
    """One memory here, and one in another process, on the same home and database."""
    late, url = [timedelta(0)], database_url.render_as_string(hide_password=False)

    def clock() -> datetime:
        return now() + late[0]

    store, home, database = (
        SqlStore.open(database_url, clock=clock),
        tmp_path / "home",
        Database(database_url),
    )
    with Memory(home=home, database_url=url, store=store, **echoes()) as here:
        other = OtherProcess(home, url, late)
        yield House((here, other), database, late)
        other.close()
    database.close()


A_WRITE = {
    "user": st.sampled_from(USERS),
    "session": st.sampled_from(SESSIONS[:2]),
    "thing": st.sampled_from(THINGS),
    "verb": st.sampled_from(WRITES),
    "later": LATER_MS,
}


class TwoProcesses(Life):
    """The same steps, and an erasure in one process while the other is in the middle of a write."""

    @property
    def other(self) -> OtherProcess:
        other = self.house.sides[1]
        assert isinstance(other, OtherProcess)
        return other

    def write(
        self, verb: str, user: str, session: str, thing: str
    ) -> tuple[str, tuple[Any, ...], dict[str, Any]]:
        """A call that says a new word, or repeats those that are there."""
        whose = self.whose(user, session)
        if verb == "import_":
            path = self.house.home.parent / f"{next(NUMBERS)}.zip"
            self.house.sides[0].export(path, tenant_id=self.tenant)
            return verb, (path,), {"tenant_id": self.tenant}
        if verb == "compact":
            return verb, (), {"min_adapters": 2, **whose}
        said = self.said(thing, user)
        if verb == "update" and (record := self.any_of(user, len(said))) and record.kind != "skill":
            return verb, (record.id, said), {"tenant_id": self.tenant}
        if verb == "add messages":
            return "add", ([Message("user", said)],), whose
        if verb == "append":
            return verb, (Message("user", said),), whose
        if verb == "add_skill":
            return verb, (said,), {"pinned": False, **whose}
        return ("chat" if verb == "chat" else "add"), (said,), whose

    def begun(self, user: str, session: str) -> Work:
        return self.house.sides[0].begin(Scope(user, None, session, self.tenant))

    @rule(**A_WRITE)
    def erase_while_the_other_writes(
        self, user: str, session: str, thing: str, verb: str, later: int
    ) -> None:
        """With the receipt no row has a word, whatever goes on there; no file has one once that has ended."""
        name, given, named = self.write(verb, user, session, thing)
        those, erased = [told for told in self.told if told.user == user], False
        work = self.begun(user, session)
        with (
            suppress(ParametricMemoryError),
            self.other.at_the_same_time(work, name, *given, **named),
        ):
            time.sleep(later / 1000)
            with suppress(StoreConflict):
                self.house.sides[0].forget(**self.whose(user))
                erased = True
                self.check_rows(user)
        if erased:
            self.check_gone(those, names=(user,))

    @rule(**A_WRITE)
    def write_while_the_other_erases(
        self, user: str, session: str, thing: str, verb: str, later: int
    ) -> None:
        """The same, with the receipt given there."""
        name, given, named = self.write(verb, user, session, thing)
        those, work = [told for told in self.told if told.user == user], self.begun(user, session)
        with suppress(StoreConflict):
            with self.other.at_the_same_time(None, "forget", **self.whose(user)):
                time.sleep(later / 1000)
                with suppress(ParametricMemoryError), working(work):
                    getattr(self.house.sides[0], name)(*given, **named)
            self.check_gone(those, names=(user,))

    @precondition(lambda _: SIZE > 1)
    @rule(
        user=st.sampled_from(USERS),
        session=st.sampled_from(SESSIONS[:2]),
        verb=st.sampled_from(WRITES),
        later=LATER_MS,
    )
    def kill_the_other(self, user: str, session: str, verb: str, later: int) -> None:
        self.check_killed(user, session, verb, later)

    def check_killed(self, user: str, session: str, verb: str, later: int) -> None:
        """In the middle of a write: an erasure by whatever is started in its place leaves nothing of it."""
        name, given, named = self.write(verb, user, session, "boat")
        those = [told for told in self.told if told.user == user]
        self.other.kill_during(later / 1000, self.begun(user, session), name, *given, **named)
        self.other.forget(**self.whose(user))
        self.check_gone(those, names=(user,))

    def check_rows(self, user: str) -> None:
        """Nothing of the person in the database."""
        assert not self.left({told.word for told in self.told if told.user == user}, ROWS)
        assert not [where for where, said in self.everything(ROWS) if f"'{user}'" in said]


def test_no_erased_word_comes_back_from_another_process(house: House) -> None:
    """Whatever is interleaved with an erasure, and whatever goes on during one."""
    TwoProcesses.house = house
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        TwoProcesses,
        settings=settings(
            max_examples=4 * SIZE,
            stateful_step_count=25,
            deadline=None,
            database=None,
            derandomize=SIZE == 1,
            phases=(Phase.generate,),  # what depends on the moment is not made smaller
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("verb", ["add", "chat"])
def test_a_process_that_is_killed_leaves_nothing_to_the_next_erasure(house: House, verb: str) -> None:
    """In the middle of a write, at several moments: what is started in its place finds what it left."""
    TwoProcesses.house = house
    life = TwoProcesses()
    life.begin()
    for later in (3, 12):
        life.check_killed("user-ana", "monday", verb, later)
    life.teardown()


def test_a_reply_that_a_killed_process_streamed_is_at_its_end(house: House) -> None:
    """What is begun in a process goes with it, and what another streams since is not taken for its rest."""
    other = house.sides[1]
    assert isinstance(other, OtherProcess)
    whose: dict[str, Any] = {"user_id": "user-ana", "tenant_id": "acme"}
    begun = other.chat_stream("What is my dog called?", **whose)
    assert next(begun, None) is not None
    other.kill_during(0, house.sides[0].begin(Scope("user-ana", None, None, "acme")), "add", "x", **whose)
    since = other.chat_stream("What is my cat called?", **whose)
    assert next(since, None) is not None
    assert [*begun] == []
    assert [*since]
