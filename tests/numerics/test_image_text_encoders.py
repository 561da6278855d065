"""Image-text models as context encoders, against a slow computation: one chunk, layer and row at a time."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from hypernet.backbones.sight import ImageTurn, load_processor
from hypernet.checkpoints import published
from hypernet.doc_to_lora import Chunk, DocToLoRA
from hypernet.lora.adapter import LoRA
from tests.numerics.slow_doc_to_lora import factors
from tests.published_files import Sizes, tensors, write
from tests.tiny_models import base_model
from tests.tiny_sight import FAMILIES, picture

SIZES = Sizes()
PUBLISHED = ("gemma3", "idefics3", "smolvlm", "qwen2_vl", "qwen2_5_vl", "qwen3_vl")
TINY, WIDE, LARGE = picture(3, 2, seed=1), picture(40, 9, seed=2), picture(150, 200, seed=3)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    return tensors(SIZES)


@pytest.fixture(params=[*FAMILIES, *(f"{name} with torchvision" for name in PUBLISHED)])
def family(request: pytest.FixtureRequest) -> tuple[PreTrainedModel, Any]:
    """With processors that need Pillow alone, and with those that such models are published with."""
    name, _, with_torchvision = request.param.partition(" ")
    return (published_families() if with_torchvision else FAMILIES)[name]()


def published_families() -> dict[str, Any]:
    pytest.importorskip("torchvision", reason="the published processors need torchvision")
    pytest.importorskip("num2words", reason="the published processors need num2words")
    from tests.torchvision_sight import FAMILIES as WITH_TORCHVISION

    assert set(WITH_TORCHVISION) == set(PUBLISHED)
    return WITH_TORCHVISION


def reader(
    path: Path, weights: dict[str, Tensor], encoder: PreTrainedModel, processor: Any, **bounds: Any
) -> DocToLoRA:
    """A published hypernetwork for a base of three layers, with an encoder of five in front of it."""
    network = published.load(write(path / "pytorch_model.bin", SIZES, weights)).hypernetwork
    words = processor.tokenizer
    return DocToLoRA(network, base_model(), words, encoder=encoder, processor=processor, **bounds)


@torch.no_grad()
def slow_states(encoder: PreTrainedModel, chunk: Chunk) -> list[Tensor]:
    """[T, H] for each of the base's layers, from the whole model with its head, caught as it runs."""
    language = encoder.get_decoder()
    fed: list[Tensor] = []
    catch = [
        layer.register_forward_pre_hook(
            lambda _m, args, kw: fed.append((args or kw["hidden_states"])[0]), with_kwargs=True
        )
        for layer in language.layers
    ]
    if isinstance(chunk, ImageTurn):
        encoder(input_ids=torch.tensor([chunk.ids]), **chunk.inputs)
    else:
        language(torch.tensor([list(chunk)]))
    for hook in catch:
        hook.remove()
    states = [state.reshape(-1, SIZES.feature) for state in fed[: SIZES.layers]]
    return [*states[:-1], language.norm(states[-1])]


def assert_same(lora: LoRA, slow: dict[str, tuple[Tensor, Tensor]]) -> None:
    for module, (a, b) in slow.items():
        assert (lora.A[module] - a).abs().max() <= 1e-5 * a.abs().max()
        assert (lora.B[module] - b).abs().max() <= 1e-5 * b.abs().max()


@pytest.mark.parametrize("bounds", [{}, {"tokens_at_once": 30, "layer_by_layer": True}])
def test_factors_of_images_and_texts_are_those_of_the_slow_computation(
    tmp_path: Path, weights: dict[str, Tensor], family: tuple[PreTrainedModel, Any], bounds: dict[str, Any]
) -> None:
    """Texts between pictures tiny, wide and large, alone, beside text and several in a turn, in one batch."""
    encoder, _ = family
    model = reader(tmp_path, weights, *family, **bounds)
    chunks = [
        *model.turns("", LARGE),
        *model.chunks("A short text."),
        *model.turns("Three of them.", [TINY, LARGE, WIDE]),
        *model.chunks("A text that is quite a bit longer than the other one is."),
        *model.turns("So small!", TINY),
    ]
    assert [isinstance(chunk, ImageTurn) for chunk in chunks] == [True, False, True, False, True]
    for chunk, lora in zip(chunks, model.generate(chunks), strict=True):
        assert_same(lora, factors(weights, SIZES, slow_states(encoder, chunk)))


