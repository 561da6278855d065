"""`memory ask`, `memory chat` and `memory search`: reply from memory, or list what it holds for a query."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from memory.cli import reading
from memory.cli.columns import HITS
from memory.cli.options import Agent, Json, Metadata, Session, User, items, setup, whose
from memory.cli.output import Output
from memory.cli.times import AsOf, moment
from memory.errors import InvalidInput
from memory.records import ChatReply
from memory.text.figures import counted

if TYPE_CHECKING:
    from memory.client import Client
    from memory.records.inputs import Whose
    from memory.service import Service


Mode = Literal["adapters", "text", "both", "auto"]
How = Annotated[
    Mode, typer.Option("--mode", help="Recall from weights, from text in the prompt, both, or automatically.")
]


HELP = """\
/help    this list
/quit    ends the chat, as Ctrl-D does; Ctrl-C stops a reply
Anything else is a message: a statement is remembered, a question is answered from memory,
"Forget my PIN" erases, and "don't remember this" stores nothing."""


def ask(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question.")],
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="PATH", help="Picture to ask about; it is not remembered."),
    ] = None,
    choices: Annotated[
        list[str] | None,
        typer.Option(
            "--choices", metavar="A,B,...", help="Reply with the likeliest of these; repeat it for commas."
        ),
    ] = None,
    mode: How = "auto",
    as_of: AsOf = None,
    user: User = None,
    session: Session = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Answer a question from memory, without storing anything."""
    out = Output(as_json)
    named = choices[0].split(",") if choices and len(choices) == 1 else choices or None
    with setup(context).memory() as memory:
        message = {"role": "user", "content": question}
        scope = whose(context, user, session, agent)
        pieces = memory.answer_stream(
            message, image=image, choices=named, mode=mode, as_of=moment(as_of), **scope
        )
        _print(out, pieces)


def chat(
    context: typer.Context,
    mode: How = "auto",
    user: User = None,
    session: Session = "chat",
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Interactive chat; what you say persists across restarts.

    /help lists commands. /quit, Ctrl-D or Ctrl-C ends it; Ctrl-C during a reply only stops the reply. In
    a pipe every line is a message and gets a line in return.
    """
    out = Output(as_json)
    with setup(context).memory() as memory:
        scope = whose(context, user, session, agent)
        talking = sys.stdin.isatty() and out.terminal
        if talking:
            _warm(memory, scope)
            out.note(f"Talking as {scope['user_id']}. /help lists commands, /quit ends it.")
        for message in _lines(talking):
            try:
                _reply(memory, out, message, mode, scope)
            except InvalidInput as error:
                if not talking:
                    raise
                out.note(str(error))


def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help="The search query.")],
    k: Annotated[int, typer.Option("-k", "--count", min=1, help="Number of results.")] = 4,
    as_of: AsOf = None,
    metadata: Metadata = None,
    user: User = None,
    session: Session = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Find the memories most similar to a query, most similar first."""
    out = Output(as_json)
    then, described = moment(as_of), items(metadata)
    with setup(context).memory() as memory:
        scope = whose(context, user, session, agent)
        hits = memory.search(query, k=k, as_of=then, filters=described, **scope)
    out.rows(hits, HITS, {"hits": hits})
    if out.terminal and not hits:
        out.note("No memories here.")


def _warm(memory: Service | Client, scope: Whose) -> None:
    """Load embedder and model, so that the first reply comes as fast as the others."""
    memory.search("hello", **scope)
    memory.count_tokens("hello")


def _lines(talking: bool) -> Iterator[str]:
    """Messages until the input ends or says /quit; blank ones and commands are passed over."""
    for line in _typed() if talking else reading.stdin_lines():
        if line.strip() == "/quit":
            return
        if talking and line.strip() == "/help":
            print(HELP)
        elif line.strip():
            yield line.strip()


def _typed() -> Iterator[str]:
    """What is typed at the prompt, until Ctrl-D or Ctrl-C."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  (gives input() editing and a history)
    while True:
        try:
            yield input("you> ")
        except (EOFError, KeyboardInterrupt):
            print()
            return


def _reply(memory: Service | Client, out: Output, message: str, mode: Mode, scope: Whose) -> None:
    try:
        _print(out, memory.chat_stream(message, mode=mode, **scope))
    except KeyboardInterrupt:
        out.note("\n(stopped; nothing was stored)")


def _print(out: Output, pieces: Iterator[str | ChatReply]) -> None:
    """The reply as it comes, in a terminal; else when it is whole."""
    started = False
    for piece in pieces:
        if isinstance(piece, str):
            if out.terminal:
                out.write(piece if started else piece.lstrip())
            started = started or bool(piece.strip())
        elif out.json:
            out.document(piece)
        elif out.terminal:
            out.write("\n")
            for choice in piece.choices:
                out.note(f"{choice.probability:.3f}  {choice.text}")
            out.note(_footer(piece))
        else:
            out.line(piece.text)


def _footer(reply: ChatReply) -> str:
    scores = " ".join(f"{choice.score:.2f}" for choice in reply.adapters)
    used = f"{counted(len(reply.adapters), 'adapter')} ({scores})" if reply.adapters else "no adapter"
    used += ", the picture" if reply.seen else ""
    spent = sum(reply.timings.values())
    return (
        f"{used} · {reply.prompt_tokens} prompt tokens, {reply.memory_tokens} of them memory · {spent:.0f} ms"
    )
