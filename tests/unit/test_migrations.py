"""The migrated schema is the declared one, and databases of other versions are met properly."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from setuptools import find_packages
from sqlalchemy import Connection, inspect, text

from memory import migrate
from memory.database import Database, sqlite_url
from memory.errors import SchemaTooNew, StoreUnavailable
from memory.sql_store import SqlStore
from memory.tables import metadata
from tests.tiny_memories import ANA, record, vectors


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(sqlite_url(tmp_path / "memory.db"))


def differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


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


def test_the_newest_step_is_the_one_we_name(database: Database) -> None:
    """HEAD spares Alembic's import; it must not fall behind the folder."""
    with database.read() as connection:
        steps = ScriptDirectory.from_config(migrate.configuration(connection))
    assert steps.get_current_head() == migrate.HEAD


def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    """The message names both versions and says what to do; nothing in it changes."""
    url = sqlite_url(tmp_path / "memory.db")
    SqlStore.open(url).close()
    database = Database(url)
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0999'"))
    with pytest.raises(SchemaTooNew, match=r"'0999'.*'0002'.*install the newer"):
        SqlStore.open(url)
    with database.read() as connection:
        assert migrate.current(connection) == "0999"


def test_opening_again_keeps_what_is_there(tmp_path: Path) -> None:
    """A current database is not migrated."""
    url = sqlite_url(tmp_path / "memory.db")
    first = SqlStore.open(url)
    [tea] = first.add([record("tea")], vectors(1))
    first.close()
    assert SqlStore.open(url).get(ANA, tea.id) == tea


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
