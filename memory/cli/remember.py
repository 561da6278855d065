"""`memory add`: a text, a file, or a conversation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memory.cli import reading
from memory.cli.columns import MEMORIES
from memory.cli.naming import document_of
from memory.cli.options import Agent, Json, Session, User, WrongUsage, setup, whose
from memory.cli.output import Column, Output, jsonable
from memory.records import MemoryRecord
from memory.text.figures import counted

if TYPE_CHECKING:
    from memory.records.inputs import Content
    from memory.write.added import Added


def add(
    context: typer.Context,
    text: Annotated[str | None, typer.Argument(help="Text to remember; default standard input.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            "--file", "-f", metavar="PATH", help="Document to remember: text, Markdown, CSV; PDF, DOCX, HTML."
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="PATH", help="Picture to remember; the text is its caption."),
    ] = None,
    document: Annotated[
        str | None,
        typer.Option("--document", "-d", metavar="NAME", help="Document name; default the file's."),
    ] = None,
    user: User = None,
    session: Session = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Remember a text, a document, or a conversation.

    A conversation is JSON: messages like {"role": "user", "content": "..."}, a line each or in an array.
    Equal content is stored once.
    """
    if text is not None and file is not None:
        raise WrongUsage("give a text or --file, not both")
    if image is not None and file is not None:
        raise WrongUsage("give --image or --file, not both")
    if text is None and file is None and image is None and sys.stdin.isatty():
        raise WrongUsage("nothing to add: give a text or --file, or pipe it in")
    out = Output(as_json)
    most = setup(context).settings().max_text_bytes
    with setup(context).memory() as memory:
        caption = "" if text is None and image is not None else text
        content = caption if caption is not None else _read(file, session, most)
        who = whose(context, user, session, agent)
        name, metadata = document, dict[str, str]()
        if name is None and file is not None and isinstance(content, str):
            name, metadata = document_of(memory, file, who)
        with out.progress("Remembering") as progress:
            added = memory.add(
                content,
                image=image,
                document_id=name,
                metadata=metadata,
                progress=progress,
                **who,
            )
    if file is not None and name not in (None, document, file.name):
        out.note(f"another {file.name} is remembered; this one is called {name}")
    _report(out, added)


def _read(file: Path | None, session: str | None, most: int) -> Content:
    text = reading.stdin_text(most) if file is None else reading.file_text(file, most)
    told = session is not None if file is None else file.suffix == ".jsonl"
    if told or reading.holds_messages(text):
        return reading.messages(text, reading.STDIN if file is None else str(file))
    return text


def _report(out: Output, added: Added) -> None:
    news: Column[MemoryRecord] = Column("", lambda record: "new" if record.id in added.created else "known")
    documents = [jsonable(record) | {"created": record.id in added.created} for record in added]
    out.rows(
        added,
        (news, *MEMORIES[:1], *MEMORIES[-1:]),
        {"memories": documents, "superseded": sorted(added.superseded), "skipped": _skipped(added)},
    )
    if not added and not out.json:
        out.note("nothing in this was stored")
    if added.superseded and not out.json and not out.terminal:
        out.note(
            f"{counted(len(added.superseded), 'memory')} superseded; `memory list --state past` shows them"
        )
    if out.terminal:
        for one in added.skipped:
            if one.reason != "duplicate":  # the table says so
                out.note(f"skipped, {one.reason}: {one.text}".rstrip(": "))
        known = len(added) - len(added.created)
        said = [f"{len(added.created)} remembered"]
        said += [f"{known} known already"] if known else []
        said += [f"{len(added.superseded)} superseded"] if added.superseded else []
        out.note(", ".join(said))


def _skipped(added: Added) -> list[dict[str, str]]:
    return [{"text": one.text, "reason": one.reason} for one in added.skipped]
