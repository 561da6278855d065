"""Writers of a file queue in the order in which they came, whichever Database they use; but not for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from sqlalchemy import URL

from memory.backends.sql.database import Database, sqlite_url
from memory.backends.sql.fair_lock import FairLock
from memory.errors import StoreBusy


def test_it_is_had_in_the_order_in_which_it_was_asked_for() -> None:
    """Nobody who comes later is first."""
    lock, had = FairLock(), list[int]()
    assert lock.acquire(0)

    def wait(n: int) -> None:
        assert lock.acquire(20)
        had.append(n)
        lock.release()

    with ThreadPoolExecutor(5) as pool:
        for n in range(5):
            pool.submit(wait, n)
            while len(lock._waiting) <= n:
                time.sleep(0.001)
        lock.release()
    assert had == [0, 1, 2, 3, 4]
    assert lock.acquire(0)


@pytest.mark.parametrize("handed", [False, True])
def test_who_was_interrupted_keeps_nothing(monkeypatch: pytest.MonkeyPatch, handed: bool) -> None:
    """Ctrl-C while waiting, or just when the lock was handed over: the next one gets it."""
    lock = FairLock()

    class Interrupted(Event):
        def wait(self, timeout: float | None = None) -> bool:  # noqa: ARG002 - Event's signature
            if handed:
                lock.release()
            raise KeyboardInterrupt

    assert lock.acquire(0)
    monkeypatch.setattr("memory.backends.sql.fair_lock.Event", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        lock.acquire(20)
    monkeypatch.undo()
    if not handed:
        lock.release()
    assert lock.acquire(0)


def test_who_gave_up_is_passed_over() -> None:
    """The lock goes to the next, or is free."""
    lock = FairLock()
    assert lock.acquire(0)
    assert not lock.acquire(0.01)
    lock.release()
    assert lock.acquire(0)


def test_writers_of_a_file_queue_whichever_way_they_opened_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """A server's memory and what stands around it each have a Database of their own."""
    url: URL = sqlite_url(tmp_path_factory.mktemp("file") / "memory.db")
    one, other = Database(url), Database(url, busy_timeout_s=0.05)
    elsewhere = Database(sqlite_url(tmp_path_factory.mktemp("file") / "memory.db"), busy_timeout_s=0.05)
    holding, done = Event(), Event()

    def hold() -> None:
        with one.write():
            holding.set()
            assert done.wait(20)

    def write(database: Database) -> Callable[[], None]:
        def call() -> None:
            with database.write():
                pass

        return call

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(hold)
        assert holding.wait(20)
        with pytest.raises(StoreBusy, match="another process is writing"):
            write(other)()
        write(elsewhere)()
        done.set()
        held.result()
    write(other)()
    for database in (one, other, elsewhere):
        database.close()
