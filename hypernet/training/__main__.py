"""``python -m hypernet.training``: train hypernetworks, convert their data, make the model that ships."""

from __future__ import annotations

import itertools
import random
import shutil
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from tokenizers import Tokenizer
from torch import Tensor, nn
from tqdm import tqdm

from hypernet.doc_to_lora import DocToLoRA
from hypernet.evaluation.conditions import CONDITIONS, Bench
from hypernet.evaluation.evaluate import cases_of, evaluate
from hypernet.evaluation.retrieval import packaged_embedder
from hypernet.networks.anchored import AnchoredHypernetwork
from hypernet.training import convert
from hypernet.training.documents.d2l import d2l
from hypernet.training.json_lines import DataError
from hypernet.training.precision import has_fast_bfloat16, mix_linears
from hypernet.training.reading.reading import reading
from hypernet.training.reference.binding import seed_bags, seed_comparing
from hypernet.training.reference.curriculum import Curriculum
from hypernet.training.reference.export import export_weights, write_card
from hypernet.training.reference.judge import judge_memory, judge_reading
from hypernet.training.reference.losses import memory_losses, reading_loss
from hypernet.training.reference.reference import build_base, hypernet_config, train_tokenizer
from hypernet.training.reference.rows import Renderer
from hypernet.training.tasks.t2l import t2l
from hypernet.training.trainer import Schedule, Stage, Trainer, load_weights
from hypernet.training.trainer import average as average_checkpoints
from hypernet.training.vision.vision import judge_vision, vision
from hypernet.world.dialogues import read_dialogues
from hypernet.world.facts import FactWorld

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.add_typer(convert.app, name="convert")
app.command()(d2l)
app.command()(t2l)
app.command()(reading)
app.command()(vision)
app.command()(judge_vision)


@app.callback()
def main() -> None:
    """Train base models and hypernetworks."""


@app.command()
def reference(
    folder: Annotated[Path, typer.Option(help="Checkpoints, curve and result; rerun to resume.")] = Path(
        "runs/reference"
    ),
    reading_steps: Annotated[int, typer.Option(help="Steps of the base alone.")] = 500,
    memory_steps: Annotated[int, typer.Option(help="Steps of base and hypernetwork together.")] = 5000,
    dialogues: Annotated[
        Path | None, typer.Option(help="Conversations with slots, SGD form, .jsonl.gz.")
    ] = None,
    prose: Annotated[Path | None, typer.Option(help="Plain text, a paragraph a line.")] = None,
    start: Annotated[
        Path | None, typer.Option(help="A model to go on from, e.g. hypernet/reference, instead of scratch.")
    ] = None,
    rate: Annotated[
        float, typer.Option(min=0.01, help="Learning rates, as a share of the recipe's: less to go on.")
    ] = 1.0,
    decay: Annotated[
        float, typer.Option(min=0.05, max=1.0, help="Share of the steps over which they fall.")
    ] = 0.75,
    drill: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of the steps on random pairs throughout.")
    ] = None,
    seed: int = 1,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
) -> None:
    """Train the reference base and its hypernetwork, from scratch or on from a finished model."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    folder.mkdir(parents=True, exist_ok=True)
    if start:
        shutil.copyfile(start / "base" / "tokenizer.json", folder / "tokenizer.json")
    natural = read_dialogues(dialogues) if dialogues else []
    lines = [line.strip() for line in prose.read_text().splitlines() if len(line) > 100] if prose else []
    renderer = Renderer(_tokenizer(folder, [c.text for c in natural], lines, seed))
    curriculum = Curriculum(renderer, seed, natural, lines, drill)
    base = build_base(renderer.tokenizer.get_vocab_size())
    hypernetwork = AnchoredHypernetwork(hypernet_config(base))
    finished = DocToLoRA.from_pretrained(start, device="cpu", dtype=torch.float32) if start else None
    if has_fast_bfloat16():
        mix_linears(base)
        mix_linears(hypernetwork)

    def read(step: int) -> dict[str, Tensor]:
        return {"reading": reading_loss(base, curriculum.reading(step, warmup=reading_steps // 20))}

    def remember(step: int) -> dict[str, Tensor]:
        ease = max(0.0, 1 - step / 100)
        asked, told = curriculum.remembering(step, ease)
        losses = memory_losses(base, hypernetwork, asked)
        if step % 4 == 0:  # reading must not be forgotten, but needs no practice at every step
            losses["reading"] = 0.6 * reading_loss(base, told)
        return losses

    def prepare_base() -> None:
        if finished:
            base.load_state_dict(finished.base_model.state_dict())

    def prepare_hypernetwork() -> None:
        if finished:
            hypernetwork.load_state_dict(finished.hypernetwork.state_dict())
        else:  # words have found their neighbours by now, which the comparing block needs
            seed_comparing(base, curriculum.sample())
            seed_bags(hypernetwork, base, curriculum.sample())

    stages = (
        Stage(
            "base",
            base,
            read,
            judge_reading(base, renderer),
            Schedule(reading_steps, decay=0.2),
            prepare=prepare_base,
            evaluate_every=100,
        ),
        Stage(
            "memory",
            nn.ModuleDict({"base": base, "hypernetwork": hypernetwork}),
            remember,
            judge_memory(base, hypernetwork, renderer),
            Schedule(memory_steps, decay=decay),
            prepare=prepare_hypernetwork,
            evaluate_every=200,
            muon_lr=rate * 3e-3,
            adam_lr=rate * 1e-3,
        ),
    )
    for stage in stages:
        Trainer(stage, folder).run()


@app.command()
def average(
    runs: Annotated[
        list[Path], typer.Argument(help="Folders of `reference` runs from one start, standing still.")
    ],
) -> None:
    """Put the mean of several runs' weights into each: they go on from there, each on its own data."""
    if len(set(runs)) < max(2, len(runs)):
        raise typer.BadParameter("a mean needs two different runs, or more")
    _same_tokenizer(runs)
    average_checkpoints([run / "memory.pt" for run in runs])
    typer.echo(f"{len(runs)} runs go on from the mean of their weights.")


