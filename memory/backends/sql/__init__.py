"""The memory store in SQL: SQLite and PostgreSQL through SQLAlchemy."""
