"""The options that verbs share, and what they name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, TypedDict

import typer

if TYPE_CHECKING:
    from memory.service import Service

User = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="NAME", help="Whose; by default MEMORY_USER, else your login name."),
]
Session = Annotated[str | None, typer.Option("--session", "-s", metavar="NAME", help="Which conversation.")]
Agent = Annotated[str | None, typer.Option("--agent", metavar="NAME", help="The agent it belongs to.")]
Anybody = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="NAME", help="Only if it is theirs."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class WrongUsage(Exception):
    """The arguments do not go together."""


class Whose(TypedDict):
    """Whose memory, as the service takes it."""

    user_id: str | None
    agent_id: str | None
    session_id: str | None


EVERYBODY: Whose = {"user_id": None, "agent_id": None, "session_id": None}


@dataclass(frozen=True, slots=True)
class Setup:
    """What the options before the verb say: where the memory is, and how to open it."""

    open: Callable[..., Service]
    home: str | None = None
    model: str | None = None

    def memory(self) -> Service:
        """The memory, opened; the caller closes it."""
        given = {"home": self.home, "model": self.model}
        return self.open(**{name: value for name, value in given.items() if value is not None})


def setup(context: typer.Context) -> Setup:
    """What the root command left for its verb."""
    found = context.find_object(Setup)
    if found is None:
        raise RuntimeError("a verb runs below the root command")
    return found


def whose(memory: Service, user: str | None, session: str | None = None, agent: str | None = None) -> Whose:
    """The user named, or the default one, and what narrows it."""
    return {
        "user_id": memory.settings.user if user is None else user,
        "agent_id": agent,
        "session_id": session,
    }
