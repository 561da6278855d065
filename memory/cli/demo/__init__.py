"""`memory demo`: renders the demonstration."""

from __future__ import annotations

from dataclasses import astuple
from statistics import median
from typing import TYPE_CHECKING

import typer
from rich.text import Text

from memory.cli.columns import one_line
from memory.cli.options import Json, setup
from memory.cli.output import Column, Output, jsonable, table
from memory.records import MemoryRecord
from memory.text.figures import size

if TYPE_CHECKING:
    from memory.cli.demo.demonstration import Answered, Demonstration

NEXT = """\
What to try next:
  memory add "My dog is called Biscuit." --user ana
  memory ask "What is my dog called?" --user ana
  memory chat --user ana
  memory add --file notes.md
  memory --help\
"""


def demo(context: typer.Context, as_json: Json = False) -> None:
    """Demonstration: tell a conversation and a document, drop the text, ask.

    Runs in a temporary folder; your own memory is not touched. In a pipe each line has question,
    answer, whether it is right, the prompt tokens with no memory, with all text in the prompt and with
    adapters, the adapters selected with their scores, and milliseconds.
    """
    from memory.cli.demo.demonstration import demonstrate

    out = Output(as_json)
    with out.progress("Telling and asking") as progress:
        found = demonstrate(progress=progress, model=setup(context).model)
    out.rows(found.answers, ANSWERS, document(found)) if not out.terminal else _draw(out, found)


def document(found: Demonstration) -> dict[str, object]:
    """All that was measured, as JSON has it."""
    return {**jsonable(found), "bytes_per_adapter": found.bytes_per_adapter, "right": found.right}


def _mark(right: bool) -> str:
    return "yes" if right else "NO"


def _selected(answer: Answered) -> str:
    return " ".join(f"#{number} {score:.2f}" for number, score in answer.adapters) or "-"


def _draw(out: Output, found: Demonstration) -> None:
    """Everything, for a terminal."""
    told = [(f"#{number}", passage) for number, passage in enumerate(found.passages, 1)]
    out.draw(table(told, PASSAGES, "1. A conversation and a document become adapters, one a passage"), "")
    out.draw(Text("2. The text is forgotten. All that the model reads for the first question:", "italic"))
    out.draw(f"   {found.answers[0].read!r}", "")
    out.draw(
        table(found.answers, DRAWN, "3. It answers from weights (tokens: no memory / all text / adapters)")
    )
    out.draw("", table(found.answers, TAKEN_AWAY, "4. The same questions with the adapters taken away"))
    out.draw("", table(_figures(found), FIGURES, "5. What it takes"))
    out.draw("", _verdict(found), "", NEXT)


def _verdict(found: Demonstration) -> str:
    right = found.right
    return (
        f"Of {right['told']} answers {right['adapters']} are right from adapters, "
        f"{right['taken_away']} without them, {right['full_context']} with all text in the prompt.\n"
        f'Of {right["never_told"]} that were never told, {right["refused"]} answered with "I don\'t know".'
    )


def _figures(found: Demonstration) -> list[tuple[str, str]]:
    """Names and values of what was measured, times in milliseconds."""
    passages = len(found.passages)
    steps = {
        step: median(answer.milliseconds[step] for answer in found.answers)
        for step in found.answers[0].milliseconds
    }
    return [
        ("an adapter on disk", size(round(found.bytes_per_adapter))),
        ("internalize a passage", f"{found.internalize_ms / passages:.0f} ms ({passages} passages, stored)"),
        *((f"{step}, median", f"{spent:.1f} ms") for step, spent in steps.items()),
        ("load both models, once", f"{found.load_ms:.0f} ms"),
    ]


ANSWERS: tuple[Column[Answered], ...] = (
    Column("question", lambda a: a.question),
    Column("answer", lambda a: a.answer, style="bold"),
    Column("right", lambda a: _mark(a.right)),
    Column("none", lambda a: a.prompt_tokens.none, justify="right"),
    Column("full", lambda a: a.prompt_tokens.full_context, justify="right"),
    Column("adapters", lambda a: a.prompt_tokens.adapters, justify="right"),
    Column("selected", _selected),
    Column("ms", lambda a: f"{sum(a.milliseconds.values()):.0f}", justify="right"),
)
DRAWN: tuple[Column[Answered], ...] = (
    *ANSWERS[:3],
    Column("tokens", lambda a: "/".join(str(n) for n in astuple(a.prompt_tokens)), fit="whole"),
    *ANSWERS[-2:],
)
TAKEN_AWAY: tuple[Column[Answered], ...] = (
    Column("question", lambda a: a.question),
    Column("answer without adapters", lambda a: a.taken_away),
    Column("it was told", lambda a: a.expected if a.told else "(never)"),
)
PASSAGES: tuple[Column[tuple[str, MemoryRecord]], ...] = (
    Column("#", lambda p: p[0]),
    Column("text", lambda p: one_line(p[1].text)),
    Column("adapter", lambda p: size(p[1].adapter.nbytes), justify="right", fit="whole"),
)
FIGURES: tuple[Column[tuple[str, str]], ...] = (
    Column("", lambda figure: figure[0]),
    Column("", lambda figure: figure[1]),
)
