"""``python -m hypernet.training vision``: a patch encoder for a base model, and what it is worth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor

from hypernet.backbones import patches
from hypernet.backbones.patches import PatchEncoder, PatchSight, PatchSizes, fits
from hypernet.doc_to_lora import DocToLoRA
from hypernet.training.trainer import Pace, train
from hypernet.training.vision import vision_card
from hypernet.training.vision.gallery import HELD_OUT, SEEN, Shown, digit, held_out_digits, scene
from hypernet.training.vision.judging import cases, judge
from hypernet.training.vision.seeing_losses import Reading, seeing_losses

_JUDGED = 96


def vision(
    model: Annotated[
        Path, typer.Option(help="The hypernetwork, and its base, that are to be shown pictures.")
    ] = Path("hypernet/reference"),
    folder: Annotated[Path, typer.Option(help="Checkpoints and curve; rerun to resume.")] = Path(
        "runs/vision"
    ),
    out: Annotated[Path, typer.Option(help="Where the finished encoder goes.")] = Path(
        "hypernet/reference/vision"
    ),
    steps: Annotated[int, typer.Option(help="Training steps.")] = 2000,
    batch: Annotated[int, typer.Option(help="Pictures a step, half of them digits.")] = 48,
    states_every: Annotated[
        int, typer.Option(help="Steps between those that also compare the base's states.")
    ] = 8,
    scenes: Annotated[int, typer.Option(help="Scenes of a case that it is judged on in the end.")] = 300,
    digits: Annotated[int | None, typer.Option(help="Held-out digits then; all of them by default.")] = None,
    seed: int = 1,
    threads: Annotated[int, typer.Option(help="CPU threads.")] = 2,
) -> None:
    """Train a patch encoder in front of a frozen base, on pictures with captions, and measure it."""
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    whole = DocToLoRA.from_pretrained(model, device="cpu", dtype=torch.float32)
    encoder = PatchEncoder(PatchSizes(whole.config.hidden_size))
    reading = Reading(whole, encoder.sizes.tokens)

    def loss(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng((seed, step))
        shown = [digit(rng) if i % 2 else scene(rng, SEEN) for i in range(batch)]
        return seeing_losses(encoder, reading, shown, states=step % states_every == 0)

    pace = Pace(evaluate_every=100, save_every=25, muon_lr=2e-3, adam_lr=2e-3)
    train("vision", encoder, loss, _judge(encoder, reading), steps=steps, pace=pace, folder=folder)
    patches.save(encoder, out, whole.base_fingerprint)
    seeing = DocToLoRA(whole.hypernetwork, whole.base_model, whole.tokenizer, image_encoder=out)
    pictures = cases(scenes, digits)
    examples = [each for shown in pictures.values() for each in shown[:16]]
    vision_card.write(out, folder, seeing, judge(seeing, pictures), examples[:16] + examples[16::2])


def judge_vision(
    model: Annotated[Path, typer.Option(help="A hypernetwork with a patch encoder.")] = Path(
        "hypernet/reference"
    ),
    scenes: Annotated[int, typer.Option(min=1, help="Scenes of a case; the card's 60 by default.")] = 60,
    digits: Annotated[int, typer.Option(min=1, help="Held-out digits; the card's 200 by default.")] = 200,
    save: Annotated[Path | None, typer.Option(help="Write the figures here as JSON.")] = None,
) -> None:
    """Measure a finished patch encoder as its card does, and print the card's table."""
    seeing = DocToLoRA.from_pretrained(model, device="cpu", dtype=torch.float32)
    if not (seeing.sees and isinstance(seeing.sight, PatchSight)):
        raise typer.BadParameter(f"{model} has no patch encoder; train one with `vision`")
    figures = judge(seeing, cases(scenes, digits))
    typer.echo(vision_card.table(figures))
    if save:
        save.write_text(vision_card.as_json(figures))


def _judge(encoder: PatchEncoder, reading: Reading) -> Callable[[], dict[str, float]]:
    """How many held-out pictures' tokens stand nearest to every word of their captions."""
    rng = np.random.default_rng(0)
    cases: dict[str, list[Shown]] = {
        "digits": held_out_digits()[:_JUDGED],
        "scenes": [scene(rng, SEEN) for _ in range(_JUDGED)],
        "new pairs": [scene(rng, HELD_OUT) for _ in range(_JUDGED)],
    }
    return lambda: {name: _read(encoder, reading, shown) for name, shown in cases.items()}


def _read(encoder: PatchEncoder, reading: Reading, shown: list[Shown]) -> float:
    tokens = encoder(encoder.pixels([each.image for each in shown]))
    return float((fits(tokens, reading.words).argmax(-1) == reading.captions(shown)).all(-1).float().mean())
