"""`memory export` and `memory import`: memories as one file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory.cli.options import EVERYBODY, Agent, Json, Session, User, WrongUsage, setup, whose
from memory.cli.output import Output, jsonable
from memory.errors import InvalidInput
from memory.text.figures import counted, size

if TYPE_CHECKING:
    from memory.records.inputs import Whose

Tenant = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Tenant; default MEMORY_TENANT.")
]


class Source(StrEnum):
    """Whose form an imported file has."""

    archive = "archive"
    chatgpt = "chatgpt"
    claude = "claude"
    mem0 = "mem0"
    zep = "zep"
    openai_messages = "openai-messages"


def export(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Archive to write, such as ana.zip.")],
    everybody: Annotated[bool, typer.Option("--all", help="Everything of the tenant.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
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
    if path.is_file() and not force:
        raise InvalidInput(f"{path} is there already; name another file, or replace it with --force")
    out = Output(as_json)
    with setup(context).memory() as memory, out.progress("Exporting") as progress:
        who = EVERYBODY if everybody else whose(context, user, session, agent)
        scope: Whose = {**who, "tenant_id": tenant or memory.status().tenant_id}
        report = memory.export(path, progress=progress, **scope)
    out.pairs(list(jsonable(report).items()), report)
    if out.terminal:
        out.note(f"{counted(report.memories, 'memory')} in {report.path}, {size(report.nbytes)}.")


def import_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Archive, or another product's export.")],
    source: Annotated[
        Source, typer.Option("--from", help="Whose form the file has; default our own archive.")
    ] = Source.archive,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what another product's file holds; add nothing.")
    ] = False,
    tenant: Tenant = None,
    user: Annotated[
        str | None,
        typer.Option("--user", "-u", metavar="NAME", help="Import under this user; default as in the file."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Import an archive of `memory export`, or a history of another product; known content is left as it is.

    Adapters of the current model are reused; others are regenerated from the texts.
    """
    if source is not Source.archive:
        _history(context, path, source.value, dry_run, tenant, user, Output(as_json))
        return
    if dry_run:
        raise WrongUsage("--dry-run goes with --from: an archive says in its manifest what it holds")
    _refuse_history(path)
    out = Output(as_json)
    with setup(context).memory() as memory, out.progress("Importing") as progress:
        report = memory.import_(path, progress=progress, user_id=user, tenant_id=tenant)
    out.pairs(list(jsonable(report).items()), report)


def _history(
    context: typer.Context,
    path: Path,
    source: str,
    dry_run: bool,
    tenant: str | None,
    user: str | None,
    out: Output,
) -> None:
    doing = "Reading" if dry_run else "Importing"
    with setup(context).local() as memory, out.progress(doing) as progress:
        report = memory.import_history(
            path, source, dry_run=dry_run, progress=progress, user_id=user, tenant_id=tenant
        )
    named = [(name, value) for name, value in jsonable(report).items() if name != "left_out"]
    out.pairs(named + [(f"left out: {why}", many) for why, many in report.left_out.items()], report)
    if out.terminal:
        told = (
            f"{counted(report.new_messages, 'message')} to add"
            if dry_run
            else (
                f"{counted(report.memories, 'memory')} from {counted(report.conversations, 'conversation')}"
            )
        )
        out.note(f"{told}{' (dry run: nothing was stored)' if dry_run else ''}.")


def _refuse_history(path: Path) -> None:
    """Say which option a file of another product needs. Raises InvalidInput."""
    from memory.upkeep.histories import formats

    if not path.is_file():
        return
    found = None if formats.is_archive(path) else formats.guess(path)
    if found is not None:
        raise InvalidInput(
            f"{path.name} is no archive of `memory export`; it looks like {formats.PRODUCTS[found]}: "
            f"add --from {found}"
        )
