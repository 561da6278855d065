"""The hand-laid path copies tokens of a context into the rows of B, without any training."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from transformers import LlamaForCausalLM

from hypernet.encoder import encode
from hypernet.hypernetwork import Hypernetwork
from hypernet.training.copying import seed_copying
from hypernet.training.reference import build_base, hypernet_config


@pytest.fixture(scope="module")
def base() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return build_base(2048)


def spelled_from_context(hypernetwork: Hypernetwork, base: LlamaForCausalLM) -> float:
    """Share of B rows whose nearest embedding is that of a token in the context."""
    ids = torch.randperm(2000, generator=torch.Generator().manual_seed(1))[:12][None] + 5
    with torch.no_grad():
        factors = hypernetwork(encode(base.model, hypernetwork.config, ids))
    nearest = (factors["down_proj"][1][0] @ base.model.embed_tokens.weight.T).argmax(-1)
    return torch.isin(nearest, ids).float().mean().item()


def test_rows_of_b_spell_tokens_of_the_context(base: LlamaForCausalLM) -> None:
    """Twelve of 2048 tokens are in the context; chance is half a per cent."""
    torch.manual_seed(0)
    hypernetwork = Hypernetwork(hypernet_config(base))
    assert spelled_from_context(hypernetwork, base) < 0.1
    seed_copying(hypernetwork, base)
    assert spelled_from_context(hypernetwork, base) > 0.8


def test_a_hypernetwork_without_room_for_it_is_refused(base: LlamaForCausalLM) -> None:
    """The copied embeddings need latent dimensions of their own."""
    narrow = replace(hypernet_config(base), latent_size=128, head_dim=32)
    with pytest.raises(ValueError, match="wider than 128"):
        seed_copying(Hypernetwork(narrow), base)
