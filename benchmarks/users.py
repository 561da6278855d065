"""Many users of one PostgreSQL: `python -m benchmarks.users --database URL [--markdown FILE]`.

The database has to be empty, and has the extension pgvector. A few users are told their memories as
anybody is, the others get copies of those rows, made in the database. Then threads add, search and select as
servers do, with synthetic adapters and embeddings: no model runs.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from sqlalchemy import Connection, text
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.machine import described
from benchmarks.scale import DIM
from benchmarks.tables import markdown_table, rich_table, write_between_markers
from memory import Memory
from memory.backends.sql.database import Database
from memory.backends.sql.store import SqlStore
from memory.backends.sql.tables import memories as memories_table
from memory.fakes import EchoGenerator, EchoInternalizer, WordEmbedder

OWNED = ("dog", "cat", "boat", "team", "shop", "horse", "street", "doctor", "teacher", "garden")
NAMES = ("Bis", "Cor", "Dal", "Fen", "Gor", "Hol", "Jun", "Kel", "Lum", "Mor", "Nor", "Pim", "Rus", "Tor")
ENDS = ("a", "by", "cuit", "do", "en", "go", "ia", "ker", "lo", "my", "na", "ro", "sy", "vo")
TEMPLATE = "template"  # the tenant whose users are copied
PARTS = ("users-machine", "users-times")  # of a page
TENANT_OF = "'tenant ' || (n % :tenants)"


def said(user: int, number: int) -> str:
    """A sentence of a user's; two users have different words for the same thing."""
    drawn = random.Random(f"{user} {number}")
    name = f"{drawn.choice(NAMES)}{drawn.choice(ENDS)}{drawn.choice(ENDS)}"
    return f"My {OWNED[number % len(OWNED)]} is called {name}."


def asked(number: int) -> str:
    return f"What is my {OWNED[number % len(OWNED)]} called?"


def opened(url: str, home: Path) -> Memory:
    return Memory(
        home=home,
        database_url=url,
        index="pgvector",
        embedder=WordEmbedder(dim=DIM),
        internalizer=EchoInternalizer(),
        generator=EchoGenerator(),
    )


def lay(memory: Memory, database: Database, users: int, tenants: int, each: int, told: int) -> None:
    """Tell `told` users of one tenant, and copy them to `users` users of `tenants` tenants."""
    for user in tqdm(range(told), desc="telling", leave=False):
        for number in range(each):
            memory.add(said(user, number), user_id=f"user {user}", tenant_id=TEMPLATE)
    memory.search(asked(0), user_id="user 0", tenant_id=TEMPLATE)  # brings the vectors
    with _indexed_afterwards(database, "memories"):
        for first in tqdm(range(0, users, 5_000), desc="copying", leave=False):
            given = {"first": first, "last": min(users, first + 5_000) - 1, "told": told, "tenants": tenants}
            with database.write() as connection:
                _copy(connection, given)
    with database.write() as connection:
        connection.execute(text(_AT))
        connection.execute(text(_HISTORY))
        connection.execute(text(_INDEXED), {"embedder": WordEmbedder(dim=DIM).name})
    with database.read() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.exec_driver_sql("VACUUM ANALYZE")


@contextmanager
def _indexed_afterwards(database: Database, table: str) -> Iterator[None]:
    """Without the table's indexes inside, but for its keys: making them of all rows takes less."""
    free = (
        "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = :table AND indexname NOT IN "
        "(SELECT conname FROM pg_constraint WHERE contype IN ('p', 'u'))"
    )
    with database.write() as connection:
        found = connection.execute(text(free), {"table": table}).all()
        for row in found:
            connection.exec_driver_sql(f"DROP INDEX {row.indexname}")
    yield
    with database.write() as connection:
        for row in tqdm(found, desc="indexing", leave=False):
            connection.exec_driver_sql(row.indexdef)


def _copy(connection: Connection, given: dict[str, int]) -> None:
    tenants = f"INSERT INTO tenants (tenant_id, seq, last) SELECT DISTINCT {TENANT_OF}, 0, '' FROM {_USERS} u"
    connection.execute(text(f"{tenants} ON CONFLICT DO NOTHING"), given)
    others = [column.name for column in memories_table.columns if column.name not in _OWN]
    same = ", ".join(f'm."{name}"' for name in others)
    named = ", ".join(f'"{name}"' for name in others)
    rows = (
        f"INSERT INTO memories (tenant_id, id, user_id, seq, {named}) SELECT {TENANT_OF}, {_ID}, "
        f"'user ' || n, (n / :tenants) * 1000 + m.seq % 1000 + 1, {same} "
        f"FROM {_USERS} u JOIN memories m {_TEMPLATES}"
    )
    connection.execute(text(rows), given)
    vectors = (
        f"INSERT INTO memory_vectors_{DIM} ({VECTOR_COLUMNS}) "
        f"SELECT m.embedder, {TENANT_OF}, {_ID}, 'user ' || n, m.agent_id, m.session_id, m.embedding "
        f"FROM {_USERS} u JOIN memory_vectors_{DIM} m {_TEMPLATES}"
    )
    connection.execute(text(vectors), given)


