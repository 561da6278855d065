"""What a server keeps: tenants let in, their keys and quotas, answers to repeat, an audit, and jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NAME = sa.String(255)
ID = sa.String(64)
DIGEST = sa.String(64)
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_accounts()
    _create_answers()
    _create_audit()
    _create_jobs()


def downgrade() -> None:
    for table in ("jobs", "audit", "answers", "request_counts", "api_keys", "accounts"):
        op.drop_table(table)


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("tenant_id", NAME, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("memories", sa.BigInteger),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("requests_per_minute", sa.Integer),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_accounts"),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", ID, nullable=False),
        sa.Column("tenant_id", NAME),
        sa.Column("role", sa.String(8), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.ForeignKeyConstraint(["tenant_id"], ["accounts.tenant_id"], name="fk_api_keys_accounts"),
    )
    op.create_index("ix_api_keys_tenant", "api_keys", ["tenant_id", "id"])
    op.create_table(
        "request_counts",
        sa.Column("tenant_id", NAME, nullable=False),
        sa.Column("minute", sa.BigInteger, nullable=False),
        sa.Column("granted", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_request_counts"),
    )


def _create_answers() -> None:
    op.create_table(
        "answers",
        sa.Column("tenant_id", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        *_scope(),
        sa.Column("fingerprint", DIGEST, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.Text),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key", name="pk_answers"),
    )
    op.create_index("ix_answers_expiry", "answers", ["expires_at"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", ID, nullable=False),
        sa.Column("tenant_id", NAME),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("key_id", ID),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("target", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_tenant", "audit", ["tenant_id", "id"])


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("tenant_id", NAME, nullable=False),
        sa.Column("id", ID, nullable=False),
        *_scope(),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("payload", sa.JSON),
        sa.Column("result", sa.JSON),
        sa.Column("reason", NAME),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("idempotency_key", NAME),
        sa.Column("cancelling", sa.Boolean, nullable=False),
        sa.Column("worker", NAME),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_jobs"),
        sa.UniqueConstraint("tenant_id", "idempotency_key", name="uq_jobs_idempotency_key"),
    )
    op.create_index("ix_jobs_due", "jobs", ["state", "due_at"])


def _scope() -> list[sa.Column[str]]:
    return [sa.Column(name, NAME, nullable=False) for name in ("user_id", "agent_id", "session_id")]
