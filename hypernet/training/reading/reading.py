"""``python -m hypernet.training reading``: trains the reading model; rerun, it goes on where it stopped."""

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
from tokenizers import Tokenizer
from tqdm import tqdm

from hypernet.backbones.descriptions import packaged
from hypernet.training.precision import has_fast_bfloat16
from hypernet.training.reading import examples as read
from hypernet.training.reading.examples import Example
from hypernet.training.reading.model import (
    Encoded,
    ReadingModel,
    batch,
    best,
    encode,
    load_base,
    load_trained,
    loss,
    said,
    save,
)
from hypernet.training.reading.rivals import Rivals

EVERYDAY, YES_NO = (Path(__file__).parent / name for name in ("everyday.jsonl", "yes_no.jsonl"))
BATCH = 32
BUCKET = 12  # batches that are drawn together and sorted by length
RATE, WARMUP = 1.2e-4, 150
LAST = 0.02  # share of the rate that is left at the end
# How often each generator is drawn, and the package's own texts, beside the shares that files are given.
SHARES = {"world": 0.05, "sayings": 0.06, "rivals": 0.16, "dialogues": 0.12, "everyday": 0.8, "yes_no": 0.4}


def reading(
    folder: Annotated[Path, typer.Argument(help="Checkpoint, curve and result; rerun to resume.")],
    data: Annotated[
        list[str] | None,
        typer.Option(help="FILE=SHARE: texts with questions, JSON lines, .gz or not; repeat it for more."),
    ] = None,
    dialogues: Annotated[
        Path | None, typer.Option(help="Conversations with slots, SGD form, .jsonl.gz.")
    ] = None,
    base: Annotated[
        Path | None, typer.Option(help="A BERT encoder's folder instead of the packaged MiniLM.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="A folder with a trained model.safetensors to go on from."
        ),
    ] = None,
    steps: Annotated[int, typer.Option(min=1)] = 4000,
    every: Annotated[int, typer.Option(min=1, help="Steps between checkpoints and figures.")] = 200,
    judged: Annotated[int, typer.Option(min=1, help="Held-out questions of each kind a figure.")] = 200,
    threads: Annotated[int, typer.Option(min=1, help="CPU threads.")] = 2,
) -> None:
    """Train MiniLM's blocks to mark the words of told texts that answer a question, or that none do."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    own = [(EVERYDAY, SHARES["everyday"]), (YES_NO, SHARES["yes_no"])]
    files = [*own, *(_shared(given) for given in data or [])]
    model, tokenizer = load_base(base or Path(packaged()))
    if start is not None:
        load_trained(model, start / "model.safetensors")
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
    done = _resumed(folder, model, optimizer)
    drawn = _batches(_training(files, dialogues, done), tokenizer)
    heldout = {name: list(islice(made, judged)) for name, made in _heldout(files).items()}
    losses: list[float] = []
    began = time.monotonic()
    left = range(done + 1, steps + 1)
    for step in tqdm(left, initial=done, total=steps, disable=not sys.stderr.isatty()):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(step / WARMUP, max(LAST, 1 - (step - 1) / steps))
        losses.append(_step(model, optimizer, next(drawn)))
        if step % every == 0 or step == steps:
            _save(folder, model, optimizer, step)
            figures = {name: judge(model, tokenizer, some) for name, some in heldout.items()}
            seconds, mean = round(time.monotonic() - began), round(sum(losses) / len(losses), 4)
            losses.clear()
            with (folder / "curve.jsonl").open("a", encoding="utf-8") as curve:
                print(json.dumps({"step": step, "seconds": seconds, "loss": mean} | figures), file=curve)
    save(model, folder / "model.safetensors")


def judge(model: ReadingModel, tokenizer: Tokenizer, some: Sequence[Example]) -> dict[str, float]:
    """Shares: of the answered exact, contained either way, refused; of those without an answer refused."""
    model.eval()
    exact = near = lost = told = untold = refused = 0
    for example in some:
        one = encode(example, tokenizer)
        if one is None:
            continue
        with torch.no_grad(), _precision():
            scores = model(*batch([one]))[0].float()
        more, span = best(scores, one)
        if example.answer:
            told += 1
            words, right = said(example, one, span).casefold(), example.answer.casefold()
            exact += more > 0 and words == right
            near += more > 0 and (words in right or right in words)
            lost += more <= 0
        else:
            untold += 1
            refused += more <= 0
    model.train()
    shares = {"exact": exact / max(1, told), "near": near / max(1, told), "lost": lost / max(1, told)}
    return {name: round(share, 3) for name, share in (shares | {"refused": refused / max(1, untold)}).items()}


def _step(model: ReadingModel, optimizer: torch.optim.Optimizer, drawn: Sequence[Encoded]) -> float:
    ids, types, mask = batch(drawn)
    with _precision():
        scores = model(ids, types, mask)
    found = loss(scores, drawn, mask)
    optimizer.zero_grad(set_to_none=True)
    found.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return float(found.detach())


def _precision() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bfloat16())


def _resumed(folder: Path, model: ReadingModel, optimizer: torch.optim.Optimizer) -> int:
    """The step of the checkpoint, which is loaded; 0 where there is none."""
    path = folder / "checkpoint.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def _save(folder: Path, model: ReadingModel, optimizer: torch.optim.Optimizer, step: int) -> None:
    """All of the checkpoint or the one before, whenever the process dies."""
    new = folder / "checkpoint.new"
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, new)
    new.replace(folder / "checkpoint.pt")


def _batches(examples: Iterator[Example], tokenizer: Tokenizer) -> Iterator[list[Encoded]]:
    """Of like lengths, so that little is padding."""
    rng = random.Random(0)
    encoded = (one for example in examples if (one := encode(example, tokenizer)) is not None)
    while True:
        bucket = sorted(islice(encoded, BATCH * BUCKET), key=lambda one: len(one.ids))
        batches = [bucket[at : at + BATCH] for at in range(0, len(bucket), BATCH)]
        rng.shuffle(batches)
        yield from batches


def _training(files: Sequence[tuple[Path, float]], dialogues: Path | None, seed: int) -> Iterator[Example]:
    rng = random.Random(seed)
    asked = [(share, read.read_asked(path, heldout=False)) for path, share in files]
    sources = [(share, read.of_texts(texts, rng)) for share, texts in asked]
    sources += [
        (SHARES["world"], read.of_groups(read.world("train", seed), rng)),
        (SHARES["sayings"], read.of_groups(read.sayings("train", seed), rng)),
        (SHARES["rivals"], read.of_rivals(Rivals("train", seed))),
    ]
    if dialogues is not None:
        sources.append((SHARES["dialogues"], read.of_dialogues(read.dialogues(dialogues, seed), rng)))
    aside = [text for _, texts in asked for one in texts for text in one.texts if len(text) < 240]
    return read.mixed(sources, aside, rng)


def _heldout(files: Sequence[tuple[Path, float]]) -> dict[str, Iterator[Example]]:
    """The tenth of each file that is not trained on, and what the generators keep back."""
    found: dict[str, Iterator[Example]] = {
        path.name.split(".")[0]: read.of_texts(read.read_asked(path, heldout=True), random.Random(1))
        for path, _ in files
    }
    found["world"] = read.of_groups(read.world("heldout", 1), random.Random(1))
    found["sayings"] = read.of_groups(read.sayings("heldout", 1), random.Random(1))
    found["rivals"] = read.of_rivals(Rivals("heldout", 1))
    return found


def _shared(given: str) -> tuple[Path, float]:
    path, _, share = given.rpartition("=")
    try:
        return Path(path), float(share)
    except ValueError as error:
        raise typer.BadParameter(f"{given!r}: give FILE=SHARE, such as qamr.jsonl.gz=0.12") from error
