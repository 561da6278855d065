"""`memory pin`, `reindex` and `sweep`: pin, rebuild after a model change, tidy up."""

from __future__ import annotations

from typing import Annotated

import typer

from memory.cli.columns import MEMORIES
from memory.cli.look import Id
from memory.cli.options import Anybody, Json, full_id, setup
from memory.cli.output import Output


def pin(
    context: typer.Context,
    memory_id: Id,
    off: Annotated[bool, typer.Option("--off", help="Unpin it.")] = False,
    user: Anybody = None,
    as_json: Json = False,
) -> None:
    """Pin a memory, so that it is selected first when it is relevant; it is never compacted."""
    out = Output(as_json)
    with setup(context).memory() as memory:
        record = memory.pin(full_id(memory, memory_id, user), not off, user_id=user)
    out.rows([record], (*MEMORIES[:1], *MEMORIES[-1:]), record)


def reindex(context: typer.Context, as_json: Json = False) -> None:
    """Regenerate adapters and embeddings after a change of MEMORY_MODEL or MEMORY_EMBEDDER.

    Both are made from the texts in the database. What already fits is left alone.
    """
    out = Output(as_json)
    with setup(context).local() as memory, out.progress("Regenerating") as progress:
        made = memory.reindex(progress=progress)
    out.pairs([("made again", made)], {"remade": made})


def sweep(context: typer.Context, as_json: Json = False) -> None:
    """Remove adapter files that no memory refers to; run it each night with an object store.

    A folder of adapter files is swept by itself.
    """
    out = Output(as_json)
    with setup(context).local() as memory:
        removed = memory.sweep()
    out.pairs([("removed", removed)], {"removed": removed})
