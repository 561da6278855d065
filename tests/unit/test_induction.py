"""The hand-laid circuit looks up what followed a token before, without any training."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaForCausalLM

from hypernet.training.reference.induction import seed_induction
from hypernet.training.reference.reference import build_base


def repeat_accuracy(base: LlamaForCausalLM) -> float:
    """Share of tokens guessed in the second half of a random sequence said twice."""
    half = torch.randint(5, 2048, (8, 30), generator=torch.Generator().manual_seed(0))
    ids = torch.cat([half, half], dim=1)
    with torch.no_grad():
        guessed = base(input_ids=ids).logits.argmax(-1)
    return (guessed[:, 30:-1] == ids[:, 31:]).float().mean().item()


def test_an_untrained_base_repeats_what_it_read() -> None:
    """Chance is one in 2048; the circuit guesses most tokens right."""
    torch.manual_seed(0)
    assert repeat_accuracy(build_base(2048)) > 0.4


def test_without_the_circuit_it_cannot() -> None:
    """The same model with its heads drawn anew is at chance: the measure can fail."""
    torch.manual_seed(0)
    base = build_base(2048)
    for layer in base.model.layers[:2]:
        torch.nn.init.normal_(layer.self_attn.q_proj.weight, std=0.05)
    assert repeat_accuracy(base) < 0.1


def test_a_base_too_small_for_it_is_refused() -> None:
    """One layer has no place for two heads in a row."""
    torch.manual_seed(0)
    base = build_base(64)
    base.config.num_hidden_layers = 1
    with pytest.raises(ValueError, match="2 layers"):
        seed_induction(base)
