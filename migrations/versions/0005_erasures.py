"""What was erased, for work that began before: numbered erasures, and the number that a job began at.

Names in answers become digests: they outlived the people who had them. An answer is kept for a day, so a
downgrade drops them all.
"""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

FIELDS = ("user_id", "agent_id", "session_id")


def upgrade() -> None:
    digests = [
        sa.Column(name, sa.String(64), nullable=False)
        for name in ("user_digest", "agent_digest", "session_digest", "document_digest", "content_hash")
    ]
    op.create_table(
        "erasures",
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        *digests,
        sa.Column("metadata_digests", sa.JSON, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "number", name="pk_erasures"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_erasures_tenants"),
    )
    for table, column in (("tenants", "erased"), ("jobs", "since"), ("answers", "since")):
        op.add_column(table, sa.Column(column, sa.BigInteger, nullable=False, server_default=sa.text("0")))
    _digest_names()


def downgrade() -> None:
    op.execute("DELETE FROM answers")
    for table, column in (("answers", "since"), ("jobs", "since"), ("tenants", "erased")):
        op.drop_column(table, column)
    op.drop_table("erasures")


def _digest_names() -> None:
    answers = sa.table("answers", *(sa.column(name) for name in ("tenant_id", "key", *FIELDS)))
    connection = op.get_bind()
    for row in connection.execute(sa.select(answers)).all():
        values = {
            field: _digest(row.tenant_id, field, value) for field in FIELDS if (value := getattr(row, field))
        }
        values["key"] = _digest(row.tenant_id, "key", row.key)
        this = (answers.c.tenant_id == row.tenant_id) & (answers.c.key == row.key)
        connection.execute(sa.update(answers).where(this).values(values))


def _digest(tenant_id: str, field: str, value: str) -> str:
    return hashlib.sha256("\0".join((tenant_id, field, value)).encode()).hexdigest()
