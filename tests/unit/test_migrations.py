"""The migrated schema is the declared one, and databases of other versions are met properly."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from setuptools import find_packages
from sqlalchemy import JSON, URL, Column, Connection, MetaData, Table, inspect, select, text

from memory.backends.sql import migrate
from memory.backends.sql.database import Database
from memory.backends.sql.store import SqlStore
from memory.backends.sql.tables import metadata
from memory.errors import SchemaTooNew, StoreUnavailable
from tests.tiny_memories import ANA, NOON, record, vectors


@pytest.fixture
def database(empty_url: URL) -> Iterator[Database]:
    opened = Database(empty_url)
    yield opened
    opened.close()


def steps(connection: Connection) -> list[str]:
    """Every step, the first one first."""
    scripts = ScriptDirectory.from_config(migrate.configuration(connection)).walk_revisions()
    return [script.revision for script in scripts][::-1]


def differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True, "include_name": _declared}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def _declared(name: str | None, kind: str, _: object) -> bool:
    """Full-text indexes are made by their step alone: SQLAlchemy has no word for them."""
    return kind not in ("table", "index") or not str(name).startswith("words")


def test_the_steps_lead_to_the_declared_tables(database: Database) -> None:
    """Alembic finds nothing to add, drop or change."""
    migrate.open_current(database)
    with database.read() as connection:
        assert differences(connection) == []
        assert migrate.current(connection) == migrate.HEAD


def test_a_missing_column_would_be_noticed(database: Database) -> None:
    """The comparison above can fail."""
    migrate.open_current(database)
    with database.write() as connection:
        connection.execute(text("ALTER TABLE turns DROP COLUMN internalized"))
        assert len(differences(connection)) == 1


def test_the_steps_lead_back_and_forth(database: Database) -> None:
    """Down to nothing and up again gives the same tables."""
    migrate.open_current(database)
    with database.write() as connection:
        migrate.downgrade(connection, "base")
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}
    migrate.open_current(database)
    with database.read() as connection:
        assert differences(connection) == []


def test_every_step_leads_up_and_down_and_keeps_what_is_there(database: Database) -> None:
    """One at a time, with rows of the first tables in place: each is there after every step, in both ways."""
    with database.write() as connection:
        every = steps(connection)
        migrate.upgrade(connection, every[0])
        _fill(connection)
        before = _rows(connection)
        assert all(before.values())
        for step in every[1:]:
            migrate.upgrade(connection, step)
            assert migrate.current(connection) == step
            assert _rows(connection) == before
        assert differences(connection) == []
        for step in every[-2::-1]:
            migrate.downgrade(connection, step)
            assert migrate.current(connection) == step
            assert _rows(connection) == before


def test_the_newest_step_is_the_one_we_name(database: Database) -> None:
    """HEAD spares Alembic's import; it must not fall behind the folder."""
    with database.read() as connection:
        assert steps(connection)[-1] == migrate.HEAD


def test_a_newer_database_is_refused_and_left_alone(database: Database, empty_url: URL) -> None:
    """The message names both versions and says what to do; nothing in it changes."""
    SqlStore.open(empty_url).close()
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(SchemaTooNew, match=rf"'0999'.*'{migrate.HEAD}'.*install the newer"):
        SqlStore.open(empty_url)
    with database.read() as connection:
        assert migrate.current(connection) == "0999"


def test_opening_again_keeps_what_is_there(empty_url: URL) -> None:
    """A current database is not migrated."""
    first = SqlStore.open(empty_url)
    [tea] = first.add([record("tea")], vectors(1))
    first.close()
    again = SqlStore.open(empty_url)
    assert again.get(ANA, tea.id) == tea
    again.close()


def test_processes_that_open_an_empty_database_at_once_migrate_it_once(empty_url: URL) -> None:
    """The others wait, and find it done."""
    with ThreadPoolExecutor(4) as pool:
        stores = [*pool.map(lambda _: SqlStore.open(empty_url), range(4))]
    assert [store.tenants() for store in stores] == [[]] * 4
    for store in stores:
        store.close()


def test_a_step_that_fails_leaves_nothing_half_done(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All steps are one transaction: after an error the database is as empty as before."""
    from alembic.operations import Operations

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(Operations, "create_index", refuse)
    with pytest.raises(RuntimeError):
        migrate.open_current(database)
    with database.read() as connection:
        assert inspect(connection).get_table_names() == []


def _fill(connection: Connection) -> None:
    """One row in each table of the first step, written as the first version wrote them."""
    tables = _reflected(connection)
    connection.execute(tables["tenants"].insert().values(tenant_id="default", seq=1, last="m"))
    for table in (tables["memories"], tables["turns"], tables["history"]):
        values = {column.name: _value(column) for column in table.columns}
        connection.execute(table.insert().values(values))


def _value(column: Column[Any]) -> object:
    """Something the column takes."""
    if column.name == "tenant_id":
        return "default"
    if isinstance(column.type, JSON):
        return {"page": 3}
    samples = {str: "é", int: 7, datetime: NOON, bytes: b"\x00\xff", bool: True}
    return samples[column.type.python_type]


def _rows(connection: Connection) -> dict[str, list[dict[str, object]]]:
    """What is in the columns of the first step, whatever later steps add to them."""
    return {
        name: [
            {column: value for column, value in row.items() if column in _FIRST[name]}
            for row in connection.execute(select(table)).mappings()
        ]
        for name, table in _reflected(connection).items()
        if name in _FIRST
    }


_FIRST = {
    "tenants": {"tenant_id", "seq", "last"},
    "memories": {"id", "user_id", "text", "metadata", "embedding", "created_at", "expires_at", "nbytes"},
    "turns": {"id", "session_id", "ordinal", "text", "internalized"},
    "history": {"seq", "memory_id", "event", "user_digest"},
}


def _reflected(connection: Connection) -> dict[str, Table]:
    there = MetaData()
    there.reflect(connection)
    return dict(there.tables)


def test_the_steps_are_installed_with_the_package() -> None:
    """The wheel takes the folder and its steps along, and it is looked for beside the package."""
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    wanted = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {"migrations", "migrations.versions"} <= set(find_packages(str(root), include=wanted))
    assert root / "migrations" == migrate.FOLDER


def test_a_folder_without_steps_is_an_error(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation says so."""
    monkeypatch.setattr(migrate, "FOLDER", tmp_path)
    with pytest.raises(StoreUnavailable, match="install the package again"):
        migrate.open_current(database)
