"""`memory skill add`, `memory skill list` and `memory skill remove`: manage skills."""

from __future__ import annotations

from typing import Annotated

import typer

from memory.cli.columns import ago, one_line
from memory.cli.forget import report
from memory.cli.options import Agent, Anybody, Json, Session, User, setup, whose
from memory.cli.output import Column, Output
from memory.errors import NotFound
from memory.records import MAX_PAGE, MemoryRecord

verbs = typer.Typer(no_args_is_help=True, help="Skills: descriptions of how to answer, as adapters.")

SKILLS: tuple[Column[MemoryRecord], ...] = (
    Column("id", lambda r: r.id, style="cyan", fit="whole"),
    Column("age", lambda r: r.created_at, lambda r: ago(r.created_at), justify="right", fit="whole"),
    Column("joins", lambda r: "always" if r.metadata.get("pinned") else "when near", fit="whole"),
    Column("for", lambda r: _scope(r), fit="crop"),
    Column("description", lambda r: r.text, lambda r: one_line(r.text), fit="crop"),
)


@verbs.command("add")
def add(
    context: typer.Context,
    description: Annotated[str, typer.Argument(help="How to answer, in a sentence or two.")],
    near: Annotated[
        bool, typer.Option("--when-near", help="Join only turns similar to it, instead of all.")
    ] = False,
    user: User = None,
    session: Session = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Turn a description into a skill: its adapter joins the turns of the given user, session or agent.

    With --agent and no --user it applies to everybody who talks to the agent.
    """
    out = Output(as_json)
    with setup(context).memory() as memory:
        scope = whose(context, user, session, agent)
        if agent is not None and user is None:
            scope["user_id"] = None
        record = memory.add_skill(description, pinned=not near, **scope)
    out.rows([record], SKILLS, record)


@verbs.command("list")
def list_(context: typer.Context, user: User = None, agent: Agent = None, as_json: Json = False) -> None:
    """List skills, newest first: the user's, or an agent's."""
    out = Output(as_json)
    with setup(context).memory() as memory:
        scope = whose(context, user, None, agent)
        if agent is not None and user is None:
            scope["user_id"] = None
        page = memory.list(kind="skill", limit=MAX_PAGE, **scope)
    out.rows(page.records, SKILLS, {"skills": page.records})
    if out.terminal and not page.records:
        out.note("No skills here.")


@verbs.command("remove")
def remove(
    context: typer.Context,
    memory_id: Annotated[
        str, typer.Argument(metavar="ID", help="Skill id, as `memory skill list` shows it.")
    ],
    user: Anybody = None,
    as_json: Json = False,
) -> None:
    """Erase a skill, with a receipt."""
    out = Output(as_json)
    with setup(context).memory() as memory:
        found = memory.get(memory_id, user_id=user)
        if found.kind != "skill":
            raise NotFound(f"memory {memory_id!r} is not a skill; `memory forget` erases memories")
        receipt = memory.delete(found.id, user_id=user)
    report(out, receipt)


def _scope(record: MemoryRecord) -> str:
    names = (record.scope.user_id, record.scope.agent_id, record.scope.session_id)
    kinds = ("user", "agent", "session")
    return ", ".join(f"{kind} {name}" for kind, name in zip(kinds, names, strict=True) if name is not None)
