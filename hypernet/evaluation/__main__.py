"""Held-out recall by free generation: ``python -m hypernet.evaluation``.

Greedy answers to questions about values, owners and (half of the time) phrasings that training never used,
and about conversations, articles and prose that it never saw; under seven conditions on the same base model
(see ``evaluation/conditions.py``). An answer is right when it is exactly the value as it was told.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from tqdm import tqdm

from hypernet.doc_to_lora import DocToLoRA
from hypernet.evaluation import corpora
from hypernet.evaluation.conditions import CONDITIONS, Bench
from hypernet.evaluation.drawing import UNTOLD, plot, table
from hypernet.evaluation.retrieval import packaged_embedder
from hypernet.evaluation.scoring import Figure, score
from hypernet.evaluation.trials import SYNTHETIC, Case

REFUSING = ("adapter", "selected adapters")  # conditions under which what was never told is asked
_FILES = ("sgd/dev.jsonl.gz", "wikitext2/test.txt", "xquad/xquad.en.json")


def evaluate(
    bench: Bench,
    cases: Sequence[Case] = SYNTHETIC,
    *,
    questions: int = 200,
    conditions: Sequence[str] = CONDITIONS,
    progress: Callable[[int], object] = lambda _: None,
) -> list[Figure]:
    """All figures; ``questions`` told ones a case, and as many never told where the case has them."""
    figures: list[Figure] = []
    refusals: dict[str, list[tuple[str, str]]] = {c: [] for c in REFUSING if c in conditions}
    for case in cases:
        trials = case.draw(questions)
        told, untold = [t for t in trials if t.told], [t for t in trials if not t.told]
        for condition in conditions:
            pairs = bench.answers(told, condition)
            if pairs:
                figures.append(
                    score(case.name, condition, pairs, chance=case.chance, axis=case.axis, at=case.at)
                )
            progress(1)
        for condition, all_said in refusals.items() if untold else ():
            said = bench.answers(untold, condition)
            figures.append(score(UNTOLD + case.name, condition, said))
            all_said += said
        bench.forget()
    return figures + [score("never told, all", c, said) for c, said in refusals.items() if said]


def cases_of(data: Path | None) -> list[Case]:
    """The synthetic cases, and those on real text where ``data`` has it (see ``evaluation/corpora.py``)."""
    if data is None:
        return list(SYNTHETIC)
    dialogues, prose, questions = (data / name for name in _FILES)
    missing = [str(path) for path in (dialogues, prose, questions) if not path.is_file()]
    if missing:
        raise typer.BadParameter(f"not found: {', '.join(missing)}", param_hint="--data")
    real = [corpora.conversations(dialogues), *corpora.needles(prose), corpora.articles(questions)]
    return [*SYNTHETIC, *real]


def main(
    model: Annotated[str, typer.Argument(help="A hypernetwork folder, or 'reference'.")] = "reference",
    questions: Annotated[int, typer.Option(min=2, help="Questions a case.")] = 200,
    data: Annotated[
        Path | None, typer.Option(help="Folder with sgd/, wikitext2/ and xquad/: real text beside synthetic.")
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Figures as JSON on stdout.")] = False,
    plot_to: Annotated[Path | None, typer.Option("--plot", help="Draw curves here (PNG).")] = None,
    save: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
) -> None:
    """Measure what a model remembers."""
    cases = cases_of(data)
    bench = Bench(DocToLoRA.from_pretrained(_resolve(model)), packaged_embedder())
    with tqdm(total=len(cases) * len(CONDITIONS), unit="figure") as bar:
        figures = evaluate(bench, cases, questions=questions, progress=bar.update)
    text = json.dumps([asdict(f) for f in figures], indent=1)
    if json_output:
        typer.echo(text)
    else:
        Console().print(table(figures))
    if save:
        save.write_text(text + "\n")
    if plot_to:
        plot(figures, plot_to)


def _resolve(model: str) -> str:
    from hypernet import reference_path

    return str(reference_path()) if model == "reference" else model


if __name__ == "__main__":
    typer.run(main)
