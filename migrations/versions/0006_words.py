"""Words beside embeddings: a column of them, and a full-text index that goes with each row.

SQLite gets an FTS5 table and triggers that keep it; a later step that makes `memories` or `retired` anew
(`batch_alter_table`) has to make the triggers anew too. PostgreSQL gets an index on the column.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from memory.text.search_words import search_words

revision = "0006"
down_revision = "0005"

TABLES = {"memories": "m", "retired": "r"}  # with the letter that their keys begin with
AT_ONCE = 500


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("words", sa.Text, nullable=False, server_default=sa.text("''")))
        _fill(table)
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE words USING fts5"
            "(id UNINDEXED, key, word, detail = column, "
            "tokenize = \"unicode61 remove_diacritics 0 categories 'L* N* M* Co'\")"
        )
        for table, letter in TABLES.items():
            _create_triggers(table, letter)
    else:
        for table in TABLES:
            vector = "array_to_tsvector(string_to_array(words, ' '))"
            op.execute(f"CREATE INDEX words_{table} ON {table} USING gin ({vector})")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            for event in ("insert", "update", "delete"):
                op.execute(f"DROP TRIGGER words_{table}_{event}")
        op.execute("DROP TABLE words")
    else:
        for table in TABLES:
            op.execute(f"DROP INDEX words_{table}")
    for table in TABLES:
        op.drop_column(table, "words")


def _fill(name: str) -> None:
    """Cut the texts that are there, some at a time."""
    columns = (sa.column(column) for column in ("tenant_id", "id", "text", "words"))
    table: Any = sa.table(name, *columns)
    connection = op.get_bind()
    key = sa.tuple_(table.c.tenant_id, table.c.id)
    last = ("", "")
    while True:
        after = key > sa.tuple_(*map(sa.literal, last))
        wanted = sa.select(table.c.tenant_id, table.c.id, table.c.text).where(after)
        rows = connection.execute(wanted.order_by(table.c.tenant_id, table.c.id).limit(AT_ONCE)).all()
        if not rows:
            return
        this = sa.and_(table.c.tenant_id == sa.bindparam("whose"), table.c.id == sa.bindparam("which"))
        filled = sa.update(table).where(this).values(words=sa.bindparam("cut"))
        connection.execute(
            filled, [{"whose": r[0], "which": r[1], "cut": " ".join(search_words(r[2]))} for r in rows]
        )
        last = (rows[-1][0], rows[-1][1])


def _create_triggers(table: str, letter: str) -> None:
    put = f"INSERT INTO words (id, key, word) VALUES (new.id, {_key('new', letter)}, new.words);"
    row = f"{letter!r} || hex(old.tenant_id) || 'x' || hex(old.id)"
    drop = (
        "DELETE FROM words WHERE rowid IN "
        f"(SELECT rowid FROM words WHERE words MATCH 'key : \"' || {row} || '\"');"
    )
    op.execute(f"CREATE TRIGGER words_{table}_insert AFTER INSERT ON {table} BEGIN {put} END")
    op.execute(f"CREATE TRIGGER words_{table}_delete AFTER DELETE ON {table} BEGIN {drop} END")
    op.execute(f"CREATE TRIGGER words_{table}_update AFTER UPDATE OF words ON {table} BEGIN {drop} {put} END")
    op.execute(f"INSERT INTO words (id, key, word) SELECT id, {_key(table, letter)}, words FROM {table}")


def _key(row: str, letter: str) -> str:
    """Whose a row is, as SQL: its tenant; tenant and id; tenant and each name of its scope."""
    tenant = f"{letter!r} || hex({row}.tenant_id)"
    parts = [
        tenant,
        f"{tenant} || 'x' || hex({row}.id)",
        *(f"{tenant} || 'x{field[0]}' || hex({row}.{field}_id)" for field in ("user", "agent", "session")),
    ]
    return " || ' ' || ".join(parts)
