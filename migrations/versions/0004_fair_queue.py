"""When a job of each tenant was claimed last, so that tenants take turns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "served",
        sa.Column("tenant_id", sa.String(255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_served"),
    )


def downgrade() -> None:
    op.drop_table("served")
