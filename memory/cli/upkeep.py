"""`memory reindex`: after a change of model."""

from __future__ import annotations

import typer

from memory.cli.options import Json, setup
from memory.cli.output import Output


def reindex(context: typer.Context, as_json: Json = False) -> None:
    """Make again what another model made: after a change of MEMORY_MODEL or MEMORY_EMBEDDER.

    Adapters and embeddings are made from the text in the database. What fits already stays.
    """
    out = Output(as_json)
    with setup(context).memory() as memory, out.progress("Making again") as progress:
        made = memory.reindex(progress=progress)
    out.pairs([("made again", made)], {"remade": made})
