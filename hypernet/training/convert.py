"""Other forms of data -> examples as JSON lines: ``python -m hypernet.training convert``."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from hypernet.training import json_lines
from hypernet.training.data import many_tasks, styles
from hypernet.training.data.examples import Asked, Example, of_group
from hypernet.training.data.sources import attribution, counted
from hypernet.training.json_lines import DataError, Fields
from hypernet.world.dialogues import read_dialogues
from hypernet.world.facts import Context, FactWorld
from hypernet.world.sayings import Sayings

app = typer.Typer(no_args_is_help=True, help="Turn other data into examples for d2l and t2l.")

_SHAPES = ((1, 1), (1, 2), (1, 3), (1, 4), (1, 6), (2, 1), (2, 3), (4, 1), (4, 2), (8, 1))  # chunks, facts
_TRIES = 50

Source = Annotated[Path, typer.Argument(metavar="IN", help="The file to convert.")]
Target = Annotated[Path, typer.Argument(metavar="OUT", help="The JSON lines to write; .gz compresses them.")]


@app.command("sgd")
def convert_sgd(source: Source, target: Target, seed: int = 0) -> None:
    """Conversations in Schema-Guided Dialogue form, with a question for each slot told."""
    _write(target, from_dialogues(read_dialogues(source, seed=seed), seed))


@app.command("squad")
def convert_squad(source: Source, target: Target) -> None:
    """Paragraphs with questions in SQuAD form (1.1, 2.0, XQuAD)."""
    _write(target, from_squad(source))


@app.command("synthetic")
def convert_synthetic(
    target: Target,
    groups: Annotated[int, typer.Option(help="How many examples.")] = 10_000,
    same_kind: Annotated[
        float, typer.Option(help="Share of groups whose facts are all of one kind: they teach binding.")
    ] = 0.5,
    seed: int = 0,
) -> None:
    """Made-up facts about people, places and things, from the package's own generator."""
    _write(target, synthetic(groups, same_kind, seed))


@app.command("sayings")
def convert_sayings(
    target: Target,
    groups: Annotated[int, typer.Option(help="How many examples.")] = 10_000,
    seed: int = 0,
) -> None:
    """What a person says in a chat or notes down: denials, changes, exact values, lines of settings too."""
    _write(target, said(groups, seed))


@app.command("real")
def convert_real(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="IN...", help="Passages with questions, or chats."),
    ],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="One file for all; .gz compresses it.")],
    longest: Annotated[
        int, typer.Option(min=1, help="The most characters of an answer: longer ones are left out.")
    ] = 120,
    seed: int = 0,
) -> None:
    """Several files of real texts in one, each example with its kind, and a page that says whose they are."""
    found = [example for source in sources for example in from_real(source, longest, seed)]
    _write(target, iter(found))
    page = target.with_name(f"{target.name.split('.')[0]}.md")
    lines = attribution(counted(example.kind for example in found))
    page.write_text("Made from:\n\n" + "\n".join(f"- {line}" for line in lines) + "\n", encoding="utf-8")


@app.command("styles")
def convert_styles(
    target: Target,
    groups: Annotated[int, typer.Option(help="How many texts.")] = 4000,
    seed: int = 0,
) -> None:
    """Made-up facts, asked for in five styles of answering: what t2l learns on top of a memory."""
    count = json_lines.write(target, (task.to_record() for task in styles.tasks(groups, seed)))
    typer.echo(f"{target}: {count} prompts")


@app.command("tasks")
def convert_tasks(
    target: Target,
    groups: Annotated[int, typer.Option(help="How many texts.")] = 10_000,
    seed: int = 0,
) -> None:
    """Made-up facts in some fifty tasks: styles, formats, languages, lengths, refusals, classes."""
    count = json_lines.write(target, (task.to_record() for task in many_tasks.tasks(groups, seed)))
    typer.echo(f"{target}: {count} prompts")


def from_dialogues(contexts: Sequence[Context], seed: int) -> Iterator[Example]:
    """An example for each context; its unknown questions are about a service that it does not speak of."""
    rng = random.Random(seed)
    for context in contexts:
        services = {_service(qa.kind) for qa in context.qa}
        yield Example(
            (context.text,),
            tuple(Asked(qa.question, qa.answer) for qa in context.qa),
            _elsewhere(contexts, services, rng),
        )


def from_squad(path: Path) -> Iterator[Example]:
    """An example for each paragraph that answers a question. Raises DataError for another form."""
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        paragraphs = [paragraph for article in articles for paragraph in article["paragraphs"]]
        found = [_paragraph(paragraph) for paragraph in paragraphs]
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, IndexError) as error:
        raise DataError(f"{path}: expected JSON in SQuAD form, found none: {error!r}") from error
    yield from (example for example in found if example.qa)


def from_real(path: Path, longest: int, seed: int) -> Iterator[Example]:
    """Examples of passages with questions, {"source", "context", "qa", "unknown"}, or, where a line has
    turns, of conversations; answers of at most ``longest`` characters. Raises DataError for another form."""
    if json_lines.first(path).keys() >= {"turns", "facts"}:
        found = (replace(e, kind="sgd") for e in from_dialogues(read_dialogues(path, seed=seed), seed))
    else:
        found = (e for e in json_lines.read(path, _passage))
    for example in found:
        short = tuple(qa for qa in example.qa if len(qa.answer) <= longest)
        if short:
            yield replace(example, qa=short)


def synthetic(groups: int, same_kind: float, seed: int) -> Iterator[Example]:
    """Groups of one to eight contexts; the same seed gives the same groups."""
    world, rng = FactWorld("train", seed), random.Random(seed)
    for _ in range(groups):
        chunks, facts = rng.choice(_SHAPES)
        group = world.group(chunks, facts, same_kind=rng.random() < same_kind)
        yield of_group(group)


def said(groups: int, seed: int) -> Iterator[Example]:
    """Groups of one to eight messages that answer a question; the same seed gives the same groups."""
    sayings = Sayings("train", seed)
    made = (sayings.group() for _ in range(groups))
    yield from (of_group(group) for group in made if any(context.qa for context in group.contexts))


def _write(target: Path, examples: Iterator[Example]) -> None:
    count = json_lines.write(target, (example.to_record() for example in examples))
    typer.echo(f"{target}: {count} examples")


def _service(kind: str) -> str:
    return kind.split("/")[0]


def _elsewhere(contexts: Sequence[Context], services: set[str], rng: random.Random) -> tuple[str, ...]:
    for _ in range(_TRIES):
        other = rng.choice(contexts)
        if not services & {_service(qa.kind) for qa in other.qa}:
            return tuple(qa.question for qa in other.qa[:2])
    return ()


def _passage(record: Fields) -> Example:
    return Example(
        (json_lines.text(record, "context"),),
        tuple(
            Asked(json_lines.text(q, "question"), json_lines.text(q, "answer"))
            for q in json_lines.items(record, "qa")
        ),
        tuple(json_lines.text(q, "question") for q in json_lines.items(record, "unknown")),
        json_lines.text(record, "source"),
    )


def _paragraph(paragraph: dict[str, Any]) -> Example:
    answered = [q for q in paragraph["qas"] if not q.get("is_impossible") and q["answers"]]
    impossible = [q for q in paragraph["qas"] if q.get("is_impossible")]
    return Example(
        (paragraph["context"].strip(),),
        tuple(Asked(q["question"].strip(), q["answers"][0]["text"].strip()) for q in answered),
        tuple(q["question"].strip() for q in impossible),
    )
