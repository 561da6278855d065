"""`memory export` and `memory import`: memories as one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from memory.cli.columns import counted, size
from memory.cli.options import EVERYBODY, Agent, Json, Session, User, WrongUsage, setup, whose
from memory.cli.output import Output, jsonable

Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Tenant; default MEMORY_TENANT.")
]


def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Archive to write, such as ana.zip.")],
    everybody: Annotated[bool, typer.Option("--all", help="Everything of the tenant.")] = False,
    tenant: Tenant = None,
    user: User = None,
    session: Session = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Export a user, a session or a tenant into one archive: texts, turns, adapters and past versions.

    The archive is not encrypted.
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
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Archive written by `memory export`.")],
    tenant: Tenant = None,
    user: Annotated[
        str | None,
        typer.Option("--user", "-u", metavar="NAME", help="Import under this user; default as in the file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Import an archive of `memory export`; existing memories are left as they are.

    Adapters of the current model are reused; others are regenerated from the texts.
    """
    out = Output(as_json)
    with setup(context).memory() as memory, out.progress("Importing") as progress:
        report = memory.import_(path, progress=progress, user_id=user, tenant_id=tenant)
    out.pairs(list(jsonable(report).items()), report)
