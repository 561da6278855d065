"""Tenants, memories, turns of sessions, and the history of changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NAME = sa.String(255)
ID = sa.String(64)
DIGEST = sa.String(64)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant_id", NAME, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("last", ID, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_tenants"),
    )
    _create_memories()
    _create_turns()
    _create_history()


def downgrade() -> None:
    for table in ("history", "turns", "memories", "tenants"):
        op.drop_table(table)


def _create_memories() -> None:
    op.create_table(
        "memories",
        sa.Column("tenant_id", NAME, nullable=False),
        sa.Column("id", ID, nullable=False),
        *_scope(),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("content_hash", DIGEST, nullable=False),
        sa.Column("document_id", NAME),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("role", sa.String(16)),
        sa.Column("first_turn", sa.Integer),
        sa.Column("last_turn", sa.Integer),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT),
        sa.Column("expires_at", MOMENT),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("embedder", NAME, nullable=False),
        sa.Column("dim", sa.Integer, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("rank", sa.Integer, nullable=False),
        sa.Column("nbytes", sa.BigInteger, nullable=False),
        sa.Column("base_fingerprint", sa.String(128), nullable=False),
        sa.Column("hypernet_fingerprint", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_memories"),
        _of_tenant("memories"),
        sa.UniqueConstraint(
            "tenant_id", "user_id", "agent_id", "session_id", "content_hash", name="uq_memories_content"
        ),
    )
    op.create_index("ix_memories_changes", "memories", ["tenant_id", "seq"])
    op.create_index("ix_memories_user", "memories", ["tenant_id", "user_id", "id"])
    op.create_index("ix_memories_session", "memories", ["tenant_id", "session_id", "id"])
    op.create_index("ix_memories_document", "memories", ["tenant_id", "document_id"])
    op.create_index("ix_memories_blob", "memories", ["tenant_id", "digest"])
    op.create_index("ix_memories_expiry", "memories", ["tenant_id", "expires_at"])


def _create_turns() -> None:
    op.create_table(
        "turns",
        sa.Column("tenant_id", NAME, nullable=False),
        sa.Column("id", ID, nullable=False),
        *_scope(),
        sa.Column("ordinal", sa.Integer, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("internalized", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_turns"),
        _of_tenant("turns"),
        sa.UniqueConstraint(
            "tenant_id", "user_id", "agent_id", "session_id", "ordinal", name="uq_turns_ordinal"
        ),
    )
    op.create_index("ix_turns_session", "turns", ["tenant_id", "session_id", "ordinal"])


def _create_history() -> None:
    op.create_table(
        "history",
        sa.Column("tenant_id", NAME, nullable=False),
        sa.Column("seq", sa.BigInteger, autoincrement=False, nullable=False),
        sa.Column("memory_id", ID, nullable=False),
        sa.Column("event", sa.String(8), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("user_digest", DIGEST, nullable=False),
        sa.Column("agent_digest", DIGEST, nullable=False),
        sa.Column("session_digest", DIGEST, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "seq", name="pk_history"),
        _of_tenant("history"),
    )
    op.create_index("ix_history_memory", "history", ["tenant_id", "memory_id", "seq"])


def _scope() -> list[sa.Column[str]]:
    return [sa.Column(name, NAME, nullable=False) for name in ("user_id", "agent_id", "session_id")]


def _of_tenant(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name=f"fk_{table}_tenants")