def test_the_turn_is_the_chat_form_of_the_family(
    tmp_path: Path, weights: dict[str, Tensor], family: tuple[PreTrainedModel, Any]
) -> None:
    """Image first, then the text, in a user turn that is ready to be answered, behind the system turn."""
    _, processor = family
    (turn,) = reader(tmp_path, weights, *family).turns("What is it?", WIDE)
    rendered = processor.tokenizer.decode(turn.ids)
    gemma = (
        "<bos><start_of_turn>user\n\n\n\n\n<start_of_image>"
        + "<image_soft_token>" * 4
        + "<end_of_image>\n\nWhat is it?<end_of_turn>\n<start_of_turn>model\n"
    )
    idefics = "<|im_start|>System: <end_of_utterance>\nUser:<fake_token_around_image>"
    qwen = (
        "<|im_start|>system\n<|im_end|>\n<|im_start|>user\n<|vision_start|>"
        + "<|image_pad|>" * 5
        + "<|vision_end|>What is it?<|im_end|>\n<|im_start|>assistant\n"
    )
    wanted = {"Gemma3": gemma, "Idefics3": idefics, "SmolVLM": idefics}
    assert rendered.startswith(wanted.get(type(processor).__name__.removesuffix("Processor"), qwen))
    assert rendered.count("What is it?") == 1


def test_an_image_tells_itself_from_another(
    tmp_path: Path, weights: dict[str, Tensor], family: tuple[PreTrainedModel, Any]
) -> None:
    """And a hypernetwork's passes leave the encoder as it was."""
    model = reader(tmp_path, weights, *family)
    before = {name: id(part) for name, part in model.encoder.named_modules()}
    one, other, again = (model.internalize(image=i).A["down_proj"] for i in (WIDE, LARGE, WIDE))
    assert not torch.allclose(one, other)
    assert torch.equal(one, again)
    assert before == {name: id(part) for name, part in model.encoder.named_modules()}


def loaded_here() -> dict[str, Any]:
    """As transformers loads processors here: with torchvision where that is installed, else with Pillow."""
    if importlib.util.find_spec("torchvision"):
        return published_families()
    return {name: FAMILIES[name] for name in ("gemma3", "idefics3")}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_checkpoint_may_name_such_an_encoder(
    tmp_path: Path, weights: dict[str, Tensor], name: str
) -> None:
    """Its folder brings model, tokenizer, chat form and image processor."""
    if name not in loaded_here():
        pytest.skip("the processor needs torchvision")
    encoder, processor = loaded_here()[name]()
    encoder.save_pretrained(tmp_path / "encoder")
    processor.save_pretrained(tmp_path / "encoder")
    path = write(tmp_path / "pytorch_model.bin", SIZES, weights, ctx_encoder=str(tmp_path / "encoder"))
    named = DocToLoRA.from_pretrained(path, base_model=base_model(), tokenizer=processor.tokenizer)
    direct = reader(tmp_path, weights, encoder, processor)
    assert type(named.sight.processor) is type(processor)  # type: ignore[attr-defined]
    for asked in ({"text": "A text."}, {"text": "A text.", "image": [WIDE, TINY]}):
        ours, theirs = (m.internalize(**asked).A["down_proj"] for m in (named, direct))
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("name", PUBLISHED)
def test_an_encoder_says_what_it_sees_in_words_of_its_own(
    tmp_path: Path, weights: dict[str, Tensor], name: str
) -> None:
    """They end a reply and repeat nothing of what it was asked."""
    model = reader(tmp_path, weights, *published_families()[name]())
    said = model.sight.describe(WIDE)
    assert isinstance(said, str)
    assert "Describe this image" not in said


def test_a_processor_that_lacks_packages_says_in_a_line_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever transformers says of it, on however many lines."""
    lacks = ImportError("\nSmolVLMVideoProcessor requires the Torchvision library. Check out\nhttps://x\n")
    monkeypatch.setattr("transformers.AutoProcessor.from_pretrained", Mock(side_effect=lacks))
    with pytest.raises(ImportError, match="pip install torchvision num2words") as caught:
        load_processor("smol")
    assert "\n" not in str(caught.value)
    assert "requires the Torchvision library" in str(caught.value)
