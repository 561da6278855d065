"""The index is a cache: its files speed up a start, are never trusted, and keep nothing erased."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from memory.backends.index import faiss_index
from memory.backends.index import shard_file as index_file
from memory.backends.index.faiss_index import FaissIndex
from memory.backends.index.shard import Shard
from memory.errors import DiskFull
from memory.fakes import InMemoryStore
from memory.ports import START, Changes, Version
from memory.records import Scope
from tests.tiny_memories import ANA, BEN, DIM, EMBEDDER, record, vectors


class WatchedStore(InMemoryStore):
    """Remembers from which version on it was asked for changes."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Version] = []

    def changes(self, tenant_id: str, embedder: str, since: Version = START) -> Changes:
        self.asked.append(since)
        return super().changes(tenant_id, embedder, since)


@pytest.fixture(autouse=True)
def _saves_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faiss_index, "SAVE_AFTER", 10)


@pytest.fixture
def store() -> WatchedStore:
    return WatchedStore()


def opened(store: InMemoryStore, folder: Path | None, **given: int) -> FaissIndex:
    return FaissIndex(store, embedder=EMBEDDER, dim=DIM, folder=folder, **given)


def filled(store: InMemoryStore, count: int, scope: Scope = ANA, *, seed: int = 0) -> list[str]:
    records = [record(f"{seed} {n}", scope) for n in range(count)]
    return [kept.id for kept in store.add(records, vectors(count, seed=seed))]


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_restart_reads_the_file_and_only_what_came_after(store: WatchedStore, tmp_path: Path) -> None:
    """Rows that were saved are not read from the store again."""
    filled(store, 20)
    opened(store, tmp_path).search(ANA, vectors(1), 1)
    saved = store.version("default")
    [new] = filled(store, 1, seed=1)
    store.asked.clear()
    restarted = opened(store, tmp_path)
    assert restarted.search(ANA, vectors(1, seed=1), 1)[0][0] == new
    assert store.asked == [saved]
    assert len(restarted.search(ANA, vectors(1), 30)) == 21


