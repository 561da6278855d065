"""VectorIndex in PostgreSQL by the extension pgvector: one table for all tenants and servers.

A cache as every index is: a search first asks the store for the tenant's version, and brings what was missed.
One server does so, the others find it done. A search reads the rows of its tenant or user and compares them
exactly; a tenant with more than EXACT_UP_TO gets an HNSW index, which PostgreSQL uses where that is cheaper.

    memory_vectors_<dim>      embedder, tenant, id, user, agent, session, embedding
    memory_vector_versions    embedder, tenant -> the version of the store that its vectors are at
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import AbstractContextManager
from threading import Lock, Thread
from typing import Any, Protocol

from sqlalchemy import Connection, Row, text

from memory.backends.index.queries import check_dim, query_of
from memory.errors import InvalidSettings, StoreError
from memory.ports import Changes, MemoryStore, Vectors, Version
from memory.records import SCOPE_FIELDS, Scope

EXACT_UP_TO = 50_000
_MAKING = 0x70617262  # PostgreSQL's advisory lock for making the tables; any number nobody else uses
_MAX_DIM = 2000  # of a vector that pgvector can index by HNSW
_log = logging.getLogger(__name__)


class Transactions(Protocol):
    """A database; `memory.backends.sql.database.Database` is one."""

    def read(self) -> AbstractContextManager[Connection]: ...
    def write(self) -> AbstractContextManager[Connection]: ...


class PgvectorIndex:
    """Candidates by cosine. Safe to share between threads and servers."""

    def __init__(
        self,
        store: MemoryStore,
        database: Transactions,
        *,
        embedder: str,
        dim: int,
        exact_up_to: int = EXACT_UP_TO,
    ) -> None:
        """Index the rows of one embedder. Raises InvalidSettings where the extension is missing."""
        self._store = store
        self._database = database
        self._embedder = embedder
        self._dim = dim
        self._exact_up_to = exact_up_to
        self._table = f"memory_vectors_{dim}"
        self._hnsw: set[str] = set()  # tenants for which this process has looked after an index
        self._lock = Lock()
        self._make_tables()

    def search(self, scope: Scope, vector: Vectors, k: int) -> list[tuple[str, float]]:
        query = query_of(scope, vector, self._dim)
        self.refresh(scope.tenant_id)
        given = {name: getattr(scope, name) for name in SCOPE_FIELDS}
        inside = "".join(f" AND {name} = :{name}" for name, value in given.items() if value is not None)
        wanted = (
            f"SELECT id, -(embedding <#> CAST(:query AS vector)) AS score FROM {self._table} "
            f"WHERE tenant_id = :tenant AND embedder = :embedder{inside} "
            "ORDER BY embedding <#> CAST(:query AS vector) LIMIT :k"
        )
        named = self._of(scope.tenant_id) | given | {"query": _written(query[0]), "k": k}
        with self._database.read() as connection:
            connection.execute(text(_SEARCHING))
            rows = connection.execute(text(wanted), named).all()
        return [(row.id, float(row.score)) for row in rows]

    def refresh(self, tenant_id: str) -> None:
        while (at := self._version(tenant_id)) != self._store.version(tenant_id):
            missed = self._store.changes(tenant_id, self._embedder, at)
            check_dim(missed, self._embedder, self._dim)
            self._apply(tenant_id, at, missed)

    def _version(self, tenant_id: str) -> Version:
        with self._database.read() as connection:
            return _version_of(connection.execute(text(_AT), self._of(tenant_id)).first())

    def _apply(self, tenant_id: str, at: Version, missed: Changes) -> None:
        """Bring what was missed, unless another server has done so since `at` was read."""
        named = self._of(tenant_id)
        with self._database.write() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": self._key(tenant_id)})
            if _version_of(connection.execute(text(_AT), named).first()) != at:
                return
            gone = "" if missed.full else " AND id = ANY(:ids)"  # of former embedders, too
            delete = f"DELETE FROM {self._table} WHERE tenant_id = :tenant{gone}"
            connection.execute(text(delete), named | {"ids": [*missed.ids, *missed.removed]})
            if missed.ids:
                connection.execute(text(_INSERT.format(table=self._table)), self._rows(tenant_id, missed))
            moved = {"seq": missed.version.seq, "last": missed.version.last}
            connection.execute(text(_MOVE), named | moved)
        self._look_after_hnsw(tenant_id)

    def _rows(self, tenant_id: str, missed: Changes) -> list[dict[str, Any]]:
        return [
            {
                **self._of(tenant_id),
                **{name: getattr(scope, name) for name in SCOPE_FIELDS},
                "id": memory_id,
                "embedding": _written(vector),
            }
            for memory_id, scope, vector in zip(missed.ids, missed.scopes, missed.vectors, strict=True)
        ]

    def _of(self, tenant_id: str) -> dict[str, Any]:
        return {"embedder": self._embedder, "tenant": tenant_id}

    def _key(self, tenant_id: str) -> int:
        name = f"{self._embedder}\0{tenant_id}".encode()
        return int.from_bytes(hashlib.sha256(name).digest()[:8], signed=True)

    def _make_tables(self) -> None:
        with self._database.write() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})
            if connection.scalar(text("SELECT to_regtype('vector')")) is None:
                self._make_extension(connection)
            for statement in _TABLES.format(table=self._table, dim=self._dim).split(";"):
                connection.execute(text(statement))

    def _make_extension(self, connection: Connection) -> None:
        known = "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
        if connection.scalar(text(known)) is None:
            raise InvalidSettings(
                "setting 'index' (MEMORY_INDEX): this PostgreSQL has no extension pgvector; install it there "
                "(Debian: postgresql-NN-pgvector), or set MEMORY_INDEX=faiss"
            )
        try:
            with connection.begin_nested():
                connection.execute(text("CREATE EXTENSION vector"))
        except Exception as error:  # the driver's, of any kind: it is the role's rights that fail here
            raise InvalidSettings(
                "setting 'index' (MEMORY_INDEX): our role may not run CREATE EXTENSION vector; "
                "let the database's owner run it once"
            ) from error

    def _look_after_hnsw(self, tenant_id: str) -> None:
        """Where the tenant has become large, have its index made beside the traffic."""
        with self._lock:
            if tenant_id in self._hnsw or self._dim > _MAX_DIM or not self._is_large(tenant_id):
                return
            self._hnsw.add(tenant_id)
        Thread(target=self._make_hnsw, args=(tenant_id,), daemon=True).start()

    def _is_large(self, tenant_id: str) -> bool:
        some = f"SELECT FROM {self._table} WHERE tenant_id = :tenant AND embedder = :embedder LIMIT :most"
        with self._database.read() as connection:
            named = self._of(tenant_id) | {"most": self._exact_up_to + 1}
            found = connection.scalar(text(f"SELECT count(*) FROM ({some}) AS found"), named)
        return bool(found == named["most"])

    def _make_hnsw(self, tenant_id: str) -> None:
        name = f"ix_{self._table}_{self._key(tenant_id) & (2**64 - 1):016x}"
        try:
            with self._database.read() as connection:
                connection.execution_options(isolation_level="AUTOCOMMIT")  # it must be outside a transaction
                connection.exec_driver_sql(
                    f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {self._table} "
                    "USING hnsw (embedding vector_ip_ops) "
                    f"WHERE tenant_id = {_literal(tenant_id)} AND embedder = {_literal(self._embedder)}"
                )
        except StoreError as error:
            _log.warning("no HNSW index for a large tenant: %s", error)


_TABLES = """
CREATE TABLE IF NOT EXISTS {table} (
    embedder text NOT NULL, tenant_id text NOT NULL, id text NOT NULL,
    user_id text, agent_id text, session_id text, embedding vector({dim}) NOT NULL,
    PRIMARY KEY (tenant_id, embedder, id));
