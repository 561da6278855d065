"""The life of a memory: when it holds, what replaced it, how it is used, and passages that are retired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NAME = sa.String(255)
ID = sa.String(64)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in _life():
        op.add_column("memories", column)
    _create_retired()


def downgrade() -> None:
    """What is retired goes, and with it the past; compacted memories stay as they are."""
    op.drop_table("retired")
    with op.batch_alter_table("memories") as memories:
        for column in _life():
            memories.drop_column(column.name)


def _life() -> list[sa.Column[object]]:
    return [
        sa.Column("valid_from", MOMENT),
        sa.Column("valid_until", MOMENT),
        sa.Column("superseded_by", ID),
        sa.Column("pinned", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("uses", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("used_at", MOMENT),
        sa.Column("compacted", sa.Integer, nullable=False, server_default=sa.text("0")),
    ]


def _create_retired() -> None:
    op.create_table(
        "retired",
        sa.Column("tenant_id", NAME, nullable=False),
        sa.Column("id", ID, nullable=False),
        *(sa.Column(name, NAME, nullable=False) for name in ("user_id", "agent_id", "session_id")),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("content_hash", sa.String(64), nullable=False),
        sa.Column("document_id", NAME),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("role", sa.String(16)),
        sa.Column("first_turn", sa.Integer),
        sa.Column("last_turn", sa.Integer),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT),
        sa.Column("expires_at", MOMENT),
        sa.Column("valid_from", MOMENT),
        sa.Column("valid_until", MOMENT),
        sa.Column("superseded_by", ID),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("embedder", NAME, nullable=False),
        sa.Column("dim", sa.Integer, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.Column("held_by", ID),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_retired"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_retired_tenants"),
    )
    op.create_index("ix_retired_user", "retired", ["tenant_id", "user_id", "id"])
    op.create_index("ix_retired_session", "retired", ["tenant_id", "session_id", "id"])
    op.create_index("ix_retired_document", "retired", ["tenant_id", "document_id"])
    op.create_index("ix_retired_holder", "retired", ["tenant_id", "held_by"])
    op.create_index("ix_retired_content", "retired", ["tenant_id", "content_hash"])
