"""The recipe from start to end: ``python -m hypernet.training d2l --base ... --recipe memory``."""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import typer
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hypernet.backbones import bases
from hypernet.backbones.chunking import affixes
from hypernet.backbones.conversion import base_fingerprint
from hypernet.checkpoints import checkpoint
from hypernet.lora.inject import target_layers
from hypernet.networks.config import HypernetConfig
from hypernet.networks.tokens import MODULE, TokenHypernetwork
from hypernet.training import card, curve
from hypernet.training.data import examples
from hypernet.training.data.examples import Example
from hypernet.training.data.sources import attribution, counted
from hypernet.training.packed import require_packing
from hypernet.training.precision import has_fast_bfloat16, mix_frozen
from hypernet.training.recipe.exams import Judge, exams
from hypernet.training.recipe.losses import stage_losses
from hypernet.training.recipe.own import Own, own_replies
from hypernet.training.recipe.passes import Passes
from hypernet.training.recipe.sheets import Practice, Scribe, Sheet, Sources
from hypernet.training.recipe.stages import RECIPES, StageRow, steps_of
from hypernet.training.team import Team, gather
from hypernet.training.trainer import Schedule, Stage, Trainer

TUNED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
TUNING_RANK = 32
_SHUFFLED = 5  # seed of the order in which held-out examples are taken
_REPLIES = 8  # of the base's own, for each question of an exam
_MEASURED = 5  # steps of each stage, after two that do not count

_ABOUT = """A hypernetwork with a row a token ({millions:.1f} M parameters, the base's LoRA
among them) for `{base}`. Load it with `hypernet.DocToLoRA.from_pretrained(this folder)`.
Trained on made-up facts and sayings{data}."""
_EXPLAINED = """Whole answers in %, teacher-forced, with 95 % intervals, nothing in the prompt but the
question: made-up facts whose values, owners and half of the phrasings are held out, and texts of files
that were not trained on. "unknown" counts refusals to questions that nothing told answers. A stage that
does not speak yet counts answers whose rows are found."""


@dataclass(frozen=True)
class Options:
    """What can be set for a run; None: what suits the device."""

    steps: int | None
    tokens: int | None
    workers: int | None
    variety: int | None
    keep_gb: float | None
    minutes: float | None
    heldout: float
    judged: int
    evaluate_every: int
    save_every: int
    muon_lr: float
    adam_lr: float
    seed: int

    def settled(self, device: torch.device) -> Options:
        """Every choice made: a GPU computes states anew and takes large steps of ever new groups, a CPU
        keeps the states of 20,000 groups, which it sees again."""
        gpu = device.type != "cpu"
        steps, tokens, workers, variety, keep_gb = (
            (6000, 49_152, 12, 0, 0.0) if gpu else (4000, 3072, 0, 20_000, 6.0)
        )
        return replace(
            self,
            steps=steps if self.steps is None else self.steps,
            tokens=tokens if self.tokens is None else self.tokens,
            workers=workers if self.workers is None else self.workers,
            variety=variety if self.variety is None else self.variety,
            keep_gb=keep_gb if self.keep_gb is None else self.keep_gb,
        )


