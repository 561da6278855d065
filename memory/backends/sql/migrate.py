"""Brings a database to the tables of this version, or refuses one that is newer.

The steps are in the folder migrations/ beside this package, in a checkout and in an installed wheel
alike. It is found by place and not by name: a user's own project may well have a `migrations` package.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from memory.backends.sql.database import Database
from memory.errors import SchemaTooNew, StoreUnavailable

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0007"  # the newest step; kept here so that opening a current database need not import Alembic
MOVING = f"moving to {HEAD}"  # stands in the place of a step while rows are moved in; see moving.py
FOLDER = Path(__file__).resolve().parents[3] / "migrations"

_LOCK = 0x70617261  # PostgreSQL's advisory lock for migrating; any number nobody else uses


def open_current(database: Database) -> None:
    """Migrate an empty or older database to HEAD; cheap for a current one. Raises SchemaTooNew."""
    with database.read() as connection:
        if current(connection) == HEAD:
            return
    with database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        upgrade(connection)


def current(connection: Connection) -> str | None:
    """The step the database stands at; None for one without our tables."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def mark(connection: Connection, step: str) -> None:
    """Say that the database stands at a step, or is MOVING."""
    connection.execute(text("UPDATE alembic_version SET version_num = :step"), {"step": step})


def upgrade(connection: Connection, step: str = "head") -> None:
    """Run the missing steps in the connection's transaction. Raises SchemaTooNew."""
    from alembic import command
    from alembic.script import ScriptDirectory

    config = configuration(connection)
    found = current(connection)
    if found is not None and found.startswith("moving"):
        raise StoreUnavailable(
            "memories are being moved into this database, or that was interrupted; run `memory migrate --to` "
            "again, with the version of parametric-memory that began it"
        )
    known = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    if found is not None and found not in known:
        raise SchemaTooNew(
            f"the database is at schema step {found!r}, this version knows steps up to {HEAD!r}; "
            "install the newer parametric-memory that wrote it"
        )
    command.upgrade(config, step)


def downgrade(connection: Connection, step: str) -> None:
    """Take steps back, to the one named or to "base", in the connection's transaction."""
    from alembic import command

    command.downgrade(configuration(connection), step)


def configuration(connection: Connection) -> Config:
    """Alembic's configuration for our steps on this connection."""
    from alembic.config import Config

    if not (FOLDER / "env.py").is_file():
        raise StoreUnavailable(f"the migration steps are missing from {FOLDER}; install the package again")
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
