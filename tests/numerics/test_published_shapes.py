"""Every kind of published hypernetwork on every family of base model, against the slow computation."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from hypernet.doc_to_lora import DocToLoRA
from hypernet.training.reference.reference import train_tokenizer, wrap_tokenizer
from tests.numerics.slow_doc_to_lora import factors, features
from tests.published_files import Sizes, tensors, write
from tests.tiny_models import base_model

CHUNKS = [
    [5, 9, 2, 40, 41, 42, 7],
    [3] * 4,
    list(range(4, 44)),
    [60],
]  # the longest exceeds the sliding window


def sizes(*modules: str, **changes: object) -> Sizes:
    d_in = {"down_proj": 48, "q_proj": 32, "v_proj": 32, "gate_proj": 32}
    d_out = {"down_proj": 32, "q_proj": 32, "v_proj": 16, "gate_proj": 48}
    return Sizes(modules, {m: d_in[m] for m in modules}, {m: d_out[m] for m in modules}, **changes)  # type: ignore[arg-type]


CASES = {
    "llama": ("llama", sizes("down_proj", pre_heads=4)),
    "mistral, two modules": ("mistral", sizes("down_proj", "q_proj", selfs=1)),
    "gemma2, three modules": ("gemma2", sizes("gate_proj", "q_proj", "v_proj", rank=3)),
    "qwen3, deep": ("qwen3", sizes("down_proj", blocks=3, selfs=2)),
    "early exit": ("llama", sizes("down_proj", kind="early_exit", layer_idx=1)),
    "early exit, two modules": (
        "gemma2",
        sizes("down_proj", "v_proj", kind="early_exit", layer_idx=2, selfs=1),
    ),
    "early exit at the end": ("qwen3", sizes("q_proj", kind="early_exit", layer_idx=3)),
}


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return wrap_tokenizer(train_tokenizer(["a small text"] * 30))


@pytest.mark.parametrize(
    "bounds", [{}, {"tokens_at_once": 9}, {"tokens_at_once": 50, "layer_by_layer": True}]
)
@pytest.mark.parametrize("case", CASES)
def test_factors_are_those_of_the_slow_computation(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast, case: str, bounds: dict[str, int]
) -> None:
    """Chunks of several lengths, padded, batched and bounded in memory, each as if it were alone."""
    family, shape = CASES[case]
    weights = tensors(shape)
    path = write(tmp_path / "pytorch_model.bin", shape, weights)
    model = DocToLoRA.from_pretrained(path, base_model=base_model(family), tokenizer=tokenizer, **bounds)
    assert model.config.scaling == pytest.approx(2 * shape.rank**1.5)
    for chunk, lora in zip(CHUNKS, model.generate(CHUNKS), strict=True):
        slow = factors(weights, shape, features(base_model(family), shape, chunk))
        for module, (a, b) in slow.items():
            assert (lora.A[module] - a).abs().max() <= 1e-5 * a.abs().max()
            assert (lora.B[module] - b).abs().max() <= 1e-5 * b.abs().max()


def test_features_need_no_block_whose_output_is_unused(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    """Breaking the blocks behind the last feature changes nothing: they do not run."""
    for shape, broken in ((CASES["llama"][1], [2]), (CASES["early exit"][1], [1, 2])):
        path = write(tmp_path / "pytorch_model.bin", shape, tensors(shape))
        base = base_model()
        whole = DocToLoRA.from_pretrained(path, base_model=base, tokenizer=tokenizer).generate(CHUNKS)
        for i in broken:
            for weight in base.model.layers[i].parameters():
                weight.fill_(torch.nan)
        cut = DocToLoRA.from_pretrained(path, base_model=base, tokenizer=tokenizer).generate(CHUNKS)
        assert all(torch.equal(a.A["down_proj"], b.A["down_proj"]) for a, b in zip(whole, cut, strict=True))


def test_a_checkpoint_of_a_compiled_model_is_read(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    """torch.compile puts a prefix before every name."""
    shape = CASES["llama"][1]
    weights = tensors(shape)
    plain = write(tmp_path / "plain.bin", shape, weights)
    compiled = write(tmp_path / "compiled.bin", shape, {f"_orig_mod.{n}": t for n, t in weights.items()})
    prints = [
        DocToLoRA.from_pretrained(p, base_model=base_model(), tokenizer=tokenizer).hypernet_fingerprint
        for p in (plain, compiled)
    ]
    assert prints[0] == prints[1]
