"""Published Doc-to-LoRA checkpoints against what the public code computed from them, in float32.

Bars: features, latents and factors within 1e-5 of the tensor's largest value, logits within 1e-4 (relative
plus absolute: processors round differently), greedy tokens equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from hypernet.backbones.chunking import affixes, windows
from hypernet.backbones.encoder import encode, pad
from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply
from hypernet.lora.vllm_export import export_for_vllm
from tests.numerics.golden import golden

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # peft's call
CASES = ("d2l_gemma2", "d2l_qwen3")
LOGITS = {"rtol": 1e-4, "atol": 1e-4}  # as the golden files' meta.json suggests for float32 on a CPU


@dataclass
class Case:
    folder: Path
    model: DocToLoRA
    expected: dict[str, Tensor]
    meta: dict[str, Any]

    @property
    def chunks(self) -> list[list[int]]:
        return [self.expected[f"ctx.chunk{i}_ids"].tolist() for i in range(3)]

    @property
    def document(self) -> list[int]:
        ids: list[int] = self.expected["ctx.full_ids"].tolist()
        return ids


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    folder = golden(request.param)
    with torch.no_grad():
        yield Case(
            folder,
            DocToLoRA.from_pretrained(folder, device="cpu"),
            load_file(folder / "expected.safetensors"),
            json.loads((folder / "meta.json").read_text()),
        )


def assert_near(found: Tensor, expected: Tensor, bar: float = 1e-5) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= bar * expected.abs().max()


def assert_lora(case: Case, lora: LoRA, name: str, group: int = 0) -> None:
    for module in lora.modules:
        for side, table in (("A", lora.A), ("B", lora.B)):
            expected = case.expected[f"{name}.{module}.{side}"][group]
            short = expected.size(1) - table[module].size(1)  # the reference pads short groups with zeros
            assert_near(F.pad(table[module], (0, 0, 0, short)), expected)


def test_windows_are_those_of_the_reference(case: Case) -> None:
    """The document's ids and the affixes come from the tokenizer's own template."""
    pair = case.meta["ctx_affixes"]
    assert affixes(case.model.tokenizer) == (pair["prefix"], pair["suffix"])
    assert case.model.chunks(case.meta["document"]) == [case.document]
    assert (
        windows(case.model.tokenizer, case.meta["document"], case.meta["max_chunk_len_used"]) == case.chunks
    )


def test_features_are_those_of_the_reference(case: Case) -> None:
    """Alone or padded beside longer chunks, each layer gets its own hidden state; the last one is normed."""
    decoder = case.model.base_model.get_decoder()
    alone = encode(decoder, case.model.config, torch.tensor([case.document]))
    assert_near(alone[0], case.expected["one.features"])
    ids, _ = pad(case.chunks)
    together = encode(decoder, case.model.config, ids)
    for i, chunk in enumerate(case.chunks):
        assert_near(together[i, :, : len(chunk)], case.expected[f"three.features.chunk{i}"])


def test_latents_and_embeddings_are_those_of_the_reference(case: Case) -> None:
    """Both halves of the Perceiver, layer by layer."""
    perceiver = case.model.hypernetwork.perceiver
    latents = perceiver.encoder(perceiver.projection(case.expected["one.features"]))
    assert_near(latents, case.expected["one.latents"])
    assert_near(perceiver.decoder(latents), case.expected["one.lora_emb"][0].flatten(1, 2))


def test_factors_of_each_chunk_are_those_of_the_reference(case: Case) -> None:
    """Three chunks in one padded batch, and the whole document as one."""
    for i, lora in enumerate(case.model.generate(case.chunks)):
        assert_lora(case, lora, "three.lora", i)
    assert_lora(case, case.model.generate([case.document])[0], "one.lora")


@pytest.mark.parametrize(("tokens_at_once", "layer_by_layer"), [(1, False), (1, True), (210, True)])
def test_memory_bounds_change_nothing(case: Case, tokens_at_once: int, layer_by_layer: bool) -> None:
    """Chunk by chunk, sequence by sequence, layer by layer: the same factors."""
    m = case.model
    small = DocToLoRA(
        m.hypernetwork,
        m.base_model,
        m.tokenizer,
        tokens_at_once=tokens_at_once,
        layer_by_layer=layer_by_layer,
    )
    for i, lora in enumerate(small.generate(case.chunks)):
        assert_lora(case, lora, "three.lora", i)


def combined(case: Case, name: str) -> LoRA:
    """The adapter that the reference calls ``name``."""
    if name == "one":
        return case.model.combine(case.model.generate([case.document]))
    three = case.model.generate(case.chunks)
    rule = case.meta["combine"]["scaled"]
    arguments: dict[str, dict[str, Any]] = {
        "three": {},
        "scaled": {"weights": rule["scalers"], "bias_weight": rule["bias_scaler"]},
        "nobias": {"bias_weight": 0.0},
    }
    return case.model.combine(three, **arguments[name])


@pytest.mark.parametrize("name", ["one", "three", "scaled", "nobias"])
def test_combinations_are_those_of_the_reference(case: Case, name: str) -> None:
    """Chunks in order, the bias once behind them; weights on A only, the bias weight on both."""
    assert_lora(case, combined(case, name), f"combined.{name}")


def test_groups_are_those_of_the_reference(case: Case) -> None:
    """Two documents of two and one chunks; the reference pads the shorter one with zero ranks."""
    first, second, third = case.model.generate(case.chunks)
    assert_lora(case, case.model.combine([first, second]), "combined.groups", 0)
    assert_lora(case, case.model.combine([third]), "combined.groups", 1)


@pytest.mark.parametrize("name", ["base", "one", "three", "scaled", "nobias"])
def test_logits_are_those_of_the_reference(case: Case, name: str) -> None:
    """The base model answers with the adapter applied."""
    context = nullcontext() if name == "base" else apply(case.model.base_model, combined(case, name))
    with context:
        logits = case.model.base_model(case.expected["question.ids"][None]).logits[0]
    torch.testing.assert_close(logits, case.expected[f"logits.{name}"], **LOGITS)


@pytest.mark.parametrize("name", ["base", "one", "three"])
def test_greedy_tokens_are_those_of_the_reference(case: Case, name: str) -> None:
    """Twelve tokens through the cache."""
    ids, count = case.expected["question.ids"][None], case.meta["greedy"]["max_new_tokens"]
    context = nullcontext() if name == "base" else apply(case.model.base_model, combined(case, name))
    with context:
        out = case.model.base_model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=count,
            min_new_tokens=count,
            do_sample=False,
        )
    assert out[0, ids.size(1) :].tolist() == case.expected[f"greedy.{name}"].tolist()


@pytest.mark.parametrize("name", ["one", "three"])
def test_peft_folders_of_the_reference_are_read_as_the_same_adapter(case: Case, name: str) -> None:
    """Its exported folder holds our combination."""
    theirs, ours = LoRA.from_pretrained(case.folder / f"peft_{name}"), combined(case, name)
    assert theirs.scaling == pytest.approx(ours.scaling)
    for module in ours.modules:
        assert_near(ours.A[module], theirs.A[module])
        assert_near(ours.B[module], theirs.B[module])


@pytest.mark.parametrize("name", ["one", "three"])
def test_our_peft_folder_gives_the_logits_of_the_reference(case: Case, name: str, tmp_path: Path) -> None:
    """Exported for vLLM, rank padded, and computed by peft."""
    import peft

    folder = export_for_vllm(combined(case, name), tmp_path)
    wrapped = peft.PeftModel.from_pretrained(case.model.base_model, folder)
    logits = wrapped(case.expected["question.ids"][None]).logits[0]
    wrapped.unload()
    torch.testing.assert_close(logits, case.expected[f"logits.{name}"], **LOGITS)
