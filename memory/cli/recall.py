"""`memory recall`: texts for another model's prompt."""

from __future__ import annotations

from typing import Annotated

import typer

from memory.cli.options import Agent, Json, Session, User, setup, whose
from memory.cli.output import Output, visible
from memory.cli.times import AsOf, moment
from memory.records.inputs import MAX_RECALLED


def recall(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="What the other model is about to be asked.")],
    k: Annotated[
        int, typer.Option("-k", "--count", min=1, max=MAX_RECALLED, help="Maximum number of texts.")
    ] = 20,
    max_tokens: Annotated[
        int | None, typer.Option("--max-tokens", min=1, metavar="N", help="Token budget for all texts.")
    ] = None,
    as_of: AsOf = None,
    user: User = None,
    session: Session = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Print the memories that another model should read before it answers, ready for its prompt."""
    out = Output(as_json)
    with setup(context).memory() as memory:
        found = memory.recall(
            query, k=k, max_tokens=max_tokens, as_of=moment(as_of), **whose(context, user, session, agent)
        )
    if out.json:
        out.document({"prompt": found.prompt, "tokens": found.tokens, "texts": list(found)})
    elif found:
        out.line("\n".join(map(visible, found.prompt.splitlines())))
    elif out.terminal:
        out.note("No memories here.")
