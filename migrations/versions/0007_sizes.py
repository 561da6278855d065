"""How many bytes each row keeps, and indexes from which they are summed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

COUNTED = {
    "memories": ("text", "metadata"),
    "retired": ("text", "metadata"),
    "turns": ("text",),
    "jobs": ("payload", "result"),
    "answers": ("body",),
}
INDEXES = {
    "memories": ("size", "valid_from", "valid_until", "expires_at"),
    "retired": ("size",),
    "turns": ("size",),
    "jobs": ("state", "size"),
    "answers": ("size",),
}


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    octets = "length(CAST({} AS BLOB))" if sqlite else "octet_length(CAST({} AS TEXT))"
    for table, columns in COUNTED.items():
        op.add_column(table, sa.Column("size", sa.BigInteger, nullable=False, server_default=sa.text("0")))
        size = " + ".join(f"coalesce({octets.format(name)}, 0)" for name in columns)
        brackets = " - 2" if "metadata" in columns else ""
        op.execute(f"UPDATE {table} SET size = {size}{brackets}")
        op.create_index(f"ix_{table}_size", table, ["tenant_id", *INDEXES[table]])
    _index_blobs("tenant_id", "digest", "nbytes")


def downgrade() -> None:
    _index_blobs("tenant_id", "digest")
    for table in COUNTED:
        op.drop_index(f"ix_{table}_size", table)
        op.drop_column(table, "size")


def _index_blobs(*columns: str) -> None:
    op.drop_index("ix_memories_blob", "memories")
    op.create_index("ix_memories_blob", "memories", [*columns])
