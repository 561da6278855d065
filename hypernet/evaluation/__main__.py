"""Held-out recall by free generation: ``python -m hypernet.evaluation``.

Greedy answers to questions about values, owners and (half of the time) phrasings that training never used,
and about conversations, articles and prose that it never saw; under seven conditions on the same base model
(see ``evaluation/conditions.py``). An answer is right when it is exactly the value as it was told.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from tqdm import tqdm

from hypernet.doc_to_lora import DocToLoRA
from hypernet.evaluation.conditions import CONDITIONS, Bench
from hypernet.evaluation.drawing import plot, table
from hypernet.evaluation.evaluate import cases_of, evaluate
from hypernet.evaluation.retrieval import packaged_embedder


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
    try:
        cases = cases_of(data)
    except FileNotFoundError as missing:
        raise typer.BadParameter(str(missing), param_hint="--data") from missing
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
