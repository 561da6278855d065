"""`memory migrate`: upgrades the tables, or moves everything to another database, home or object store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from memory.cli.options import Json, WrongUsage, opened_database, setup
from memory.cli.output import Output

if TYPE_CHECKING:
    from memory.settings import Settings


def migrate(
    context: typer.Context,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="URL|HOME", help="Move everything to this database, or home directory."),
    ] = None,
    to_blobs: Annotated[
        str | None,
        typer.Option(
            "--to-blobs",
            metavar="PLACE",
            help="Move adapters there, as MEMORY_BLOBS names it; by default they go into a home, and with "
            "a database stay where they are.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Upgrade the database schema to this version, or move everything elsewhere; no data is lost.

    Every verb upgrades automatically. With several servers on one database, run this before restarting them.
    Moving, the memory can be read and not written; interrupted, run the same command again.
    """
    out = Output(as_json)
    if to is not None:
        _move(context, out, to, to_blobs)
    elif to_blobs is not None:
        raise WrongUsage("--to-blobs goes with --to")
    else:
        _upgrade(context, out)


def _upgrade(context: typer.Context, out: Output) -> None:
    from memory.backends.sql import migrate as steps

    with opened_database(context, current=False) as database:
        with database.read() as connection:
            before = steps.current(connection)
        steps.open_current(database)
    found = {"from": before, "to": steps.HEAD}
    out.pairs(found.items(), found)


def _move(context: typer.Context, out: Output, to: str, to_blobs: str | None) -> None:
    from memory.bootstrap import move

    setup(context).check_local()
    source = setup(context).settings()
    target = _target(source, to, to_blobs)
    with out.progress("Moving") as progress:
        report = move(source, target, progress)
    numbers = {**report.rows, "adapters": report.adapters, "damaged": report.damaged}
    out.pairs(numbers.items(), report)
    out.note(f"Set {_variables(target)} from now on. The source keeps a copy; remove it in the end.")


def _target(source: Settings, to: str, to_blobs: str | None) -> Settings:
    """The settings of where things go."""
    from memory.settings import Settings

    if "://" not in to:
        return Settings.load(home=to, database_url=None, blobs=to_blobs)
    stay = {"database_url": to, "blobs": to_blobs or source.adapter_place}
    return Settings.load(**{**source.model_dump(), **stay})


_LEADS = (
    "host",
    "port",
    "target_session_attrs",
    "sslmode",
)  # of a URL's query: others may be secret


def _variables(target: Settings) -> str:
    """What leads there, without a password."""
    from shlex import quote

    from memory.backends.sql.database import parsed_url

    if target.database_url is None:
        return f"MEMORY_HOME={target.home}" + (f" MEMORY_BLOBS={target.blobs}" if target.blobs else "")
    url = parsed_url(target.database_url)
    query = {name: value for name, value in url.query.items() if name in _LEADS}
    said = url.set(query=query).render_as_string(hide_password=True)
    return f"MEMORY_DATABASE_URL={quote(said)} MEMORY_BLOBS={target.adapter_place}"
