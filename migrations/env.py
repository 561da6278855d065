"""Alembic's entry: runs steps on the connection, and in the transaction, that `migrate.py` gives."""

from __future__ import annotations

from alembic import context

from memory.backends.sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by making it anew
    transactional_ddl=True,  # SQLite's DDL is, once the driver does not commit behind our back
)
with context.begin_transaction():
    context.run_migrations()
