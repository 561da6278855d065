"""`memory reindex`, after a change of model, and `memory migrate`, after one of version."""

from __future__ import annotations

import typer

from memory.cli.options import Json, opened_database, setup
from memory.cli.output import Output


def reindex(context: typer.Context, as_json: Json = False) -> None:
    """Make again what another model made: after a change of MEMORY_MODEL or MEMORY_EMBEDDER.

    Adapters and embeddings are made from the text in the database. What fits already stays.
    """
    out = Output(as_json)
    with setup(context).memory() as memory, out.progress("Making again") as progress:
        made = memory.reindex(progress=progress)
    out.pairs([("made again", made)], {"remade": made})


def migrate(context: typer.Context, as_json: Json = False) -> None:
    """Bring the tables of the database to this version; what is stored stays.

    Every verb does so by itself. With several servers on one database, run this before they start anew.
    """
    from memory import migrate as steps

    out = Output(as_json)
    with opened_database(context, current=False) as database:
        with database.read() as connection:
            before = steps.current(connection)
        steps.open_current(database)
    found = {"from": before, "to": steps.HEAD}
    out.pairs(found.items(), found)
