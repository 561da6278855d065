"""The index in PostgreSQL: shared by servers, exact or HNSW by size, and clear where it cannot be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import URL, text

from memory import Memory
from memory.backends.index.pgvector import PgvectorIndex
from memory.backends.sql.database import Database
from memory.errors import InvalidSettings
from memory.fakes import InMemoryStore
from memory.records import Scope
from tests.command import echoes
from tests.postgres import Postgres
from tests.tiny_memories import ANA, DIM, EMBEDDER, record, vectors


@pytest.fixture
def database(vector_url: URL) -> Iterator[Database]:
    opened = Database(vector_url)
    yield opened
    opened.close()


def index_on(store: InMemoryStore, database: Database, **given: int) -> PgvectorIndex:
    return PgvectorIndex(store, database, embedder=EMBEDDER, dim=DIM, **given)


def rows(database: Database) -> int:
    with database.read() as connection:
        return connection.scalar(text(f"SELECT count(*) FROM memory_vectors_{DIM}")) or 0


def hnsw_is_ready(database: Database) -> bool:
    made = "SELECT bool_or(indisvalid) FROM pg_index WHERE pg_get_indexdef(indexrelid) LIKE '%hnsw%'"
    with database.read() as connection:
        return bool(connection.scalar(text(made)))


def test_what_one_server_brought_the_other_finds(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one reads no embedding of its own; an erasure on one takes the vector from both."""
    store = InMemoryStore()
    [one] = store.add([record("x")], vectors(1))
    first, second = index_on(store, database), index_on(store, database)
    assert [found for found, _ in first.search(ANA, vectors(1), 4)] == [one.id]

    def never(*_: object) -> None:
        raise AssertionError("the other server has done so")

    with monkeypatch.context() as patched:
        patched.setattr(store, "changes", never)
        assert [found for found, _ in second.search(ANA, vectors(1), 4)] == [one.id]
    store.delete(ANA, one.id)
    second.refresh("default")
    assert rows(database) == 0
    assert first.search(ANA, vectors(1), 4) == []


@pytest.mark.parametrize("tenant", ["acme", "o'brien %s :x \\ \" é"])
def test_a_large_tenant_gets_an_index_of_its_own(database: Database, tenant: str) -> None:
    """Whatever its name; it finds what comparing with all finds, also where the scope leaves few of them."""
    store = InMemoryStore()
    index = index_on(store, database, exact_up_to=200)
    given = vectors(600)
    scopes = [Scope(tenant_id=tenant, user_id="ana" if n % 50 else "ben") for n in range(600)]
    kept = store.add([record(f"{n}", scope) for n, scope in enumerate(scopes)], given)
    index.refresh(tenant)
    until = time.monotonic() + 60
    while not hnsw_is_ready(database):
        assert time.monotonic() < until
        time.sleep(0.05)
    for seed, who in ((1, "ana"), (2, "ben")):
        query = vectors(1, seed=seed)
        inside = [n for n, scope in enumerate(scopes) if scope.user_id == who]
        best = sorted(inside, key=lambda n: -float(given[n] @ query[0]))[:5]
        found = index.search(Scope(tenant_id=tenant, user_id=who), query, 5)
        assert [memory_id for memory_id, _ in found] == [kept[n].id for n in best]


def test_a_store_that_begins_anew_is_followed(database: Database) -> None:
    """As after a backup was restored: vectors of rows that are no more do not stay."""
    former, current = InMemoryStore(), InMemoryStore()
    former.add([record(f"{n}") for n in range(5)], vectors(5))
    index_on(former, database).refresh("default")
    assert rows(database) == 5
    [one] = current.add([record("x")], vectors(1))
    found = index_on(current, database).search(ANA, vectors(1), 9)
    assert [memory_id for memory_id, _ in found] == [one.id]
    assert rows(database) == 1


def test_a_former_embedders_vectors_go_with_their_memories(database: Database) -> None:
    """An erasure leaves nothing of them, whoever embedded them."""
    store = InMemoryStore()
    [one] = store.add([record("x")], vectors(1))
    index_on(store, database).refresh("default")
    store.update(ANA, replace(one, embedder="another"), vectors(1, seed=3))
    other = PgvectorIndex(store, database, embedder="another", dim=DIM)
    other.refresh("default")
    store.delete(ANA, one.id)
    other.refresh("default")
    assert rows(database) == 0


def test_a_memory_searches_in_postgresql(vector_url: URL, tmp_path: Path) -> None:
    """By one setting; no index file is written."""
    where = vector_url.render_as_string(hide_password=False)
    with Memory(home=tmp_path, database_url=where, index="pgvector", **echoes()) as memory:
        memory.add("My dog is called Biscuit.", user_id="ana")
        assert (
            memory.ask("What is my dog called?", user_id="ana").adapters[0].text
            == "My dog is called Biscuit."
        )
        memory.forget(user_id="ana")
        assert memory.search("dog", user_id="ana") == []
    assert not (tmp_path / "index").exists()


def test_a_server_without_the_extension_is_one_clear_line(postgres: Postgres, postgres_url: URL) -> None:
    """The PostgreSQL of most tests has none."""
    if postgres.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"):
        pytest.skip("this PostgreSQL has pgvector")
    opened = Database(postgres_url)
    with pytest.raises(InvalidSettings, match=r"has no extension pgvector; install it.*=faiss"):
        index_on(InMemoryStore(), opened)
    opened.close()


def test_a_role_that_may_not_make_the_extension_is_told_who_may(
    vector_url: URL, vector_postgres: Postgres
) -> None:
    """Once the owner has made it, the role needs nothing more."""
    vector_postgres.execute("DROP ROLE IF EXISTS plain")
    vector_postgres.execute("CREATE ROLE plain LOGIN")
    owner = Database(vector_url)
    with owner.write() as connection:
        connection.execute(text("GRANT CREATE ON SCHEMA public TO plain"))
    plain = Database(vector_url.set(username="plain"))
    store = InMemoryStore()
    store.add([record("x")], vectors(1))
    with pytest.raises(InvalidSettings, match="may not run CREATE EXTENSION"):
        index_on(store, plain)
    with owner.write() as connection:
        connection.execute(text("CREATE EXTENSION vector"))
    assert np.isclose(index_on(store, plain).search(ANA, vectors(1), 1)[0][1], 1.0)
    plain.close()
    owner.close()


def test_an_embedded_memory_is_told_what_it_lacks(tmp_path: Path) -> None:
    """SQLite has no pgvector."""
    with pytest.raises(InvalidSettings, match="pgvector needs PostgreSQL; set MEMORY_DATABASE_URL"):
        Memory(home=tmp_path, index="pgvector", **echoes())