@dataclass
class Course:
    """Everything that the stages share."""

    rows: tuple[StageRow, ...]
    options: Options
    folder: Path
    team: Team
    passes: Passes
    scribe: Scribe
    trained: list[Example]
    own: Own
    sheets: dict[str, Sheet]

    def practice(self, row: StageRow) -> Practice:
        options = self.options
        sources = Sources(self.trained, options.seed, options.variety or 0)
        return Practice(
            sources,
            self.scribe,
            row,
            self.own.turns,
            tokens=options.tokens or 1,
            seed=options.seed,
            rank=self.team.rank,
        )

    def stage(self, row: StageRow, steps: int) -> Stage:
        """One row of the table, ready to train."""
        options, upcoming = self.options, Upcoming(self.practice(row), steps, self.options.workers or 0)

        def loss(step: int) -> dict[str, Tensor]:
            return stage_losses(self.passes, upcoming.at(step), row, self.own)

        schedule = Schedule(steps, warmup=min(100, 1 + steps // 10))
        return Stage(
            row.name,
            self.passes.network,
            loss,
            Judge(self.passes, self.sheets, row),
            schedule,
            evaluate_every=options.evaluate_every,
            save_every=options.save_every,
            muon_lr=options.muon_lr,
            adam_lr=options.adam_lr,
        )


class Upcoming:
    """The sheets of a stage in their order, from whichever step is asked for first."""

    def __init__(self, practice: Practice, steps: int, workers: int) -> None:
        self._practice, self._steps, self._workers = practice, steps, workers
        self._next = -1
        self._sheets: Iterator[Sheet] = iter(())

    def at(self, step: int) -> Sheet:
        if step != self._next:
            self._sheets = self._practice.ahead(step, self._steps, self._workers)
        self._next = step + 1
        return next(self._sheets)


def run(
    recipe: str,
    base: str,
    data: Sequence[Path],
    folder: Path,
    start: Path | None,
    device: str | None,
    options: Options,
    *,
    measure: bool = False,
) -> None:
    """All stages of a recipe, each from where it stands; with ``measure`` only how fast each is."""
    until = math.inf if options.minutes is None else time.monotonic() + 60 * options.minutes
    team, where = gather(device)
    torch.manual_seed(options.seed)
    found = prepared(recipe, base, data, folder, start, (team, where), options)
    if measure:
        typer.echo(measured(found))
        return
    finished = True
    steps = steps_of(found.rows, found.options.steps or 1)
    for row, count in zip(found.rows, steps, strict=True):
        finished = Trainer(found.stage(row, count), folder, team).run(until)
        last = row
        if not finished:
            break
    if team.first:
        publish(found, base, last, whole=finished)


def prepared(
    recipe: str,
    base: str,
    data: Sequence[Path],
    folder: Path,
    start: Path | None,
    place: tuple[Team, torch.device],
    options: Options,
) -> Course:
    """Base, hypernetwork, data and exams, and the base's own replies."""
    team, where = place
    options = options.settled(where)
    folder.mkdir(parents=True, exist_ok=True)
    known = [example for path in data for example in examples.read(path)]
    trained, kept = examples.split(known, options.heldout) if known else ([], [])
    model = bases.load_model(base, where, bases.default_dtype(where))
    require_packing(model)
    tokenizer = bases.load_tokenizer(base)
    network = fresh_or_from(start, model, tokenizer).to(where)
    keep = None
    if options.keep_gb:
        name = f"{base_fingerprint(model)[:12]}-{network.config.feature_layers[-1]}"
        keep = folder / "states" / name, int(options.keep_gb * 1e9)
    if where.type == "cpu" and has_fast_bfloat16():
        mix_frozen(model)
    scribe = Scribe(tokenizer, network.config)
    passes = Passes(model, network, scribe.opening, scribe.shared, options.tokens or 1, keep)
    own = own_replies(passes, scribe, _REPLIES * options.judged, options.seed, folder / "own.pt")
    random.Random(_SHUFFLED).shuffle(kept)
    sheets = exams(scribe, kept, options.judged)
    # A start has learnt to find rows on the base as it is: its LoRA is trained on from the first step.
    rows = tuple(row for row in RECIPES[recipe] if row.tuned or start is None)
    return Course(rows, options, folder, team, passes, scribe, trained, own, sheets)


def fresh_or_from(
    start: Path | None, base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> TokenHypernetwork:
    """A new hypernetwork for the base, or the one at ``start``; trainable. Raises ValueError for another
    kind."""
    if start is None:
        opening, closing = affixes(tokenizer, system_turn=False)
        return TokenHypernetwork(config_for(base, (len(opening), len(closing))))
    found = checkpoint.load(start).hypernetwork
    if not isinstance(found, TokenHypernetwork):
        raise ValueError(f"the recipe trains a hypernetwork with a row a token; the one at {start} has none")
    bases.require_fit(found.config, base, base)
    return found.requires_grad_(True).train()


def config_for(base: PreTrainedModel, template: tuple[int, int]) -> HypernetConfig:
    """Sizes for any base: it is read a quarter and half of the way up, written to at three quarters, and
    tuned from half on. ``template`` is how many tokens of the chat template open and close a text."""
    down = target_layers(base, MODULE)
    layers, hidden = len(down), base.get_input_embeddings().weight.size(1)
    width = 256 if hidden >= 256 else 8 * max(1, hidden // 8)
    read, written = max(1, layers // 2), min(layers - 1, layers * 3 // 4)
    linear = {(i, m): target_layers(base, m)[i] for i in range(read, layers) for m in TUNED}
    return HypernetConfig(
        target_modules=(MODULE,),
        d_in={MODULE: down[0].in_features},
        d_out={MODULE: down[0].out_features},
        num_layers=layers,
        rank=512,
        hidden_size=hidden,
        scaling=1.0,
        latent_size=width,
        num_latents=1,
        num_blocks=1,
        feature_kind="chosen",
        num_heads=4,
        num_kv_heads=4,
        head_dim=width // 4,
        max_chunk_tokens=256,
        max_chunks=64,
        reader="tokens",
        num_context_blocks=3,
        feature_layers=tuple(sorted({0, layers // 4, read})),
        written_layers=(written,),
        row_size=width * 3 // 4,
        template=template,
        tuned={f"{i}.{m}": (TUNING_RANK, x.in_features, x.out_features) for (i, m), x in linear.items()},
    )


def measured(course: Course) -> str:
    """A table of how fast each stage is here, and how long the whole takes; nothing is trained."""
    options, lines = (
        course.options,
        ["| stage | s a step | groups/s | tokens/s | hours |", "|---|---|---|---|---|"],
    )
    whole = 0.0
    for row, steps in zip(course.rows, steps_of(course.rows, options.steps or 1), strict=True):
        upcoming = Upcoming(course.practice(row), _MEASURED + 2, options.workers or 0)
        groups = tokens = 0
        for step in range(_MEASURED + 2):
            if step == 2:
                _wait(course.passes.device)
                begun, groups, tokens = time.perf_counter(), 0, 0
            sheet = upcoming.at(step)
            losses = stage_losses(course.passes, sheet, row, course.own)
            # torch does not annotate Tensor.backward.
            torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
            course.passes.network.zero_grad(set_to_none=True)
            groups += len(sheet.groups)
            tokens += sum(map(len, sheet.texts)) + sum(
                len(turn.ids) for turns in sheet.rows for turn in turns
            )
        _wait(course.passes.device)
        seconds = time.perf_counter() - begun
        hours = seconds / _MEASURED * steps / 3600
        whole += hours
        lines.append(
            f"| {row.name} | {seconds / _MEASURED:.2f} | {groups / seconds:.1f} | {tokens / seconds:.0f} "
            f"| {hours:.2f} |"
        )
    return "\n".join([*lines, f"| {options.steps} steps | | | | {whole:.2f} |"])


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def publish(course: Course, base: str, row: StageRow, *, whole: bool) -> None:
    """``model/`` in the run's folder: weights in our layout (bfloat16), figures, curve and card."""
    folder, network = course.folder / "model", course.passes.network
    name = os.path.relpath(base, folder) if Path(base).exists() else base
    checkpoint.save(network, folder, base=name, dtype="bfloat16")
    answers = Judge(course.passes, course.sheets, row).answers()
    lines = [json.loads(line) for line in (course.folder / "curve.jsonl").read_text().splitlines()]
    settings = {
        **asdict(course.options),
        "examples": len(course.trained),
        "last stage": row.name,
        "finished": whole,
    }
    card.write(
        folder,
        title=f"A memory for {Path(base).name}",
        about=_ABOUT.format(
            data="".join(f"; {line}" for line in attribution(counted(e.kind for e in course.trained))),
            millions=sum(p.numel() for p in network.parameters()) / 1e6,
            base=Path(base).name,
        ),
        base=Path(base).name if Path(base).exists() else base,
        command="d2l --recipe memory",
        settings=settings,
        curve=course.folder / "curve.jsonl",
        explained=_EXPLAINED,
        figures={kind: card.share(right) for kind, right in answers.items()},
    )
    losses = tuple(name for name in ("find", "say", "keep") if any(name in line for line in lines))
    curve.plot(course.folder / "curve.jsonl", folder / "curve.png", losses, tuple(answers))
