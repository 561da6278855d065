"""What storage costs on one PostgreSQL: `python -m benchmarks.scale --database URL [--markdown FILE]`.

The database has to be empty, and has the extension pgvector. Memories are synthetic and no model runs: rows
come in through the store, as a server's do.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from sqlalchemy import text
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.machine import described
from benchmarks.tables import markdown_table, rich_table, write_between_markers
from memory.backends.index.faiss_index import FaissIndex
from memory.backends.index.pgvector import PgvectorIndex
from memory.backends.sql.store import SqlStore
from memory.conformance.samples import EMBEDDER, record
from memory.ports import VectorIndex, Vectors
from memory.records import Scope
from memory.text.search_words import search_words

DIM = 384
THINGS = ("dog", "cat", "boat", "team", "shop", "river", "street", "doctor", "teacher", "garden")
PARTS = ("scale-machine", "scale-times", "scale-sizes")  # of a page
LARGE = (10_000, 50_000)  # memories of a large tenant
Found = list[tuple[str, float]]


class Load:
    """Tenants of one user each, with a number of memories."""

    def __init__(self, store: SqlStore, tenants: int, memories: int) -> None:
        self.store = store
        self.scopes = [Scope(tenant_id=f"tenant {n}", user_id="ana") for n in range(tenants)]
        self._memories = memories
        self._random = np.random.default_rng(0)

    def vectors(self, number: int) -> Vectors:
        drawn = self._random.standard_normal((number, DIM)).astype(np.float32)
        return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)

    def add(self, scope: Scope, first: int, number: int) -> None:
        things = [(n, THINGS[n % len(THINGS)]) for n in range(first, first + number)]
        texts = [f"My {thing} number {n} is called {scope.tenant_id} {n * 7919}." for n, thing in things]
        told = [record(said, scope, dim=DIM) for said in texts]
        self.store.add(told, self.vectors(number))

    def lay(self) -> None:
        for scope in tqdm(self.scopes, desc="laying", leave=False):
            self.add(scope, 0, self._memories)

    def some(self, number: int) -> list[Scope]:
        return random.Random(1).choices(self.scopes, k=number)


def timed(what: str, calls: Sequence[Callable[[], object]]) -> Row:
    """Percentiles of the calls, one after the other."""
    took = []
    for call in calls:
        began = time.perf_counter()
        call()
        took.append(1000 * (time.perf_counter() - began))
    p50, p95, p99 = np.percentile(took, [50, 95, 99])
    return {"what": what, "p50 ms": float(p50), "p95 ms": float(p95), "p99 ms": float(p99)}


def rows(load: Load, asked: int, ballast: int) -> Iterator[Row]:
    """Times of what a request asks of the store and of the index."""
    store = load.store
    some = load.some(asked)
    yield timed(
        "add a memory's rows", [partial(load.add, scope, 10_000 + n, 1) for n, scope in enumerate(some)]
    )
    words = search_words("What is my boat called?")
    yield timed("find by words", [partial(store.find_words, scope, words, 8) for scope in some])
    queries = load.vectors(asked)
    faiss = FaissIndex(store, embedder=EMBEDDER, dim=DIM, max_tenants=len(load.scopes))
    shared = PgvectorIndex(store, store.database, embedder=EMBEDDER, dim=DIM)
    lay_vectors(store, ballast // 100, 100)
    first = load.scopes[:asked]
    for name, index in (("FAISS", faiss), ("pgvector", shared)):
        yield timed(f"{name}: first search of a tenant", searches(index, first, queries))
        yield timed(f"{name}: another", searches(index, first, queries))
    found = [[call() for call in searches(index, first, queries)] for index in (faiss, shared)]
    same = sum(_ids(one) == _ids(other) for one, other in zip(*found, strict=True))
    yield {
        "what": f"of {asked} searches, both find the same five",
        "p50 ms": same,
        "p95 ms": None,
        "p99 ms": None,
    }
    for size in LARGE:
        lay_vectors(store, 1, size, f"large {size} ")
        one = Scope(tenant_id=f"large {size} 0", user_id="ana")
        yield timed(f"pgvector: a tenant of {size:,}, exactly", searches(shared, [one] * 30, queries[:30]))


def searches(index: VectorIndex, scopes: list[Scope], queries: Vectors) -> list[Callable[[], Found]]:
    return [partial(index.search, scope, query, 5) for scope, query in zip(scopes, queries, strict=False)]


def _ids(found: Found) -> list[str]:
    return [memory_id for memory_id, _ in found]


def lay_vectors(store: SqlStore, tenants: int, each: int, name: str = "other ") -> None:
    """Vectors of tenants that have no rows, made in the database."""
    drawn = "(SELECT array_agg(random() - 0.5) FROM generate_series(1, :dim) WHERE n IS NOT NULL)"
    laid = (
        f"INSERT INTO memory_vectors_{DIM} (embedder, tenant_id, id, user_id, embedding) "
        f"SELECT :embedder, :name || (n % :tenants), n::text, 'ana', l2_normalize(CAST({drawn} AS vector)) "
        "FROM generate_series(0, :number - 1) AS n"
    )
    given = {"dim": DIM, "embedder": EMBEDDER, "name": name, "tenants": tenants, "number": tenants * each}
    with store.database.write() as connection:
        connection.execute(text(laid), given)


def sizes(store: SqlStore) -> Iterator[Row]:
    """Bytes of the tables, their indexes among them, by memory."""
    with store.database.read() as connection:
        memories = connection.scalar(text("SELECT count(*) FROM memories")) or 1
        vectors = connection.scalar(text(f"SELECT count(*) FROM memory_vectors_{DIM}")) or 1
        for table, number in (
            ("memories", memories),
            ("history", memories),
            (f"memory_vectors_{DIM}", vectors),
        ):
            size = connection.scalar(text(f"SELECT pg_total_relation_size('{table}')")) or 0
            yield {"what": f"{table}, of {number:,} memories", "bytes a memory": size / number}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--tenants", type=int, default=10_000)
    parser.add_argument("--memories", type=int, default=100, help="of each tenant")
    parser.add_argument(
        "--vectors", type=int, default=1_000_000, help="of other tenants, in pgvector's table"
    )
    parser.add_argument("--asked", type=int, default=500)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    machine = described()
    store = SqlStore.open(given.database)
    load = Load(store, given.tenants, given.memories)
    began = time.perf_counter()
    load.lay()
    laid = given.tenants * given.memories
    a_second = laid / (time.perf_counter() - began)
    pace = f"{laid:,} memories came in at {a_second:,.0f} a second, {given.memories} at once."
    times = list(rows(load, given.asked, given.vectors))
    tables = {PARTS[1]: times, PARTS[2]: list(sizes(store))}
    store.close()
    for title, table in tables.items():
        Console().print(rich_table(title, table))
    if given.markdown:
        parts = {name: markdown_table(table) for name, table in tables.items()}
        write_between_markers(given.markdown, parts | {PARTS[0]: f"Measured on {machine} {pace}"})


if __name__ == "__main__":
    main()
