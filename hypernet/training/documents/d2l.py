"""Doc-to-LoRA on any frozen causal LM: ``python -m hypernet.training d2l``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from hypernet.backbones import bases
from hypernet.backbones.chunking import affixes
from hypernet.checkpoints import checkpoint
from hypernet.lora.inject import target_layers
from hypernet.networks.config import FeatureKind, HypernetConfig
from hypernet.networks.hypernetwork import AnyHypernetwork, build
from hypernet.training import card, curve
from hypernet.training.data import examples
from hypernet.training.data.examples import Example
from hypernet.training.documents.document_judge import CONDITIONS, Judge
from hypernet.training.documents.document_losses import Weights, document_losses
from hypernet.training.documents.lessons import Lessons, Mix, Reader, exams
from hypernet.training.packed import require_packing
from hypernet.training.recipe.run import TUNED, TUNING_RANK, Options
from hypernet.training.recipe.run import run as run_recipe
from hypernet.training.recipe.stages import RECIPES
from hypernet.training.team import gather
from hypernet.training.trainer import Pace, train

_ABOUT = """A Doc-to-LoRA hypernetwork ({millions:.1f} M parameters) that writes rank-{rank} adapters for
{modules} of `{base}`, which stays as it is. Load it with
`hypernet.DocToLoRA.from_pretrained(this folder)`."""
_EXPLAINED = """Exact match of the whole answer in %, with 95 % intervals, on {groups} held-out examples: no
context of theirs was trained on. Answers are judged teacher-forced, which equals greedy decoding.
"No memory", "wrong adapter" (another example's) and "full context" (the text in the prompt, where the window
holds it) are the same base on the same questions. "Never told" counts refusals to questions that the data
calls unknown."""


_RECIPE_ALONE = {"minutes", "measure", "workers", "variety", "keep_gb"}
_WITH_RECIPE = {
    *_RECIPE_ALONE, "base", "data", "recipe", "folder", "steps", "start", "tokens", "muon_lr", "adam_lr",
    "heldout", "judged", "evaluate_every", "save_every", "device", "seed",
}  # fmt: skip


class Kind(StrEnum):
    """What turns features into factor rows: learned latents (published), salient tokens, or all tokens."""

    LATENTS = "latents"
    ANCHORS = "anchors"
    TOKENS = "tokens"


@dataclass(frozen=True)
class Sizes:
    """What a user decides about a hypernetwork; the base decides the rest."""

    modules: tuple[str, ...]
    rank: int
    latent_size: int
    latents: int
    blocks: int
    max_chunk_tokens: int
    max_chunks: int
    reader: Kind

    def config(self, base: PreTrainedModel, template: tuple[int, int] = (0, 0)) -> HypernetConfig:
        """The published architecture (its very heads at latent size 512), the anchored one, or a row a token.

        ``template`` is how many tokens of the chat template open and close a text. Raises ValueError for a
        module that the base does not have, and for a width that gives no heads.
        """
        if self.latent_size < 8 or self.latent_size % 8:
            raise ValueError(f"the latent size must be a multiple of 8, got {self.latent_size}")
        layers = {m: target_layers(base, m) for m in sorted(self.modules)}
        anchored, tokens = self.reader is Kind.ANCHORS, self.reader is Kind.TOKENS
        kind: FeatureKind = "concat" if anchored else "chosen" if tokens else "per_layer"
        return HypernetConfig(
            target_modules=tuple(layers),
            d_in={m: found[0].in_features for m, found in layers.items()},
            d_out={m: found[0].out_features for m, found in layers.items()},
            num_layers=len(next(iter(layers.values()))),
            rank=self.rank,
            hidden_size=base.get_input_embeddings().weight.size(1),
            scaling=1.0 if anchored or tokens else 2 * self.rank**1.5,
            latent_size=self.latent_size,
            num_latents=self.latents,
            num_blocks=self.blocks,
            feature_kind=kind,
            num_heads=4 if anchored or tokens else 16,
            num_kv_heads=4,
            head_dim=self.latent_size // 4,
            max_chunk_tokens=self.max_chunk_tokens,
            max_chunks=self.max_chunks,
            reader=self.reader.value,
            num_context_blocks=2 if anchored else 3 if tokens else 0,
            **(_token_layers(base, self.latent_size, template) if tokens else {}),
        )


def _token_layers(base: PreTrainedModel, width: int, template: tuple[int, int]) -> dict[str, Any]:
    """Where a row-a-token hypernetwork reads, writes and tunes: a quarter and a half of the way up, three
    quarters, and the layers between reading and writing, with the last."""
    layers = len(target_layers(base, "down_proj"))
    read, written = max(1, layers // 2), min(layers - 1, layers * 3 // 4)
    places = [(layer, module) for layer in range(read, written) for module in TUNED]
    ranks = dict.fromkeys(places, TUNING_RANK) | {(layers - 1, "down_proj"): 2 * TUNING_RANK}
    linear = {(i, m): target_layers(base, m)[i] for i, m in ranks}
    return {
        "feature_layers": tuple(sorted({0, layers // 4, read})),
        "written_layers": (written,),
        "row_size": width * 3 // 4,
        "template": template,
        "tuned": {
            f"{i}.{m}": (r, linear[i, m].in_features, linear[i, m].out_features)
            for (i, m), r in ranks.items()
        },
    }


def d2l(
    context: typer.Context,
    base: Annotated[str, typer.Option(help="The frozen causal LM: a folder, a GGUF file or a hub id.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Examples as JSON lines; docs/training.md has the form. Several, if given again."),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="'memory': stages and sizes are given, --data is beside made-up facts and sayings."
        ),
    ] = None,
    folder: Annotated[
        Path, typer.Option(help="Checkpoints and curve, and the result in model/; rerun to resume.")
    ] = Path("runs/d2l"),
    steps: Annotated[
        int | None, typer.Option(min=1, help="10,000; of a recipe, of all stages, what suits the device.")
    ] = None,
    modules: Annotated[str, typer.Option(help="What to adapt, with commas between.")] = "down_proj",
    rank: Annotated[int, typer.Option(help="Of each chunk's adapter; with anchors, the most rows.")] = 8,
    reader: Annotated[
        Kind, typer.Option(help="Of the features: as published, anchored, or a row a token.")
    ] = Kind.LATENTS,
    start: Annotated[
        Path | None, typer.Option(help="A hypernetwork to go on from, as hypernet/smollm2; its sizes hold.")
    ] = None,
    latent_size: Annotated[int, typer.Option(help="Width of the Perceiver, a multiple of 8.")] = 512,
    latents: Annotated[int, typer.Option(help="Learned queries that gather the features.")] = 64,
    blocks: Annotated[int, typer.Option(help="Cross-attention blocks.")] = 4,
    chunk_tokens: Annotated[int, typer.Option(help="The most tokens of a chunk.")] = 512,
    chunks: Annotated[int, typer.Option(help="The most chunks that a context is cut into.")] = 8,
    growth: Annotated[
        float, typer.Option(min=0, max=1, help="Part of the steps over which the chunks grow from 1.")
    ] = 0.5,
    tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Of chunks and questions, a step and process: 8192, unless a recipe."),
    ] = None,
    questions: Annotated[int, typer.Option(help="Of an example, at most.")] = 6,
    distractors: Annotated[
        float, typer.Option(min=0, max=1, help="Share of examples with another's chunks merged in.")
    ] = 0.3,
    unknown: Annotated[
        float, typer.Option(min=0, max=1, help="Share of examples asked what nothing told answers.")
    ] = 0.3,
    answer_weight: Annotated[float, typer.Option(help="Of cross-entropy on the answers.")] = 1.0,
    teacher_weight: Annotated[
        float, typer.Option(help="Of KL to the base with the context in its prompt; 0 spares that pass.")
    ] = 1.0,
    l1_weight: Annotated[float, typer.Option(help="Of the generated factors' mean absolute value.")] = 0.01,
    address_weight: Annotated[
        float, typer.Option(help="Of finding the row of each answer token; with a row a token only.")
    ] = 0.3,
    muon_lr: Annotated[float, typer.Option(help="For matrices.")] = 2e-3,
    adam_lr: Annotated[float, typer.Option(help="For vectors, latents, scalers and biases.")] = 1e-3,
    heldout: Annotated[float, typer.Option(help="Share of examples to judge on, never trained on.")] = 0.05,
    judged: Annotated[
        int, typer.Option(help="Of the held-out examples, how many each judgement takes.")
    ] = 64,
    evaluate_every: Annotated[int, typer.Option(min=1, help="Steps.")] = 200,
    save_every: Annotated[int, typer.Option(min=1, help="Steps; a killed run loses no more.")] = 100,
    device: Annotated[str | None, typer.Option(help="cpu or cuda; what there is, unless said.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Of a recipe: stop then, with all that is needed to go on.")
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Of a recipe: only how fast each stage is.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=0, help="Of a recipe: processes that prepare steps; 12 beside a GPU, else 0."),
    ] = None,
    variety: Annotated[
        int | None,
        typer.Option(min=0, help="Of a recipe: made-up groups in all; 0: endless. 20,000 on a CPU."),
    ] = None,
    keep_gb: Annotated[
        float | None,
        typer.Option(min=0, help="Of a recipe: disk for states of the base. 6 on a CPU, else 0."),
    ] = None,
    seed: int = 1,
) -> None:
    """Train a hypernetwork that turns texts into adapters of a frozen base model."""
    _require_fitting(context, recipe)
    if recipe:
        options = Options(
            steps, tokens, workers, variety, keep_gb, minutes, heldout, judged, evaluate_every, save_every,
            muon_lr, adam_lr, seed,
        )  # fmt: skip
        run_recipe(recipe, base, data or [], folder, start, device, options, measure=measure)
        return
    team, where = gather(device)
    torch.manual_seed(seed)
    steps, tokens = steps or 10_000, tokens or 8192
    trained, kept = examples.split([e for path in data or [] for e in examples.read(path)], heldout)
    model = bases.load_model(base, where, bases.default_dtype(where))
    require_packing(model)
    names = tuple(name.strip() for name in modules.split(","))
    sizes = Sizes(names, rank, latent_size, latents, blocks, chunk_tokens, chunks, reader)
    tokenizer = bases.load_tokenizer(base)
    hypernetwork = fresh_or_from(start, sizes, model, tokenizer).to(where)
    mix = Mix(tokens, questions, int(growth * steps), distractors, unknown)
    weights = Weights(answer_weight, teacher_weight, l1_weight, address_weight)
    text_reader = Reader(tokenizer, hypernetwork.config, window(model))
    lessons = Lessons(trained, text_reader, mix, chunks, seed)
    judge = Judge(model, hypernetwork, list(exams(kept[:judged], text_reader, tokens, questions)), tokens)

    def loss(step: int) -> dict[str, Tensor]:
        lesson = lessons.at(step, team.rank, remind=teacher_weight > 0)
        return document_losses(model, hypernetwork, lesson, weights, tokens)

    pace = Pace(evaluate_every, save_every, muon_lr, adam_lr)
    train("d2l", hypernetwork, loss, judge, steps=steps, pace=pace, folder=folder, team=team)
    if team.first:
        settings = {**asdict(sizes), **asdict(mix), **asdict(weights), "examples": len(trained), "seed": seed}
        publish(folder, base, hypernetwork, judge, kept[:judged], settings | {"processes": team.size})


def _require_fitting(context: typer.Context, recipe: str | None) -> None:
    """Raises typer.BadParameter for an unknown recipe, and for options that mean nothing with, or without."""
    if recipe is not None and recipe not in RECIPES:
        raise typer.BadParameter(f"expected a recipe of {', '.join(RECIPES)}, found {recipe!r}")
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}
    idle = given - _WITH_RECIPE if recipe else given & _RECIPE_ALONE
    if idle:
        named = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(idle))
        raise typer.BadParameter(f"{named} {'is given by the recipe' if recipe else 'needs --recipe'}")
    if not recipe and not context.params["data"]:
        raise typer.BadParameter("--data is missing: the examples to train on")


def fresh_or_from(
    start: Path | None, sizes: Sizes, base: PreTrainedModel, tokenizer: PreTrainedTokenizerBase
) -> AnyHypernetwork:
    """A new hypernetwork of these sizes, or the one at ``start``; trainable."""
    if start is None:
        opening, closing = affixes(tokenizer, system_turn=False)
        return build(sizes.config(base, (len(opening), len(closing))))
    found = checkpoint.load(start).hypernetwork
    bases.require_fit(found.config, base, base)
    return found.requires_grad_(True).train()


def window(base: PreTrainedModel) -> int:
    """How many tokens the base reads."""
    return int(base.config.get_text_config().max_position_embeddings)


def publish(
    run: Path,
    base: str,
    hypernetwork: AnyHypernetwork,
    judge: Judge,
    kept: Sequence[Example],
    settings: dict[str, object],
) -> None:
    """``model/`` in the run's folder: weights in our layout, figures, curve and card."""
    folder = run / "model"
    checkpoint.save(hypernetwork, folder, base=seen_from(folder, base))
    exact = {condition: judge.exact(condition) for condition in CONDITIONS}
    figures = {condition: card.share(right) for condition, right in exact.items() if right}
    refused = judge.refused()
    config = hypernetwork.config
    card.write(
        folder,
        title=f"Doc-to-LoRA for {Path(base).name}",
        about=_ABOUT.format(
            millions=sum(p.numel() for p in hypernetwork.parameters()) / 1e6,
            rank=config.rank,
            modules=", ".join(f"`{m}`" for m in config.target_modules),
            base=Path(base).name,
        ),
        base=Path(base).name if Path(base).exists() else base,
        command="d2l",
        settings=settings,
        curve=run / "curve.jsonl",
        explained=_EXPLAINED.format(groups=len(kept)),
        figures=figures | ({"never told": card.share(refused)} if refused else {}),
    )
    curve.plot(
        run / "curve.jsonl",
        folder / "curve.png",
        ("answers", "teacher", "l1", "loss"),
        ("exact", "unknown"),
    )


def seen_from(folder: Path, base: str) -> str:
    """A base's name as a checkpoint in ``folder`` keeps it: a hub id as it is, a path relative to it."""
    return os.path.relpath(base, folder) if Path(base).exists() else base
