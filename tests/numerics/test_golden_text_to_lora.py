"""Published Text-to-LoRA folders against what the public code computed from them, in float32.

Bars: embeddings and factors within 1e-5 of the tensor's largest value, logits within 1e-4.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import PreTrainedModel

from hypernet.backbones.bases import load_model
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply
from hypernet.text_to_lora import TextToLoRA
from tests.numerics.golden import golden

CASES = ("t2l_gemma2", "t2l_gemma2_shared")


@dataclass
class Case:
    folder: Path
    model: TextToLoRA
    base: PreTrainedModel
    expected: dict[str, Tensor]
    meta: dict[str, Any]

    def lora(self, name: str) -> LoRA:
        """The adapter that the reference calls ``name``."""
        if name == "fixed":
            return self.model.generate_from_embedding(self.expected["fixed.task_emb"])
        return self.model.generate(self.meta["task_description"])


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    folder = golden(request.param)
    model = TextToLoRA.from_pretrained(folder, device="cpu")
    with torch.no_grad():
        yield Case(
            folder,
            model,
            load_model(model.base_model, "cpu", torch.float32),
            load_file(folder / "expected.safetensors"),
            json.loads((folder / "meta.json").read_text()),
        )


def assert_near(found: Tensor, expected: Tensor, bar: float = 1e-5) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= bar * expected.abs().max()


def test_modules_are_in_the_order_of_their_embeddings(case: Case) -> None:
    """The order of a set in the training process is recovered from the checkpoint, not from args.yaml."""
    assert list(case.model.config.modules) == case.meta["module_embedding_order"]
    assert case.model.config.scaling == pytest.approx(case.meta["peft"]["scaling"])


def test_descriptions_are_embedded_as_in_the_reference(case: Case) -> None:
    """Full stop added, first token's state, and the network's own encoding of it."""
    raw = case.model.embed(case.meta["task_description"])
    assert_near(raw[None], case.expected["text.cls_raw"])
    encoded = case.model.network.task_encoder(case.expected["text.task_emb"])
    assert_near(encoded, case.expected["text.encoded_task_emb"])


@pytest.mark.parametrize("name", ["text", "fixed"])
def test_factors_are_those_of_the_reference(case: Case, name: str) -> None:
    """A as it is, B transposed, for every module."""
    lora = case.lora(name)
    for module in lora.modules:
        assert_near(lora.A[module], case.expected[f"{name}.{module}.A"])
        assert_near(lora.B[module].mT, case.expected[f"{name}.{module}.B"])


@pytest.mark.parametrize("name", ["text", "fixed"])
def test_logits_are_those_of_the_reference(case: Case, name: str) -> None:
    """The base model answers with the adapter applied, at alpha / sqrt(r)."""
    with apply(case.base, case.lora(name)):
        logits = case.base(case.expected["question.ids"][None]).logits[0]
    assert (logits - case.expected[f"logits.{name}"]).abs().max() <= 1e-4


@pytest.mark.parametrize("name", ["text", "fixed"])
def test_peft_folders_of_the_reference_are_read_as_the_same_adapter(case: Case, name: str) -> None:
    """Its exported folder holds our adapter."""
    theirs, ours = LoRA.from_pretrained(case.folder / f"peft_{name}"), case.lora(name)
    assert theirs.scaling == pytest.approx(ours.scaling)
    for module in ours.modules:
        assert_near(ours.A[module], theirs.A[module])
        assert_near(ours.B[module], theirs.B[module])


def test_our_own_layout_holds_the_same_network(case: Case, tmp_path: Path) -> None:
    """Converted once, it has the same names and weights, bit by bit, and gives the same factors."""
    case.model.save(tmp_path)
    again = TextToLoRA.from_pretrained(tmp_path, device="cpu")
    assert again.hypernet_fingerprint == case.model.hypernet_fingerprint
    assert (again.base_model, again.embedder) == (case.model.base_model, case.model.embedder)
    assert again.config == case.model.config
    weights = again.network.state_dict()
    assert all(torch.equal(t, weights[name]) for name, t in case.model.network.state_dict().items())
    lora = again.generate_from_embedding(case.expected["fixed.task_emb"])
    assert_near(lora.A["q_proj"], case.expected["fixed.q_proj.A"])
