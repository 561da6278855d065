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


tenants = Table(
    "tenants",
    metadata,
    _tenant_column(),
    Column("seq", BigInteger, nullable=False),  # of the newest change
    Column("last", String(64), nullable=False),  # id of the memory it was about
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
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"]),
    UniqueConstraint(
        "tenant_id", "user_id", "agent_id", "session_id", "content_hash", name="uq_memories_content"
    ),
    Index("ix_memories_changes", "tenant_id", "seq"),
    Index("ix_memories_user", "tenant_id", "user_id", "id"),
    Index("ix_memories_session", "tenant_id", "session_id", "id"),
    Index("ix_memories_document", "tenant_id", "document_id"),
    Index("ix_memories_blob", "tenant_id", "digest"),
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
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"]),
    Index("ix_retired_user", "tenant_id", "user_id", "id"),
    Index("ix_retired_session", "tenant_id", "session_id", "id"),
    Index("ix_retired_document", "tenant_id", "document_id"),
    Index("ix_retired_holder", "tenant_id", "held_by"),
    Index("ix_retired_content", "tenant_id", "content_hash"),
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
    ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"]),
    UniqueConstraint("tenant_id", "user_id", "agent_id", "session_id", "ordinal", name="uq_turns_ordinal"),
    Index("ix_turns_session", "tenant_id", "session_id", "ordinal"),
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
