"""`memory edit`: another text, other metadata or another pin for a memory."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from memory.cli.columns import MEMORIES
from memory.cli.look import Id
from memory.cli.options import Anybody, Json, WrongUsage, items, setup
from memory.cli.output import Output
from memory.errors import ParametricMemoryError
from memory.records import MemoryRecord


def edit(
    context: typer.Context,
    memory_id: Id,
    text: Annotated[
        str | None, typer.Argument(help="What it says from now on; with no option, EDITOR opens.")
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option("--metadata", metavar="KEY=VALUE", help="Set this in its metadata; repeatable."),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option("--drop", metavar="KEY", help="Take this out of it; repeatable.")
    ] = None,
    pin: Annotated[bool | None, typer.Option("--pin/--unpin", help="Pin it, or pin it no more.")] = None,
    user: Anybody = None,
    as_json: Json = False,
) -> None:
    """Change what a memory says, its metadata, or whether it is pinned, in one step.

    Refused where somebody else has changed it meanwhile.
    """
    out = Output(as_json)
    changes = items(metadata) or {}
    asked = text is not None or metadata or drop or pin is not None
    editor = None if asked else _editor()
    with setup(context).memory() as memory:
        before = memory.get(memory_id, user_id=user)
        draft = None if editor is None else _draft(editor, before.text)
        change: dict[str, Any] = {"text": text if draft is None else _told(draft, before), "pinned": pin}
        if metadata or drop:
            change["metadata"] = _changed(before, changes, drop or ())
        try:
            record = memory.update(before.id, **change, expects=before, user_id=user)
        except ParametricMemoryError:
            if draft is not None:
                out.note(f"your text is in {draft}")
            raise
    if draft is not None:
        draft.unlink()
    out.rows([record], (*MEMORIES[:1], *MEMORIES[-1:]), record)


def _changed(before: MemoryRecord, changes: dict[str, Any], drop: Sequence[str]) -> dict[str, Any]:
    """The metadata with changes. Raises WrongUsage for a key to drop that is not there."""
    for key in drop:
        if key not in before.metadata:
            raise WrongUsage(f"--drop is {key!r}, which its metadata has not")
    return {key: value for key, value in before.metadata.items() if key not in drop} | changes


def _editor() -> list[str]:
    """The command of the editor. Raises WrongUsage where none is set."""
    try:
        found = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "")
    except ValueError as error:
        raise WrongUsage(f"EDITOR is no command: {error}") from error
    if not found:
        raise WrongUsage(
            "nothing to change: give a text, --metadata, --drop, --pin or --unpin, or set EDITOR"
        )
    return found


def _draft(editor: Sequence[str], text: str) -> Path:
    """A file with the text as the editor leaves it, for this user's eyes. Raises WrongUsage if it fails."""
    handle, name = tempfile.mkstemp(prefix="memory-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    try:
        subprocess.run([*editor, name], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        Path(name).unlink()
        raise WrongUsage(f"EDITOR failed, and nothing was changed: {error}") from error
    return Path(name)


def _told(draft: Path, before: MemoryRecord) -> str:
    """What the editor left. Raises WrongUsage where that is what the memory says already."""
    told = draft.read_text(encoding="utf-8", errors="replace").strip()
    if told == before.text:
        draft.unlink()
        raise WrongUsage("nothing to change: the text is as it was")
    return told