def test_a_search_of_what_is_current_reads_no_rows(store: WatchedStore) -> None:
    """The version is enough."""
    filled(store, 3)
    index = opened(store, None)
    for _ in range(3):
        index.search(ANA, vectors(1), 1)
    assert len(store.asked) == 1


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "foreign"])
def test_a_damaged_file_is_rebuilt_from_the_store(store: WatchedStore, tmp_path: Path, damage: str) -> None:
    """Whatever happened to it, the answers are right."""
    ids = filled(store, 20)
    opened(store, tmp_path).search(ANA, vectors(1), 1)
    [path] = files(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    contents = {"cut": data[:-100], "flipped": data, "empty": b"", "foreign": b"not an index at all"}
    path.write_bytes(contents[damage])
    store.asked.clear()
    hits = opened(store, tmp_path).search(ANA, vectors(20)[7], 1)
    assert hits[0][0] == ids[7]
    assert store.asked == [START]


def test_a_file_of_another_database_is_not_used(store: WatchedStore, tmp_path: Path) -> None:
    """As after a backup was restored, or the database begun anew: its ids are not found."""
    filled(store, 20)
    opened(store, tmp_path).search(ANA, vectors(1), 1)
    other = InMemoryStore()
    ids = filled(other, 25)
    hits = opened(other, tmp_path).search(ANA, vectors(1), 50)
    assert {memory_id for memory_id, _ in hits} == set(ids)


def test_a_file_of_another_dimension_is_not_used(tmp_path: Path) -> None:
    """It has nothing to compare with."""
    shard = Shard(8)
    index_file.save(shard, tmp_path / "x")
    assert index_file.load(tmp_path / "x", 8) is not None
    assert index_file.load(tmp_path / "x", 9) is None


def test_a_saved_shard_comes_back_whole(tmp_path: Path) -> None:
    """Vectors, ids, scopes and version; and it goes on from there."""
    scopes = (ANA, BEN, replace(ANA, session_id="s"))
    shard = Shard(DIM)
    shard.apply(Changes(Version(3, "c"), True, ("a", "b", "c"), scopes, vectors(3), ()))
    index_file.save(shard, tmp_path / "x")
    loaded = index_file.load(tmp_path / "x", DIM)
    assert loaded is not None
    loaded.apply(Changes(Version(4, "d"), False, ("d",), (Scope(user_id="cleo"),), vectors(1, seed=1), ()))
    assert (loaded.version, loaded.ids) == (Version(4, "d"), ["a", "b", "c", "d"])
    np.testing.assert_array_equal(loaded.vectors[:3], vectors(3))
    found = {name: loaded.search(Scope(user_id=name), vectors(1), 9) for name in ("ana", "ben", "cleo")}
    assert {name: {hit for hit, _ in hits} for name, hits in found.items()} == {
        "ana": {"a", "c"},
        "ben": {"b"},
        "cleo": {"d"},
    }


def test_names_are_numbered_anew_without_mixing(tmp_path: Path) -> None:
    """A user who comes after another has gone is not taken for a third."""
    shard = Shard(DIM)
    scopes = tuple(Scope(user_id=name) for name in ("ana", "ben", "cleo"))
    shard.apply(Changes(Version(3, "c"), True, ("a", "b", "c"), scopes, vectors(3), ()))
    shard.apply(Changes(Version(5, "d"), False, ("d",), (Scope(user_id="dan"),), vectors(1, seed=1), ("a",)))
    index_file.save(shard, tmp_path / "x")
    loaded = index_file.load(tmp_path / "x", DIM)
    assert loaded is not None
    changes = Changes(Version(6, "e"), False, ("e",), (Scope(user_id="eve"),), vectors(1, seed=2), ())
    for each in (shard, loaded):
        each.apply(changes)
        for name, memory_id in (("ben", "b"), ("cleo", "c"), ("dan", "d"), ("eve", "e")):
            assert [hit for hit, _ in each.search(Scope(user_id=name), vectors(1), 9)] == [memory_id]
        assert each.search(ANA, vectors(1), 9) == []


def test_nothing_erased_is_left_in_a_file(store: WatchedStore, tmp_path: Path) -> None:
    """Neither a vector nor a user's name, once the index is refreshed; also by another process."""
    filled(store, 20)
    filled(store, 5, Scope(user_id="hidden-user"), seed=1)
    one, two = opened(store, tmp_path), opened(store, tmp_path)
    one.search(ANA, vectors(1), 1)
    two.search(ANA, vectors(1), 1)
    vector = vectors(5, seed=1)[2].tobytes()
    [path] = files(tmp_path)
    assert vector in path.read_bytes()
    assert b"hidden-user" in path.read_bytes()
    store.delete_where(Scope(user_id="hidden-user"))
    one.refresh("default")
    assert files(tmp_path) == []
    filled(store, 20, seed=2)
    two.search(ANA, vectors(1), 1)
    [path] = files(tmp_path)
    assert vector not in path.read_bytes()
    assert b"hidden-user" not in path.read_bytes()


def test_refreshing_needs_no_loaded_index(store: WatchedStore, tmp_path: Path) -> None:
    """A process that only erases leaves no file of before either."""
    ids = filled(store, 20)
    opened(store, tmp_path).search(ANA, vectors(1), 1)
    store.delete(ANA, ids[0])
    opened(store, tmp_path).refresh("default")
    assert files(tmp_path) == []


def test_a_file_is_not_kept_when_something_changed_meanwhile(
    store: WatchedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An erasure between reading and writing would otherwise leave its vector on the disk."""
    ids = filled(store, 20)
    real = index_file.save

    def save_slowly(shard: Shard, path: Path) -> None:
        store.delete(ANA, ids[0])
        real(shard, path)

    monkeypatch.setattr(index_file, "save", save_slowly)
    opened(store, tmp_path).search(ANA, vectors(1), 1)
    assert files(tmp_path) == []


def test_a_disk_that_refuses_the_file_stops_no_search(
    store: WatchedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is a cache; without it the next start reads the store."""
    ids = filled(store, 20)

    def refuse(*_: object) -> None:
        raise DiskFull("full")

    monkeypatch.setattr(index_file, "save", refuse)
    assert opened(store, tmp_path).search(ANA, vectors(20)[3], 1)[0][0] == ids[3]


def test_tenants_that_are_not_used_leave_memory(store: WatchedStore) -> None:
    """The least used goes, and is read again when it is asked for."""
    scopes = [Scope(user_id="ana", tenant_id=f"tenant{n}") for n in range(3)]
    for scope in scopes:
        filled(store, 2, scope)
    index = opened(store, None, max_tenants=2)
    for scope in (*scopes, scopes[1], scopes[0]):
        assert len(index.search(scope, vectors(1), 9)) == 2
    assert len(store.asked) == 4


def test_threads_may_search_and_write_at_once(store: WatchedStore, tmp_path: Path) -> None:
    """Every answer holds only what was there, and in the end everything is found."""
    index = opened(store, tmp_path)
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            scope = Scope(user_id=f"user{number}")
            for n in range(15):
                ids = set(filled(store, 2, scope, seed=100 * number + n))
                assert ids <= {hit for hit, _ in index.search(scope, vectors(1), 99)}
                if n % 5 == 4:
                    store.delete(scope, ids.pop())
                    index.refresh("default")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(len(index.search(Scope(user_id=f"user{n}"), vectors(1), 99)) == 27 for n in range(4))


def test_an_index_that_is_wrong_can_lose_and_never_leak(store: WatchedStore) -> None:
    """Its ids are candidates: reading them again finds only what is in the scope."""
    [foreign] = filled(store, 1, BEN)
    [mine] = filled(store, 1, ANA)
    assert [r.id for r in store.get_many(ANA, [foreign, mine])] == [mine]
