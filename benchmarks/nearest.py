"""HNSW beside exact comparison in pgvector: `python -m benchmarks.nearest --database URL [--markdown FILE]`.

One tenant, large enough for an index of its own; what is found of the nearest five by it, and how fast, is
compared with what PostgreSQL finds and takes without it. Both are asked in turn, so that a busy machine is as
busy for either. The database has the extension pgvector; no model runs.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from sqlalchemy import make_url, text
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.machine import described
from benchmarks.scale import DIM
from benchmarks.tables import markdown_table, rich_table, write_between_markers
from benchmarks.users import ENDS, NAMES, OWNED, VECTOR_COLUMNS
from memory.backends.index.pgvector import PgvectorIndex
from memory.backends.sql.store import SqlStore
from memory.fakes import WordEmbedder
from memory.ports import Vectors
from memory.records import Scope

PARTS = ("nearest-machine", "nearest")  # of a page
TENANT = "large"
EMBEDDER = WordEmbedder(dim=DIM).name
K = 5
SCOPES = {
    "an agent's": Scope(tenant_id=TENANT, agent_id="helper"),
    "of them a user's ten": Scope(tenant_id=TENANT, user_id="user 7"),
}
_NO_HNSW = "-c enable_indexscan=off"  # it is no bitmap index, as those of tenants and users may be


def sentences(number: int) -> Vectors:
    """Embeddings of made-up sentences: many words in common."""
    drawn = random.Random(3)
    return WordEmbedder(dim=DIM).embed([_sentence(drawn) for _ in range(number)])


def directions(number: int) -> Vectors:
    """Vectors that vary in 64 directions."""
    drawn = np.random.default_rng(3)
    return _unit(drawn.standard_normal((number, 64)) @ drawn.standard_normal((64, DIM)))


KINDS: dict[str, Callable[[int], Vectors]] = {
    "sentences": sentences,
    "vectors of 64 directions": directions,
}


def rows(url: str, sizes: Sequence[int], questions: int) -> Iterator[Row]:
    """Of each kind and size, a row for each scope."""
    with_index = SqlStore.open(url)
    without = SqlStore.open(make_url(url).update_query_dict({"options": _NO_HNSW}))
    near, exact = (
        PgvectorIndex(store, store.database, embedder=EMBEDDER, dim=DIM) for store in (with_index, without)
    )
    for size in sizes:
        for kind, made in KINDS.items():
            vectors = made(size)
            _lay(with_index, vectors)
            began = time.perf_counter()
            near._make_hnsw(TENANT)
            took = time.perf_counter() - began
            queries = _unit(vectors[random.Random(3).sample(range(size), questions)] + 0.02)
            for name, scope in SCOPES.items():
                yield {
                    "what": f"{size:,} {kind}, {name}",
                    **_compared(near, exact, scope, queries),
                    "made in s": took,
                }
    _clear(with_index)
    with_index.close()
    without.close()


def _compared(near: PgvectorIndex, exact: PgvectorIndex, scope: Scope, queries: Vectors) -> dict[str, float]:
    shares, took = [], []
    for query in queries:
        true, exact_ms = _asked(exact, scope, query)
        found, near_ms = _asked(near, scope, query)
        shares.append(len(true & found) / len(true))
        took.append((exact_ms, near_ms))
    (exact_50, near_50), (exact_95, near_95) = np.percentile(took, [50, 95], axis=0)
    return {
        f"recall of {K}, %": 100 * float(np.mean(shares)),
        "exact p50 ms": exact_50,
        "exact p95 ms": exact_95,
        "HNSW p50 ms": near_50,
        "HNSW p95 ms": near_95,
    }


def _asked(index: PgvectorIndex, scope: Scope, query: Vectors) -> tuple[set[str], float]:
    began = time.perf_counter()
    found = {memory_id for memory_id, _ in index.search(scope, query, K)}
    return found, 1000 * (time.perf_counter() - began)


def _sentence(drawn: random.Random) -> str:
    name = f"{drawn.choice(NAMES)}{drawn.choice(ENDS)}{drawn.choice(ENDS)}"
    return f"The {drawn.choice(OWNED)} of {name} is called {drawn.choice(NAMES)}{drawn.choice(ENDS)}"


def _unit(vectors: Vectors) -> Vectors:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _lay(store: SqlStore, vectors: Vectors) -> None:
    """The tenant's vectors alone, ten a user, without an index of theirs."""
    _clear(store)
    with store.database.write() as connection:
        cursor = connection.connection.cursor()
        with cursor.copy(f"COPY memory_vectors_{DIM} ({VECTOR_COLUMNS}) FROM STDIN") as copy:
            for n, vector in enumerate(tqdm(vectors, leave=False, disable=not sys.stderr.isatty())):
                written = "[" + ",".join(f"{x:.6g}" for x in vector.tolist()) + "]"
                copy.write_row((EMBEDDER, TENANT, str(n), f"user {n // 10}", "helper", "", written))
    with store.database.read() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql(f"VACUUM ANALYZE memory_vectors_{DIM}")


def _clear(store: SqlStore) -> None:
    made = (
        f"SELECT indexname FROM pg_indexes WHERE tablename = 'memory_vectors_{DIM}' "
        "AND indexdef LIKE '%hnsw%'"
    )
    with store.database.write() as connection:
        for name in connection.scalars(text(made)).all():
            connection.execute(text(f"DROP INDEX {name}"))
        connection.execute(text(f"DELETE FROM memory_vectors_{DIM} WHERE tenant_id = '{TENANT}'"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nearest", description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 50_000], metavar="N")
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    machine = described()
    found = list(rows(given.database, given.sizes, given.questions))
    Console().print(machine, rich_table("Exact, and by HNSW", found))
    if given.markdown:
        write_between_markers(given.markdown, dict(zip(PARTS, (machine, markdown_table(found)), strict=True)))


if __name__ == "__main__":
    main()
