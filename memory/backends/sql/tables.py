"""The tables, as this version declares them; the steps in migrations/ lead to exactly this.

A scope field that is not given is stored as '' so that unique constraints count it like any value.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from memory.records import MAX_NAME


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC; SQLite, which knows no zones, gets it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


NAMES = {  # constraints have the same name on every database, so that migrations can name them
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(referred_table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}
metadata = MetaData(naming_convention=NAMES)


def _scope_columns() -> list[Column[str]]:
    names = ("user_id", "agent_id", "session_id")
    return [Column(name, String(MAX_NAME), nullable=False) for name in names]


def _tenant_column() -> Column[str]:
    return Column("tenant_id", String(MAX_NAME), primary_key=True)


def _size_column() -> Column[int]:
    """Bytes that the row keeps for its tenant (memory.backends.sql.sizes)."""
    return Column("size", BigInteger, nullable=False, server_default=text("0"))


tenants = Table(
    "tenants",
    metadata,
    _tenant_column(),
    Column("seq", BigInteger, nullable=False),  # of the newest change
    Column("last", String(64), nullable=False),  # id of the memory it was about
    Column("erased", BigInteger, nullable=False, server_default=text("0")),  # number of the newest erasure
)


def _passage_columns() -> list[Column[Any]]:
    """What a passage is and where it comes from, with or without an adapter."""
    return [
        Column("kind", String(16), nullable=False),
        Column("text", Text, nullable=False),
        Column("content_hash", String(64), nullable=False),
        Column("document_id", String(MAX_NAME)),
        Column("position", Integer, nullable=False),
        Column("role", String(16)),
        Column("first_turn", Integer),
        Column("last_turn", Integer),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime),
        Column("expires_at", UtcDateTime),
        Column("valid_from", UtcDateTime),
        Column("valid_until", UtcDateTime),
        Column("superseded_by", String(64)),
        Column("metadata", JSON, nullable=False),
        Column("embedder", String(MAX_NAME), nullable=False),
        Column("dim", Integer, nullable=False),
        Column("embedding", LargeBinary, nullable=False),  # dim float32 numbers, little-endian
        Column("words", Text, nullable=False, server_default=text("''")),  # that search finds it by
    ]


memories = Table(
    "memories",
    metadata,
    _tenant_column(),
    Column("id", String(64), primary_key=True),
    *_scope_columns(),
    Column("seq", BigInteger, nullable=False),  # of the row's newest change
    *_passage_columns(),
    Column("pinned", Boolean, nullable=False, server_default=false()),
    Column("uses", Integer, nullable=False, server_default=text("0")),
    Column("used_at", UtcDateTime),
    Column("compacted", Integer, nullable=False, server_default=text("0")),
    Column("digest", String(64), nullable=False),
    Column("rank", Integer, nullable=False),
    Column("nbytes", BigInteger, nullable=False),
    Column("base_fingerprint", String(128), nullable=False),
    Column("hypernet_fingerprint", String(128), nullable=False),
    _size_column(),  # of text and metadata, beside the adapter's nbytes
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"]),
    UniqueConstraint(
        "tenant_id", "user_id", "agent_id", "session_id", "content_hash", name="uq_memories_content"
    ),
    Index("ix_memories_changes", "tenant_id", "seq"),
    Index("ix_memories_user", "tenant_id", "user_id", "id"),
    Index("ix_memories_session", "tenant_id", "session_id", "id"),
    Index("ix_memories_document", "tenant_id", "document_id"),
    Index("ix_memories_blob", "tenant_id", "digest", "nbytes"),
    Index("ix_memories_size", "tenant_id", "size", "valid_from", "valid_until", "expires_at"),
    Index("ix_memories_expiry", "tenant_id", "expires_at"),
)

# Passages without an adapter: what a compacted memory was made from, and what was so once.
retired = Table(
    "retired",
    metadata,
    _tenant_column(),
    Column("id", String(64), primary_key=True),
    *_scope_columns(),
    *_passage_columns(),
    Column("held_by", String(64)),  # the memory that tells it now, or whose former text it was
    _size_column(),  # of text and metadata
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"]),
    Index("ix_retired_user", "tenant_id", "user_id", "id"),
    Index("ix_retired_session", "tenant_id", "session_id", "id"),
    Index("ix_retired_document", "tenant_id", "document_id"),
    Index("ix_retired_holder", "tenant_id", "held_by"),
    Index("ix_retired_content", "tenant_id", "content_hash"),
    Index("ix_retired_size", "tenant_id", "size"),
)

turns = Table(
    "turns",
    metadata,
    _tenant_column(),
    Column("id", String(64), primary_key=True),
    *_scope_columns(),
    Column("ordinal", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("internalized", Boolean, nullable=False),
    _size_column(),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"]),
    UniqueConstraint("tenant_id", "user_id", "agent_id", "session_id", "ordinal", name="uq_turns_ordinal"),
    Index("ix_turns_session", "tenant_id", "session_id", "ordinal"),
    Index("ix_turns_size", "tenant_id", "size"),
)

# What happened to which memory: never what it said. It outlives the memory, and so whose it was is
# kept as digests only, enough to answer that person again and to tell nobody else a name.
history = Table(
    "history",
    metadata,
    _tenant_column(),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("memory_id", String(64), nullable=False),
    Column("event", String(8), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("user_digest", String(64), nullable=False),
    Column("agent_digest", String(64), nullable=False),
    Column("session_digest", String(64), nullable=False),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"]),
    Index("ix_history_memory", "tenant_id", "memory_id", "seq"),
)

# What was erased, as digests, so that work which began before does not bring it back (memory.ports.work).
erasures = Table(
    "erasures",
    metadata,
    _tenant_column(),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("user_digest", String(64), nullable=False),
    Column("agent_digest", String(64), nullable=False),
    Column("session_digest", String(64), nullable=False),
    Column("document_digest", String(64), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("metadata_digests", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"]),
)

# From here on: what a server keeps beside the memories. None of it is needed by an embedded Memory.

accounts = Table(  # the tenants that an operator has let in; a quota that is NULL is none
    "accounts",
    metadata,
    _tenant_column(),
    Column("created_at", UtcDateTime, nullable=False),
    Column("memories", BigInteger),
    Column("bytes", BigInteger),
    Column("requests_per_minute", Integer),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(MAX_NAME)),  # NULL: an operator's, who manages tenants
    Column("role", String(8), nullable=False),
    Column("name", String(MAX_NAME), nullable=False),
    Column("digest", String(64), nullable=False),  # sha256 of the secret
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    ForeignKeyConstraint(["tenant_id"], ["accounts.tenant_id"]),
    Index("ix_api_keys_tenant", "tenant_id", "id"),
)

request_counts = Table(  # requests granted to a tenant in one minute, over all processes
    "request_counts",
    metadata,
    _tenant_column(),
    Column("minute", BigInteger, nullable=False),  # since 1970
    Column("granted", Integer, nullable=False),
)

answers = Table(  # to requests with an Idempotency-Key; key and scope are digests, for names go with people
    "answers",
    metadata,
    _tenant_column(),
    Column("key", String(MAX_NAME), primary_key=True),
    *_scope_columns(),
    Column("fingerprint", String(64), nullable=False),  # of the request
    Column("status", Integer),  # NULL while the request runs
    Column("body", Text),  # NULL once erased
    Column("started_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("since", BigInteger, nullable=False, server_default=text("0")),  # newest erasure when it began
    _size_column(),
    Index("ix_answers_expiry", "expires_at"),
    Index("ix_answers_size", "tenant_id", "size"),
)

audit = Table(  # who did what: never what was said, nor whose it was
    "audit",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("tenant_id", String(MAX_NAME)),  # NULL: nobody's, as a call without a key
    Column("at", UtcDateTime, nullable=False),
    Column("key_id", String(64)),
    Column("action", String(64), nullable=False),
    Column("target", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Index("ix_audit_tenant", "tenant_id", "id"),
)

jobs = Table(
    "jobs",
    metadata,
    _tenant_column(),
    Column("id", String(64), primary_key=True),
    *_scope_columns(),
    Column("kind", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("payload", JSON(none_as_null=True)),  # NULL once it is not needed, or erased
    Column("result", JSON(none_as_null=True)),
    Column("reason", String(MAX_NAME)),  # why it failed
    Column("done", BigInteger, nullable=False),  # progress: so much
    Column("total", BigInteger),  # of so much, where that is known
    Column("attempt", Integer, nullable=False),  # the fencing token: who holds an older one has lost the job
    Column("attempts", Integer, nullable=False),  # at most so many
    Column("idempotency_key", String(MAX_NAME)),
    Column("cancelling", Boolean, nullable=False),
    Column("worker", String(MAX_NAME)),
    Column("due_at", UtcDateTime, nullable=False),  # not to be claimed before: backoff, or the lease's end
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("since", BigInteger, nullable=False, server_default=text("0")),  # newest erasure when it was told
    _size_column(),  # of payload and result
    UniqueConstraint("tenant_id", "idempotency_key", name="uq_jobs_idempotency_key"),
    Index("ix_jobs_due", "state", "due_at"),
    Index("ix_jobs_size", "tenant_id", "state", "size"),
)

served = Table(  # when a job of the tenant's was claimed last
    "served",
    metadata,
    _tenant_column(),
    Column("at", UtcDateTime, nullable=False),
)