CREATE INDEX IF NOT EXISTS ix_{table}_user ON {table} (tenant_id, embedder, user_id);
CREATE TABLE IF NOT EXISTS memory_vector_versions (
    embedder text NOT NULL, tenant_id text NOT NULL, seq bigint NOT NULL, last text NOT NULL,
    PRIMARY KEY (tenant_id, embedder))"""
_AT = "SELECT seq, last FROM memory_vector_versions WHERE tenant_id = :tenant AND embedder = :embedder"
_INSERT = (
    "INSERT INTO {table} (embedder, tenant_id, id, user_id, agent_id, session_id, embedding) "
    "VALUES (:embedder, :tenant, :id, :user_id, :agent_id, :session_id, CAST(:embedding AS vector))"
)
_MOVE = (
    "INSERT INTO memory_vector_versions (embedder, tenant_id, seq, last) "
    "VALUES (:embedder, :tenant, :seq, :last) "
    "ON CONFLICT (tenant_id, embedder) DO UPDATE SET seq = excluded.seq, last = excluded.last"
)
# A filter that leaves too few of what HNSW found makes it go on; plans know the tenant, as its index needs.
_SEARCHING = (
    "SELECT set_config('hnsw.iterative_scan', 'strict_order', true), "
    "set_config('hnsw.ef_search', '200', true), "
    "set_config('plan_cache_mode', 'force_custom_plan', true)"
)


def _version_of(row: Row[Any] | None) -> Version:
    return Version() if row is None else Version(row.seq, row.last)


def _written(vector: Vectors) -> str:
    """As pgvector reads it: the shortest numbers that are these float32 again."""
    return "[" + ",".join(map(str, vector.tolist())) + "]"


def _literal(value: str) -> str:
    """A name as SQL has it: statements that make indexes take no parameters."""
    return "'" + value.replace("'", "''").replace("%", "%%") + "'"
