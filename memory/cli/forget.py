"""`memory forget`: asks, erases, and prints the receipt."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from memory.cli.columns import one_line
from memory.cli.options import Agent, Json, User, WrongUsage, full_id, setup, whose
from memory.cli.output import Column, Output
from memory.records import ErasureReceipt
from memory.text.figures import counted

if TYPE_CHECKING:
    from memory.client import Client
    from memory.records.inputs import Whose
    from memory.service import Service

_SHOWN = 60  # characters of a memory in the question whether to erase it


def forget(
    context: typer.Context,
    memory_id: Annotated[str | None, typer.Argument(metavar="[ID]", help="Memory id.")] = None,
    document: Annotated[
        str | None, typer.Option("--document", "-d", metavar="NAME", help="Everything of one document.")
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", "-s", metavar="NAME", help="Everything of one session.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Everything of the user.")] = False,
    user: User = None,
    agent: Agent = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: Json = False,
) -> None:
    """Erase memories: text, turns, adapters, embeddings, index. This cannot be undone.

    Give one ID, --session, --document or --all. The receipt lists what was erased, by id and hash.
    """
    named = [what for what in (memory_id, document, session, everything or None) if what is not None]
    if len(named) != 1:
        raise WrongUsage("what shall be forgotten? name one ID, --session, --document or --all")
    if not yes and not someone_there():
        raise WrongUsage("nobody is there to confirm it; give --yes")
    out = Output(as_json)
    with setup(context).memory() as memory:
        memory_id = None if memory_id is None else full_id(memory, memory_id, user)
        target = _Target(memory, whose(context, user, session, agent), memory_id, document)
        if memory_id is not None and user is None:
            target.scope["user_id"] = None  # an id names one memory, whoever's it is
        if not yes:
            typer.confirm(f"Erase {target}?", abort=True, err=True)
        receipt = target.erase()
    report(out, receipt)


def someone_there() -> bool:
    """Whether somebody can answer a question."""
    return sys.stdin.isatty()


@dataclass(frozen=True, slots=True)
class _Target:
    """What is to be erased."""

    memory: Service | Client
    scope: Whose
    memory_id: str | None
    document: str | None

    def __str__(self) -> str:
        if self.memory_id is not None:
            text = one_line(self.memory.get(self.memory_id, **self.scope).text)
            return f'"{text[:_SHOWN]}{"..." if len(text) > _SHOWN else ""}"'
        if self.document is not None:
            return f"the document {self.document} of {self.scope['user_id']}"
        stats = self.memory.stats(**self.scope)
        session = self.scope["session_id"]
        among = f", session {session}" if session is not None else ""
        return (
            f"{counted(stats.memories, 'memory')} and {counted(stats.turns, 'turn')} "
            f"of {self.scope['user_id']}{among}"
        )

    def erase(self) -> ErasureReceipt:
        return self.memory.forget(memory_id=self.memory_id, document_id=self.document, **self.scope)


def report(out: Output, receipt: ErasureReceipt) -> None:
    """The receipt of an erasure."""
    gone = [("memory", memory.memory_id, memory.content_hash) for memory in receipt.memories]
    gone += [("made again", memory_id, "") for memory_id in receipt.rebuilt]
    gone += [("turn", turn, "") for turn in receipt.turns]
    gone += [("adapter", digest, "") for digest in receipt.blobs]
    columns: tuple[Column[tuple[str, str, str]], ...] = (
        Column("erased", lambda row: row[0]),
        Column("id", lambda row: row[1], style="cyan"),
        Column("sha256 of its text", lambda row: row[2]),
    )
    out.rows(gone, columns, receipt)
    if out.terminal:
        out.note(
            f"Erased: {counted(len(receipt.memories), 'memory')}, {counted(len(receipt.turns), 'turn')}, "
            f"{counted(len(receipt.blobs), 'adapter')}."
        )
