"""The anchored hypernetwork: rows belong to salient tokens, and what is not worth saying has none."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaForCausalLM

from hypernet.anchored import SILENT, AnchoredHypernetwork
from hypernet.config import HypernetConfig
from hypernet.encoder import encode, pad
from hypernet.hypernetwork import build
from hypernet.training.binding import BLOCK, seed_bags, seed_comparing
from hypernet.training.losses import down_proj_inputs
from hypernet.training.reference import build_base, hypernet_config


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
    torch.testing.assert_close(beside[0][0, :, :4], alone[0][0], rtol=1e-4, atol=1e-5)
    assert not beside[0][0, :, 4:].any()


def test_many_chunks_at_once_or_few_make_the_same_adapters(
    base: LlamaForCausalLM, network: AnchoredHypernetwork
) -> None:
    """``tokens_at_once`` bounds memory and changes nothing else."""
    read = features(base, network.config, *([i + j for i in range(5, 12)] for j in range(5)))
    whole, parts = network(*read), network(*read, tokens_at_once=7)
    torch.testing.assert_close(whole, parts, rtol=1e-4, atol=1e-5)


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
    """Its row of A is zero, which ``LoRA.compact`` leaves out."""
    read, mask = features(base, network.config, list(range(10, 40)))
    found = network.anchors(read, mask)
    a = network(read, mask)["down_proj"][0][0]
    assert ((found.chances[0] < SILENT) == (a.abs().amax(dim=(0, 2)) == 0)).all()


def test_laid_down_circuit_answers_to_shared_words(base: LlamaForCausalLM) -> None:
    """Before any training, rows made of "b c" answer to a question that says "b c" more than to others."""
    torch.manual_seed(2)
    base = build_base(300).eval()
    network = build(hypernet_config(base)).requires_grad_(False).eval()
    sample = torch.randint(5, 300, (16, 32))
    seed_comparing(base, sample)
    seed_bags(network, base, sample)
    keys = torch.randperm(240)[:48].view(24, 2) + 5
    chunks = [[3, 7, *key.tolist(), 8, 250 + i, 9] for i, key in enumerate(keys)]
    read, mask = features(base, network.config, *chunks)
    prefer = torch.zeros(24, 7)
    prefer[:, 5] = 1
    found = network.anchors(read, mask, rank=1, prefer=prefer)
    rows = network.factors(found, found.there)
    asked = torch.tensor([[3, 11, *key.tolist(), 12, 4] for key in keys])
    with torch.no_grad(), down_proj_inputs(base) as seen:
        base(asked)
    scores = seen[BLOCK][:, -1] @ rows["down_proj"][0][:, BLOCK, 0].T
    assert (scores.argmax(1) == torch.arange(24)).float().mean() > 0.15  # chance is 0.04
