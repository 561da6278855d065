"""Alembic steps that lead an older database to the tables of this version; run by `backends/sql/migrate.py`."""
