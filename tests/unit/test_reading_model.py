"""The reading model in NumPy against the one that is trained, and what it makes of odd texts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from hypernet.reading import YES_OR_NO
from hypernet.training.reading.examples import Example
from hypernet.training.reading.model import ReadingModel, batch, best, encode, load_base, said, save
from memory.backends.model.embedder import packaged_folder
from memory.backends.model.reading import SpanReader
from memory.errors import ModelUnavailable


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> tuple[ReadingModel, Path]:
    """A model whose blocks are a little off the base's and whose span scores are random; and its folder."""
    torch.manual_seed(0)
    model, _ = load_base(packaged_folder())
    with torch.no_grad():
        for parameter in model.encoder.encoder.parameters():
            parameter += 0.01 * torch.randn_like(parameter)
        model.span.weight.normal_()
    folder = tmp_path_factory.mktemp("reading")
    save(model, folder / "model.safetensors")
    return model.eval(), folder


def as_saved(model: ReadingModel, folder: Path) -> ReadingModel:
    """The model with its matrices rounded as in the file."""
    tensors = load_file(folder / "model.safetensors")
    for name, tensor in model.state_dict().items():
        bare = name.removeprefix("encoder.") if name.startswith("encoder.") else name
        if bare + ".scale" in tensors:
            tensor.copy_(tensors[bare].float() * tensors[bare + ".scale"][:, None])
    return model


@pytest.mark.parametrize(
    "texts",
    [
        ("My wife is allergic to bees.",),
        ("I work at Siemens.", "I quit Siemens, I'm at Bosch now.", "Zoë's café opens at 8:30."),
        ("", "  ", "Only this one says anything: 42."),
    ],
)
def test_numpy_finds_the_span_that_torch_finds(
    untrained: tuple[ReadingModel, Path], texts: tuple[str, ...]
) -> None:
    """Same place, same characters, same margin, several texts and blank ones too."""
    model, folder = untrained
    _, tokenizer = load_base(packaged_folder())
    example = Example("Where do I work?", texts)
    one = encode(example, tokenizer)
    assert one is not None
    with torch.no_grad():
        scores = as_saved(model, folder)(*batch([one]))[0]
    margin, span = best(scores, one)
    found = SpanReader(folder).find(example.question, texts)
    assert found is not None
    assert texts[found.place][found.start : found.end] == said(example, one, span)
    assert found.margin == pytest.approx(margin, abs=1e-2)


def test_nothing_to_read_finds_nothing(untrained: tuple[ReadingModel, Path]) -> None:
    """No texts, and texts without a word, are no error."""
    reader = SpanReader(untrained[1])
    assert reader.find("Where do I work?", []) is None
    assert reader.find("Where do I work?", ["", "\u200b"]) is None


def test_what_is_beyond_the_window_is_left_out(untrained: tuple[ReadingModel, Path]) -> None:
    """A text as long as a book, and a question as long, are read as far as the window goes."""
    found = SpanReader(untrained[1]).find("why " * 5000, ["word " * 100_000, "another"])
    assert found is not None
    assert found.place == 0


def test_missing_weights_are_a_clear_error(tmp_path: Path) -> None:
    """A folder without the file is named."""
    with pytest.raises(ModelUnavailable, match=str(tmp_path)):
        SpanReader(tmp_path).find("Where?", ["Here."])


def test_numpy_decides_as_torch_does(untrained: tuple[ReadingModel, Path]) -> None:
    """The likelier half of the choice that stands before the texts, with its odds against neither."""
    model, folder = untrained
    _, tokenizer = load_base(packaged_folder())
    for text in ("Biscuit is a beagle.", "answer no, he said; answer yes, she said.", "é" * 40):
        example = Example("Is Biscuit a beagle?", (YES_OR_NO, text))
        one = encode(example, tokenizer)
        assert one is not None
        with torch.no_grad():
            scores = as_saved(model, folder)(*batch([one]))[0]
        first = one.bounds[0][0]
        yes, no = (float(scores[first + a, 0] + scores[first + b, 1]) for a, b in ((0, 1), (3, 4)))
        found = SpanReader(folder).decide(example.question, [text])
        assert found is not None
        assert found.yes is (yes > no)
        assert found.margin == pytest.approx(max(yes, no) - float(scores[0].sum()), abs=1e-2)
    assert SpanReader(folder).decide("Is Biscuit a beagle?", [""]) is None
