"""Training a patch encoder: its pictures, its losses, and a command that resumes and measures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from typer.testing import CliRunner

from hypernet import reference_path
from hypernet.backbones import patches
from hypernet.backbones.patches import PatchEncoder, PatchSight, PatchSizes
from hypernet.doc_to_lora import DocToLoRA
from hypernet.evaluation.scoring import Figure
from hypernet.training.__main__ import app
from hypernet.training.vision import vision_card
from hypernet.training.vision.gallery import (
    COLORS,
    HELD_OUT,
    PAIRS,
    SEEN,
    SHAPES,
    _digits,
    digit,
    held_out_digits,
    scene,
)
from hypernet.training.vision.judging import CONDITIONS
from hypernet.training.vision.seeing_losses import Reading, seeing_losses

SIZES = PatchSizes(192, channels=(8, 8, 16), layers=1, heads=2)


@pytest.fixture(scope="module")
def model() -> DocToLoRA:
    return DocToLoRA.from_pretrained(reference_path(), device="cpu", dtype=torch.float32)


@pytest.fixture
def encoder() -> PatchEncoder:
    torch.manual_seed(0)
    return PatchEncoder(SIZES)


def test_a_scene_shows_what_its_caption_says() -> None:
    """The commonest saturated color is the one named, for all but black and white."""
    rng = np.random.default_rng(0)
    for color in list(COLORS)[:6]:
        shown = scene(rng, [(color, "square")])
        pixels = np.asarray(shown.image, int).reshape(-1, 3)
        near = np.abs(pixels - COLORS[color]).sum(-1) < 90
        assert near.mean() > 0.03
        number = shown.facts["number"]
        first = f"The picture's color is {color}. The picture's shape is square."
        assert shown.caption == f"{first} The picture's number is {number}."


def test_held_out_pairs_and_digits_are_never_trained_on() -> None:
    """Every color and every shape is seen with others, and no held-out digit is among the trained ones."""
    assert set(SEEN) | set(HELD_OUT) == set(PAIRS)
    assert not set(SEEN) & set(HELD_OUT)
    assert {color for color, _ in SEEN} == set(COLORS)
    assert {shape for _, shape in SEEN} == set(SHAPES)
    strokes, classes, held_out = _digits()
    assert len(strokes) == 1797
    assert 0.24 < held_out.mean() < 0.26
    assert set(classes[held_out]) == set(range(10))
    assert len(held_out_digits()) == held_out.sum()


def test_losses_are_least_where_the_tokens_are_the_captions_words(
    model: DocToLoRA, encoder: PatchEncoder
) -> None:
    """An encoder that gives the caption's own words has no loss; an untrained one has."""
    reading = Reading(model, SIZES.tokens)
    rng = np.random.default_rng(1)
    shown = [digit(rng), scene(rng, SEEN)]

    class Told(PatchEncoder):
        def forward(self, _pixels: torch.Tensor) -> torch.Tensor:
            return 3 * reading.words[reading.captions(shown)]

    untrained, told = (
        {name: loss.item() for name, loss in seeing_losses(each, reading, shown, states=True).items()}
        for each in (encoder, Told(SIZES))
    )
    assert all(told[name] < 0.02 for name in told), told
    assert all(untrained[name] > 0.3 for name in untrained), untrained


def test_a_caption_longer_than_an_image_is_refused(model: DocToLoRA) -> None:
    with pytest.raises(ValueError, match="tokens, an image 9"):
        Reading(model, 9).captions([digit(np.random.default_rng(0))])


def test_an_encoder_of_captions_gives_the_captions_adapter(model: DocToLoRA) -> None:
    """Where its tokens are the words, the base reads the picture as it reads the caption, filled up."""
    shown = held_out_digits()[0]
    reading = Reading(model, SIZES.tokens)
    ids = reading.captions([shown])

    class Told(PatchEncoder):
        def forward(self, _pixels: torch.Tensor) -> torch.Tensor:
            return 3 * reading.words[ids]

    sight = PatchSight(Told(SIZES), model.base_model, model.tokenizer)
    seeing = DocToLoRA(model.hypernetwork, model.base_model, model.tokenizer)
    seeing.__dict__["sight"] = sight
    ours = seeing.generate([sight.turn([shown.image])])[0]
    (theirs,) = model.generate([[*reading.opening, *ids[0].tolist(), *reading.closing]])
    torch.testing.assert_close(ours.A["down_proj"], theirs.A["down_proj"])
    assert sight.describe(shown.image) == shown.caption