_TEMPLATES = f"ON m.tenant_id = '{TEMPLATE}' AND m.user_id = 'user ' || (n % :told)"
VECTOR_COLUMNS = "embedder, tenant_id, id, user_id, agent_id, session_id, embedding"
_OWN = ("tenant_id", "id", "user_id", "seq")
_USERS = "(SELECT generate_series(CAST(:first AS int), CAST(:last AS int)) AS n)"
_ID = "left(m.id, 16) || left(md5(m.id || n), 16)"
_AT = (
    "UPDATE tenants SET seq = m.seq, last = m.id FROM (SELECT DISTINCT ON (tenant_id) tenant_id, seq, id "
    "FROM memories ORDER BY tenant_id, seq DESC) m WHERE m.tenant_id = tenants.tenant_id AND tenants.seq = 0"
)
_HISTORY = (  # of each tenant the newest change, which its index is compared with
    "INSERT INTO history (tenant_id, seq, memory_id, event, at, user_digest, agent_digest, session_digest) "
    f"SELECT tenant_id, seq, last, 'ADD', now(), '', '', '' FROM tenants WHERE tenant_id <> '{TEMPLATE}'"
)
_INDEXED = (
    "INSERT INTO memory_vector_versions (embedder, tenant_id, seq, last) "
    "SELECT :embedder, tenant_id, seq, last FROM tenants ON CONFLICT DO NOTHING"
)


def loaded(
    memory: Memory, database: Database, users: int, tenants: int, each: int, calls: int, clients: int
) -> Iterator[Row]:
    """Times of each verb, asked by several clients at once for users drawn at random."""
    drawn = random.Random(2)

    def whose() -> dict[str, str]:
        user = drawn.randrange(users)
        return {"user_id": f"user {user}", "tenant_id": f"tenant {user % tenants}"}

    def add(number: int, who: dict[str, str]) -> object:
        return memory.add(f"My box number {number} is called {NAMES[number % 14]}{number}.", **who)

    def search(number: int, who: dict[str, str]) -> object:
        return memory.search(asked(number % each), **who)

    def select(number: int, who: dict[str, str]) -> object:
        return memory.select(asked(number % each), **who)

    verbs: dict[str, Callable[[int, dict[str, str]], object]] = {
        "add": add,
        "search": search,
        "select": select,
    }

    def timed(name: str, number: int, who: dict[str, str]) -> float:
        began = time.perf_counter()
        verbs[name](number, who)
        return 1000 * (time.perf_counter() - began)

    for at_once in (1, clients):
        for name in verbs:
            work = [(name, number, whose()) for number in range(calls)]
            began, cpu, server = time.perf_counter(), time.process_time(), _server_cpu_s(database)
            with ThreadPoolExecutor(at_once) as threads:
                took = list(threads.map(lambda given: timed(*given), work))
            pace = calls / (time.perf_counter() - began)
            p50, p95, p99 = np.percentile(took, [50, 95, 99])
            yield {
                "what": f"{name}, {at_once} at once" if at_once > 1 else f"{name}, alone",
                "p50 ms": p50,
                "p95 ms": p95,
                "p99 ms": p99,
                "calls/s": pace,
                "CPU ms a call": 1000 * (time.process_time() - cpu) / calls,
                "PostgreSQL's": 1000 * (_server_cpu_s(database) - server) / calls if at_once == 1 else None,
            }


def _server_cpu_s(database: Database) -> float:
    """CPU time of the database's processes that serve us and are still there; they run on this machine."""
    with database.read() as connection:
        found = connection.scalars(
            text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        ).all()
    spent = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13] for pid in found]
    return sum(int(ticks) for one in spent for ticks in one) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--users", type=int, default=100_000)
    parser.add_argument("--tenants", type=int, default=100)
    parser.add_argument("--memories", type=int, default=10, help="of each user")
    parser.add_argument("--told", type=int, default=50, help="users whose memories are copied")
    parser.add_argument("--calls", type=int, default=500, help="of each verb")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--laid", action="store_true", help="an earlier run has laid the users")
    parser.add_argument("--markdown", type=Path)
    given = parser.parse_args()
    machine = described()
    with tempfile.TemporaryDirectory() as home, opened(given.database, Path(home)) as memory:
        store = SqlStore.open(given.database)
        began = time.perf_counter()
        if not given.laid:
            lay(memory, store.database, given.users, given.tenants, given.memories, given.told)
        took = time.perf_counter() - began
        times = list(
            loaded(
                memory, store.database, given.users, given.tenants, given.memories, given.calls, given.clients
            )
        )
        Console().print(rich_table(PARTS[1], times))
        store.close()
    laid = f"{given.users:,} users in {given.tenants:,} tenants, {given.users * given.memories:,} memories"
    Console().print(f"{machine} {laid}, laid in {took:.0f} s")
    if given.markdown:
        page = {PARTS[0]: f"Measured on {machine} {laid}.", PARTS[1]: markdown_table(times)}
        write_between_markers(given.markdown, page)


if __name__ == "__main__":
    main()
