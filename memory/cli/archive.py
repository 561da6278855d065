"""`memory export` and `memory import`: memories as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memory.cli.columns import counted, size
from memory.cli.options import EVERYBODY, Agent, Json, Session, User, WrongUsage, setup, whose
from memory.cli.output import Output, jsonable

Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="The tenant; by default MEMORY_TENANT.")
]


def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="The file to write, such as ana.zip.")],
    everybody: Annotated[bool, typer.Option("--all", help="All of the tenant's.")] = False,
    tenant: Tenant = None,
    user: User = None,
    session: Session = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Write a user, a session or a tenant into one file: texts, turns, adapters, and what was so once.

    Whoever has the file can read all of it.
    """
    if everybody and (user or session or agent):
        raise WrongUsage("--all is everybody's; name nobody, or leave it out")
    out = Output(as_json)
    with setup(context).memory() as memory, out.progress("Exporting") as progress:
        scope = EVERYBODY if everybody else whose(memory, user, session, agent)
        report = memory.export(path, progress=progress, tenant_id=tenant or memory.settings.tenant, **scope)
    out.pairs(list(jsonable(report).items()), report)
    if out.terminal:
        out.note(f"{counted(report.memories, 'memory')} in {report.path}, {size(report.nbytes)}.")


def import_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="What `memory export` wrote.")],
    tenant: Tenant = None,
    user: Annotated[
        str | None,
        typer.Option("--user", "-u", metavar="NAME", help="Whose it shall be; by default as in the file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Add what a file of `memory export` holds; what is there already is left as it is.

    Adapters of the model in use are taken over; those of another are made again from the texts.
    """
    out = Output(as_json)
    with setup(context).memory() as memory, out.progress("Importing") as progress:
        report = memory.import_(path, progress=progress, user_id=user, tenant_id=tenant)
    out.pairs(list(jsonable(report).items()), report)