def test_a_saved_encoder_comes_back_and_fits_its_base_alone(tmp_path: Path, encoder: PatchEncoder) -> None:
    """Half precision on disk; a base that it was not trained for, and damage, are refused."""
    patches.save(encoder, tmp_path, "base-a")
    found = patches.load(tmp_path, "base-a")
    pixels = torch.rand(2, 3, SIZES.side, SIZES.side)
    torch.testing.assert_close(found(pixels), encoder(pixels), rtol=0.02, atol=0.02)
    with pytest.raises(ValueError, match="was trained for another base model"):
        patches.load(tmp_path, "base-b")
    weights = tmp_path / patches.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is damaged"):
        patches.load(tmp_path, "base-a")
    with pytest.raises(FileNotFoundError, match="no image encoder"):
        patches.load(tmp_path / "nowhere", "base-a")


def test_images_of_any_size_have_as_many_tokens_in_the_place_of_words(
    model: DocToLoRA, encoder: PatchEncoder
) -> None:
    """Several in a turn, before the text; words that look like special ones stay where they are."""
    sight = PatchSight(encoder, model.base_model, model.tokenizer)
    images = [PIL.Image.new("RGB", size, "red") for size in ((1, 1), (500, 20))]
    turn = sight.turn(images, "Both are red.")
    assert turn.inputs["places"].tolist() == list(range(1, 1 + 2 * SIZES.tokens))
    assert model.tokenizer.decode(turn.ids[1 + 2 * SIZES.tokens :]).startswith(" Both are red.")
    embedded = sight.embed(turn)
    one = patches.among(encoder(encoder.pixels(images[:1])), sight.words)
    torch.testing.assert_close(embedded[:, 1 : 1 + SIZES.tokens], one)


def test_the_command_resumes_and_measures(tmp_path: Path) -> None:
    """Killed after two steps it goes on to the third; the card has figures, examples and the curve."""
    told = ["vision", "--folder", str(tmp_path / "run"), "--out", str(tmp_path / "out"), "--batch", "4"]
    told += ["--threads", "1", "--scenes", "2", "--digits", "2"]
    for steps in ("2", "3"):
        result = CliRunner().invoke(app, [*told, "--steps", steps])
        assert result.exit_code == 0, result.output
    curve = [json.loads(line) for line in (tmp_path / "run" / "curve.jsonl").read_text().splitlines()]
    assert [line["step"] for line in curve] == [2, 3]
    figures = json.loads((tmp_path / "out" / "figures.json").read_text())
    cases = {f["case"] for f in figures}
    assert cases >= {"digits: digit", "scenes: color", "scenes, pairs never seen: shape"}
    assert next(f for f in figures if f["case"] == "digits: digit")["chance"] == pytest.approx(0.1)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "| digits: digit |" in card
    assert (tmp_path / "out" / "shown.png").stat().st_size > 1000


def test_a_finished_encoder_is_judged_by_one_command(tmp_path: Path) -> None:
    """Its table and its figures; a model that sees nothing is refused."""
    told = ["judge-vision", "--model", str(reference_path()), "--scenes", "2", "--digits", "2"]
    result = CliRunner().invoke(app, [*told, "--save", str(tmp_path / "figures.json")])
    assert result.exit_code == 0, result.output
    figures = [Figure(**f) for f in json.loads((tmp_path / "figures.json").read_text())]
    assert result.output.strip() == vision_card.table(figures)
    assert {f.questions for f in figures} == {2}
    assert {f.condition for f in figures} == set(CONDITIONS)
    blind = CliRunner().invoke(app, ["judge-vision", "--model", str(_blind(tmp_path / "blind"))])
    assert blind.exit_code == 2
    assert "has no patch encoder" in " ".join(blind.output.replace("│", " ").split())


def _blind(folder: Path) -> Path:
    """The packaged model without its image encoder."""
    shutil.copytree(reference_path(), folder)
    config = json.loads((folder / "hypernet.json").read_text())
    config.pop("image_encoder")
    (folder / "hypernet.json").write_text(json.dumps(config))
    return folder