@app.command()
def publish(
    run: Annotated[
        list[Path] | None,
        typer.Option(
            help="The folder of a `reference` run; of several, which began alike, the weights' mean.",
            show_default="runs/reference",
        ),
    ] = None,
    folder: Annotated[Path, typer.Option(help="Where the model goes.")] = Path("hypernet/reference"),
    questions: Annotated[int, typer.Option(help="Questions a case in the evaluation.")] = 200,
    data: Annotated[
        Path | None, typer.Option(help="Folder with sgd/, wikitext2/ and xquad/, to measure on them too.")
    ] = None,
    note: Annotated[str, typer.Option(help="How it was trained, for the model card.")] = "",
) -> None:
    """Export a run's weights, or several runs' mean, measure them as they ship, and write the model card."""
    runs = run or [Path("runs/reference")]
    tokenizer = _same_tokenizer(runs)
    base = build_base(tokenizer.get_vocab_size())
    hypernetwork = AnchoredHypernetwork(hypernet_config(base))
    model = nn.ModuleDict({"base": base, "hypernetwork": hypernetwork})
    load_weights(model, *(each / "memory.pt" for each in runs))
    export_weights(base, hypernetwork, tokenizer, folder)
    bench, cases = Bench(DocToLoRA.from_pretrained(folder), packaged_embedder()), cases_of(data)
    with tqdm(total=len(cases) * len(CONDITIONS), unit="figure") as bar:
        figures = evaluate(bench, cases, questions=questions, progress=bar.update)
    write_card(folder, base, hypernetwork, [each / "curve.jsonl" for each in runs], figures, note)


def _same_tokenizer(runs: list[Path]) -> Tokenizer:
    for path in (run / name for run in runs for name in ("tokenizer.json", "memory.pt")):
        if not path.exists():
            raise FileNotFoundError(f"{path.parent} is not a run of `reference`: {path} is missing")
    tokenizers = [Tokenizer.from_file(str(run / "tokenizer.json")) for run in runs]
    if len({tokenizer.to_str() for tokenizer in tokenizers}) > 1:
        raise typer.BadParameter("only runs from one start can be averaged: these have different tokenizers")
    return tokenizers[0]


def _tokenizer(folder: Path, conversations: list[str], prose: list[str], seed: int) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.exists():
        world = FactWorld("train", seed)
        texts = [c.text for _ in range(4000) for c in world.group(1, 3, same_kind=False).contexts]
        questions = [
            q.question for _ in range(2000) for q in world.group(1, 3, same_kind=False).contexts[0].qa
        ]
        sample = random.Random(seed).sample(conversations, min(len(conversations), 2000))
        train_tokenizer(itertools.chain(texts, questions, sample, prose[:500])).save(str(path))
    return Tokenizer.from_file(str(path))


if __name__ == "__main__":
    try:
        app()
    except (DataError, FileNotFoundError) as error:
        sys.exit(f"error: {error}")
