"""Alembic steps that lead an older database to the tables of this version."""
