"""The `memory` command: its verbs, the options before them, and its error handler."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memory.cli import (
    answer,
    archive,
    compact,
    demo,
    edit,
    forget,
    look,
    mcp,
    migrate,
    model,
    recall,
    remember,
    serve,
    skill,
    upkeep,
)
from memory.cli.keys import keys
from memory.cli.options import Setup, WrongUsage
from memory.cli.output import visible
from memory.errors import (
    Forbidden,
    NotFound,
    ParametricMemoryError,
    ServerMismatch,
    ServerUnavailable,
    Unauthenticated,
)

if TYPE_CHECKING:
    from memory.service import Service

FAILED, USAGE, NOT_FOUND, NO_SERVER, NO_KEY, STOPPED = 1, 2, 3, 4, 5, 130  # exit codes

_CODES = (
    (NotFound, NOT_FOUND),
    (ServerUnavailable, NO_SERVER),
    (ServerMismatch, NO_SERVER),
    (Unauthenticated, NO_KEY),
    (Forbidden, NO_KEY),
)

app = typer.Typer(
    pretty_exceptions_enable=False,
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 no server, 5 key refused, "
    "130 stopped. Every setting is also a MEMORY_* variable: docs/settings.md.",
)
for panel, name, verb in (
    ("Start here", "demo", demo.demo),
    ("Remember and answer", "add", remember.add),
    ("Remember and answer", "ask", answer.ask),
    ("Remember and answer", "chat", answer.chat),
    ("Inspect", "search", answer.search),
    ("Inspect", "recall", recall.recall),
    ("Inspect", "list", look.list_),
    ("Inspect", "show", look.show),
    ("Inspect", "history", look.history),
    ("Inspect", "status", look.status),
    ("Serve", "serve", serve.serve),
    ("Serve", "mcp", mcp.mcp),
    ("Maintenance", "forget", forget.forget),
    ("Maintenance", "edit", edit.edit),
    ("Maintenance", "pin", upkeep.pin),
    ("Maintenance", "compact", compact.compact),
    ("Maintenance", "export", archive.export),
    ("Maintenance", "import", archive.import_),
    ("Maintenance", "reindex", upkeep.reindex),
    ("Maintenance", "sweep", upkeep.sweep),
    ("Maintenance", "migrate", migrate.migrate),
):
    app.command(name, rich_help_panel=panel)(verb)
for panel, name, group in (
    ("Remember and answer", "skill", skill.verbs),
    ("Serve", "keys", keys),
    ("Maintenance", "model", model.verbs),
):
    app.add_typer(group, name=name, rich_help_panel=panel)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    home: Annotated[
        str | None, typer.Option("--home", metavar="PATH", help="Home directory; default MEMORY_HOME.")
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="PATH", help="Model; default MEMORY_MODEL.")
    ] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Memory that answers from weights: conversations and documents become LoRA adapters.

    Everything stays on this machine. Without --user a verb acts for MEMORY_USER, else for your login name.
    """
    if version:
        from importlib.metadata import version as installed

        print(f"parametric-memory {installed('parametric-memory')}")
        raise typer.Exit()
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit()
    given = context.obj
    context.obj = Setup(given or _open, context.invoked_subcommand, home, model, as_set=given is None)


def main(argv: Sequence[str] | None = None, *, open_memory: Callable[..., Service] | None = None) -> int:
    """Run the command; returns its exit code. `open_memory` opens the memory in place of `memory.open`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a pipe may be unable to say an emoji
    if sys.stdin is None:  # closed, as some supervisors leave it: nobody is there, and nothing is piped in
        sys.stdin = io.TextIOWrapper(io.BytesIO())
    args = None if argv is None else list(argv)
    try:
        code: int = app(args=args, prog_name="memory", standalone_mode=False, obj=open_memory) or 0
        return _fail("stopped", STOPPED) if code == STOPPED else code  # typer makes this of Ctrl-C
    except (KeyboardInterrupt, typer.Abort):
        return _fail("stopped", STOPPED)
    except ParametricMemoryError as error:
        return _fail(str(error), next((code for kind, code in _CODES if isinstance(error, kind)), FAILED))
    except WrongUsage as error:
        return _fail(f"{error} (see `memory --help`)", USAGE)
    except BrokenPipeError:  # the reader, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        return _unexpected(error)


def _open(**given: Any) -> Service:
    import memory

    return memory.open(**given)


def _unexpected(error: Exception) -> int:
    said = getattr(error, "format_message", None)  # typer's own errors, whichever click it stands on
    if said is not None:
        return _fail(f"{said()} (see `{_command(error)} --help`)", USAGE)
    if os.environ.get("MEMORY_DEBUG"):
        raise error
    return _fail(f"{type(error).__name__}: {error} (set MEMORY_DEBUG=1 to see where)", FAILED)


def _command(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return "memory" if context is None else str(context.command_path)


def _fail(message: str, code: int) -> int:
    """Say it on one line of standard error."""
    print("memory: " + visible(" ".join(message.split())), file=sys.stderr)
    return code
