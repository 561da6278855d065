"""``python -m hypernet.training pairs``: trains the judge of pairs; rerun, it goes on where it stopped."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor, nn
from tqdm import tqdm

from hypernet.backbones.descriptions import packaged
from hypernet.pairs import REPLACES
from hypernet.reading import FOLDER as READING
from hypernet.training.pairs import examples as made
from hypernet.training.pairs.examples import Pair
from hypernet.training.pairs.model import PairJudge, batch, load, margins, save, take_learnt
from hypernet.training.pairs.natural import natural

TOLD = Path(__file__).parent / "told.jsonl"
BATCH, BUCKET = 32, 8  # pairs of a step; steps that are drawn together and sorted by length
RATE, WARMUP, LAST = 6e-4, 40, 0.03
SHARES = {"told": 0.5, "world": 0.3, "natural": 0.17}
_HELDOUT = 60
_LONG = 220  # characters of two natural statements; longer ones take most of the time


def pairs(
    folder: Annotated[Path, typer.Argument(help="Checkpoint, curve and result; rerun to resume.")],
    data: Annotated[
        Path | None, typer.Option(help="Folder with qa/ and sgd/: facts of one text, which go together.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="A BERT encoder's folder instead of the packaged MiniLM.")
    ] = None,
    start: Annotated[
        Path, typer.Option(help="A folder with a reading model, whose blocks are changed.")
    ] = READING,
    rank: Annotated[int, typer.Option(min=1, help="Of the low-rank changes.")] = 16,
    steps: Annotated[int, typer.Option(min=1)] = 2000,
    every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints and figures.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the weights and the pairs.")] = 0,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 1,
) -> None:
    """Train low-rank changes of the reading model to say whether a newer statement replaces an older one."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    folder.mkdir(parents=True, exist_ok=True)
    judge, tokenizer = load(base or Path(packaged()), start, rank)
    learnt = [parameter for parameter in judge.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=RATE, weight_decay=0.01)
    done = _resumed(folder, judge, optimizer)
    drawn = _batches(_training(data, seed + done), seed + done)
    heldout = _heldout()
    losses: list[float] = []
    began = time.monotonic()
    for step in tqdm(range(done + 1, steps + 1), initial=done, total=steps, disable=not sys.stderr.isatty()):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(step / WARMUP, max(LAST, 1 - (step - 1) / steps))
        some = next(drawn)
        found = nn.functional.cross_entropy(
            judge(*batch(some, tokenizer)), torch.tensor([pair.kind for pair in some])
        )
        optimizer.zero_grad(set_to_none=True)
        found.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        losses.append(float(found.detach()))
        if step % every == 0 or step == steps:
            _save(folder, judge, optimizer, step)
            figures = {name: judged(margins(judge, tokenizer, some), some) for name, some in heldout.items()}
            line = {
                "step": step,
                "seconds": round(time.monotonic() - began),
                "loss": round(sum(losses) / len(losses), 4),
            }
            losses.clear()
            with (folder / "curve.jsonl").open("a", encoding="utf-8") as curve:
                print(json.dumps(line | figures), file=curve)
    save(judge, folder / "model.safetensors")


def judged(odds: Tensor, some: Sequence[Pair]) -> dict[str, float]:
    """Shares: right of all; of those that replace, those that do so at even odds; of the others the same."""
    kinds = torch.tensor([pair.kind for pair in some])
    replaces, found = kinds == REPLACES, odds[:, REPLACES] > 0
    shares = {
        "right": (odds.argmax(-1) == kinds).float().mean(),
        "replaced": found[replaces].float().mean(),
        "lost": found[~replaces].float().mean(),
    }
    return {name: round(float(share), 3) for name, share in shares.items() if not share.isnan()}


def _resumed(folder: Path, judge: PairJudge, optimizer: torch.optim.Optimizer) -> int:
    """The step of the checkpoint, which is loaded; 0 where there is none."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    take_learnt(judge, state["judge"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _save(folder: Path, judge: PairJudge, optimizer: torch.optim.Optimizer, step: int) -> None:
    """All of the checkpoint or the one before, whenever the process dies."""
    new = folder / "checkpoint.new"
    torch.save({"judge": judge.learnt(), "optimizer": optimizer.state_dict(), "step": step}, new)
    new.replace(folder / "checkpoint.pt")


def _batches(drawn: Iterator[Pair], seed: int) -> Iterator[list[Pair]]:
    """Of like lengths, so that little is padding."""
    rng = random.Random(seed)
    while True:
        bucket = sorted(islice(drawn, BATCH * BUCKET), key=lambda pair: len(pair.old) + len(pair.new))
        batches = [bucket[at : at + BATCH] for at in range(0, len(bucket), BATCH)]
        rng.shuffle(batches)
        yield from batches


def _training(data: Path | None, seed: int) -> Iterator[Pair]:
    rng = random.Random(seed)
    sources = [
        (SHARES["told"], made.of_told(made.read_told(TOLD, heldout=False), rng)),
        (SHARES["world"], made.of_world(made.WorldPairs("train", seed))),
    ]
    facts = (
        [pair for pair in natural(data, training=True, each=3000) if sum(map(len, pair)) < _LONG]
        if data
        else []
    )
    if facts:
        sources.append((SHARES["natural"], made.of_natural(facts, rng)))
    return made.mixed(sources, rng)


def _heldout() -> dict[str, list[Pair]]:
    """The tenth of the pairs by hand that is not trained on, and what the generators keep back."""
    told = [pair for one in made.read_told(TOLD, heldout=True) for pair in made.pairs_of(one)]
    random.Random(0).shuffle(told)
    world = list(islice(made.of_world(made.WorldPairs("heldout", 1)), _HELDOUT))
    return {"told": told[: 2 * _HELDOUT], "world": world}
