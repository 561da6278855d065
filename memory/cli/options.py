"""Options shared by the verbs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory.errors import InvalidSettings
from memory.records import ID_LENGTH

if TYPE_CHECKING:
    from memory.backends.sql.database import Database
    from memory.client import Client
    from memory.records.inputs import Whose
    from memory.service import Service
    from memory.settings import Settings

User = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="NAME", help="User; default MEMORY_USER, then your login name."),
]
Session = Annotated[
    str | None, typer.Option("--session", "-s", metavar="NAME", help="Session (conversation).")
]
Agent = Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Agent.")]
Anybody = Annotated[
    str | None,
    typer.Option("--user", "-u", metavar="NAME", help="Only if it belongs to this user."),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option("--metadata", metavar="KEY=VALUE", help="Only what has this in its metadata; repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class WrongUsage(Exception):
    """The arguments do not go together."""


EVERYBODY: Whose = {"user_id": None, "agent_id": None, "session_id": None}


def items(given: Sequence[str] | None) -> dict[str, Any] | None:
    """Items of metadata: VALUE is JSON where it can be, else text. Raises WrongUsage."""
    if not given:
        return None
    found = {}
    for item in given:
        key, equals, value = item.partition("=")
        if not key or not equals:
            raise WrongUsage(f"--metadata is {item!r}; write KEY=VALUE")
        try:
            found[key] = json.loads(value)
        except (ValueError, RecursionError):
            found[key] = value
    return found


@dataclass(frozen=True, slots=True)
class Setup:
    """What the options before the verb say: where the memory is, and how to open it."""

    open: Callable[..., Service]
    verb: str | None
    home: str | None = None
    model: str | None = None
    as_set: bool = True  # `open` opens what the settings say, and nothing else

    def memory(self) -> Service | Client:
        """The memory: on the server of MEMORY_URL, else of this machine; the caller closes it."""
        settings = self.settings()
        url = self._server(settings)
        if url is None:
            return self.open(**self._given({}))
        try:
            from memory.client import Client
        except ImportError as error:
            raise needs("client", error) from error
        return Client(url, settings.server_key, timeout_s=settings.timeout_s)

    def local(self, **settings: Any) -> Service:
        """The memory of this machine, opened with these settings too; the caller closes it."""
        self.check_local()
        return self.open(**self._given(settings))

    def check_local(self) -> None:
        """Refuse what needs a memory of this machine, where a server is named. Raises InvalidSettings."""
        if self._server(self.settings()) is not None:
            raise InvalidSettings(
                f"`memory {self.verb}` works on a memory of this machine, and MEMORY_URL names a server; "
                "run it there, unset MEMORY_URL, or give --home"
            )

    def settings(self, **more: Any) -> Settings:
        """The settings it would be opened with. Raises InvalidSettings."""
        from memory.settings import Settings

        return Settings.load(**self._given(more))

    def _server(self, settings: Settings) -> str | None:
        """The server that is asked; a home or model that the call itself names is one of this machine."""
        return settings.url if self.home is None and self.model is None else None

    def _given(self, more: Mapping[str, Any]) -> dict[str, Any]:
        given = {"home": self.home, "model": self.model, **more}
        return {name: value for name, value in given.items() if value is not None}


def needs(extra: str, error: ImportError) -> InvalidSettings:
    """That packages of an extra are missing, and how to get them."""
    return InvalidSettings(
        f"this needs more packages ({error.name} is missing): pip install 'parametric-memory[{extra}]'"
    )


def setup(context: typer.Context) -> Setup:
    """What the root command left for its verb."""
    found = context.find_object(Setup)
    if found is None:
        raise RuntimeError("a verb runs below the root command")
    return found


@contextmanager
def opened_database(context: typer.Context, *, current: bool = True) -> Iterator[Database]:
    """The database of the memory, without the memory; its tables current unless told otherwise."""
    from memory.backends.sql import migrate
    from memory.backends.sql.database import Database
    from memory.bootstrap import database_url

    setup(context).check_local()
    settings = setup(context).settings()
    database = Database(database_url(settings), busy_timeout_s=settings.busy_timeout_s)
    try:
        if current:
            migrate.open_current(database)
        yield database
    finally:
        database.close()


def full_id(memory: Service | Client, memory_id: str, user: str | None) -> str:
    """The id of a memory that was named by it, or by its beginning. Raises NotFound, InvalidInput."""
    if len(memory_id) >= ID_LENGTH:
        return memory_id  # also of what is gone, and has a history
    return memory.get(memory_id, user_id=user).id


def whose(
    context: typer.Context, user: str | None, session: str | None = None, agent: str | None = None
) -> Whose:
    """The user named, or the default one, and what narrows it."""
    return {
        "user_id": setup(context).settings().user if user is None else user,
        "agent_id": agent,
        "session_id": session,
    }
