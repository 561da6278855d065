"""The anchored hypernetwork: rows belong to salient tokens, and what is not worth saying has none."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaForCausalLM

from hypernet.backbones.encoder import encode, pad
from hypernet.networks.anchored import SILENT, AnchoredHypernetwork
from hypernet.networks.config import HypernetConfig
from hypernet.networks.hypernetwork import build
from hypernet.training.reference.binding import BLOCK, seed_bags, seed_comparing
from hypernet.training.reference.reference import build_base, hypernet_config


@pytest.fixture(scope="module")
def base() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return build_base(300).eval()


@pytest.fixture(scope="module")
def network(base: LlamaForCausalLM) -> AnchoredHypernetwork:
    torch.manual_seed(1)
    network = build(hypernet_config(base)).requires_grad_(False).eval()
    assert isinstance(network, AnchoredHypernetwork)
    return network


def features(base: LlamaForCausalLM, config: HypernetConfig, *chunks: list[int]) -> tuple[torch.Tensor, ...]:
    ids, mask = pad(chunks)
    with torch.no_grad():
        return encode(base.model, config, ids), mask


def test_a_chunk_has_the_same_rows_beside_a_longer_one(
    base: LlamaForCausalLM, network: AnchoredHypernetwork
) -> None:
    """Padding is never read and never an anchor."""
    short, long = [5, 6, 7, 8], list(range(20, 60))
    alone = network(*features(base, network.config, short))["down_proj"]
    beside = network(*features(base, network.config, short, long))["down_proj"]
    assert len(spoken(alone)[0]) > 0
    torch.testing.assert_close(spoken(beside), spoken(alone), rtol=1e-4, atol=1e-5)


def spoken(factors: tuple[torch.Tensor, torch.Tensor], chunk: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """A chunk's rows of A and B [rows, L, width] whose tokens are worth saying: those of A are not zero."""
    a, b = (side[chunk].transpose(0, 1) for side in factors)
    kept = a.abs().amax(dim=(1, 2)) > 0
    return a[kept], b[kept]


def test_many_chunks_at_once_or_few_make_the_same_adapters(
    base: LlamaForCausalLM, network: AnchoredHypernetwork
) -> None:
    """``tokens_at_once`` bounds memory and changes nothing else."""
    read = features(base, network.config, *([i + j for i in range(5, 12)] for j in range(5)))
    whole, parts = network(*read), network(*read, tokens_at_once=7)
    for chunk in range(5):
        made = (spoken(factors["down_proj"], chunk) for factors in (whole, parts))
        torch.testing.assert_close(*made, rtol=1e-4, atol=1e-5)


def test_what_is_preferred_comes_first(base: LlamaForCausalLM, network: AnchoredHypernetwork) -> None:
    """Training names the tokens that will be asked for; each gets a row, in the order of the text."""
    read, mask = features(base, network.config, list(range(10, 40)))
    prefer = torch.zeros(1, 30)
    prefer[0, [3, 17, 29]] = 1
    assert network.anchors(read, mask, rank=3, prefer=prefer).positions.tolist() == [[3, 17, 29]]


def test_rows_say_their_own_token_before_any_training(
    base: LlamaForCausalLM, network: AnchoredHypernetwork
) -> None:
    """A fresh row of B is nearest to its anchor: only when to say it is to be learned."""
    ids = torch.randperm(290)[:20] + 5
    read, mask = features(base, network.config, ids.tolist())
    found = network.anchors(read, mask)
    b = network.factors(found, found.there)["down_proj"][1][0, -1]
    nearest = torch.cosine_similarity(b[:, None], base.model.embed_tokens.weight[None], dim=-1).argmax(-1)
    assert (nearest == ids[found.positions[0]]).float().mean() > 0.9


def test_what_is_hardly_worth_saying_is_left_out(
    base: LlamaForCausalLM, network: AnchoredHypernetwork
) -> None:
    """It has no row, or one of A that is zero, which ``LoRA.compact`` leaves out."""
    read, mask = features(base, network.config, list(range(10, 40)))
    found = network.anchors(read, mask)
    a, _ = spoken(network(read, mask)["down_proj"])
    whole = network.factors(found, found.there)["down_proj"][0][0].transpose(0, 1)
    assert 0 < len(a) < len(whole)
    torch.testing.assert_close(a, whole[found.chances[0] >= SILENT], rtol=1e-4, atol=1e-5)


def test_the_laid_down_block_averages_what_was_said() -> None:
    """At every token its attention writes the mean of all states so far, a bag of the question's words."""
    torch.manual_seed(2)
    base = build_base(300).eval()
    sample = torch.randint(5, 300, (16, 32))
    seed_comparing(base, sample)
    attention, seen = base.model.layers[BLOCK].self_attn, []
    handle = attention.register_forward_hook(
        lambda _module, _args, kwargs, out: seen.extend((kwargs["hidden_states"], out[0])), with_kwargs=True
    )
    with torch.no_grad():
        base(sample)
    handle.remove()
    states, written = seen
    mean = (states @ attention.v_proj.weight.T).cumsum(1) / torch.arange(1, 33)[:, None]
    assert torch.cosine_similarity(written[:, 8:].flatten(), mean[:, 8:].flatten(), dim=0) > 0.99


def test_bags_are_read_in_the_coordinates_of_the_base() -> None:
    """The hypernetwork takes the same states, through the same turn, in the one block."""
    base = build_base(300).eval()
    network = build(hypernet_config(base))
    assert isinstance(network, AnchoredHypernetwork)
    sample = torch.randint(5, 300, (16, 32))
    seed_comparing(base, sample)
    seed_bags(network, base, sample)
    key, turn = network.bag_key["down_proj"], base.model.layers[BLOCK].mlp.up_proj.weight
    assert torch.cosine_similarity(key[BLOCK].flatten(), turn.T.flatten(), dim=0) > 0.99
    assert not key[:BLOCK].any()
    assert not key[BLOCK + 1 :].any()
