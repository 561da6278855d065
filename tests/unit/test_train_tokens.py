"""Training a hypernetwork with a row a token: what it is to find, that it learns, and going on from one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from hypernet.backbones.chunking import affixes
from hypernet.backbones.tuning import tune, tuned
from hypernet.checkpoints import checkpoint
from hypernet.networks.hypernetwork import build
from hypernet.networks.tokens import TokenHypernetwork
from hypernet.training.data.examples import Asked, Example
from hypernet.training.documents.addressing import FIRST, _targets, row_tokens
from hypernet.training.documents.d2l import Kind, Sizes, fresh_or_from
from hypernet.training.documents.document_losses import Weights, document_losses
from hypernet.training.documents.lessons import Lesson, Lessons, Mix, Reader
from hypernet.training.packed import Packed
from hypernet.training.trainer import Schedule, Stage, Trainer

NAMES = ("Anna", "Bob", "Carl", "Dora", "Emil", "Fay", "Gus", "Hal")
EXAMPLES = [
    Example((f"{name} has {i}{i}.",), (Asked(f"{name}?", f"{i}{i}."),), ("Zoe?",))
    for i, name in enumerate(NAMES)
]
SIZES = Sizes(("down_proj",), 64, 16, 1, 1, 64, 4, Kind.TOKENS)


@pytest.fixture
def base(byte_tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(byte_tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=128,
        initializer_range=0.3,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False)


@pytest.fixture
def network(base: LlamaForCausalLM, byte_tokenizer: PreTrainedTokenizerFast) -> TokenHypernetwork:
    torch.manual_seed(1)
    opening, closing = affixes(byte_tokenizer, system_turn=False)
    network = build(SIZES.config(base, (len(opening), len(closing))))
    assert isinstance(network, TokenHypernetwork)
    return network


@pytest.fixture
def reader(network: TokenHypernetwork, byte_tokenizer: PreTrainedTokenizerFast) -> Reader:
    return Reader(byte_tokenizer, network.config, 128)


def lesson_of(reader: Reader, *, unknown: float = 1.0) -> Lesson:
    mix = Mix(tokens=300, distractors=0.5, unknown=unknown)
    return Lessons(EXAMPLES, reader, mix, 1, seed=1).at(0, remind=False)


def test_rows_are_the_tokens_of_the_merged_texts(network: TokenHypernetwork, reader: Reader) -> None:
    """In the order of the factors, -1 where a shorter text has no row."""
    chunks = [reader.chunks([text], 1)[0] for text in ("Hi.", "Hello.")]
    lesson = Lesson(chunks, [[0, 1]], [[]], [[]])
    (found,) = row_tokens(network, lesson, [[0, 1]], 12).tolist()
    opening, closing = network.config.template
    texts = [chunk[opening : len(chunk) - closing] for chunk in chunks]
    assert found == [*texts[0], -1, -1, -1, *texts[1]]


def test_told_answers_are_found_and_others_are_not(reader: Reader) -> None:
    """Each token of a told answer is wanted; its end and a refusal are to be found nowhere."""
    told = reader.chat.turn("Q?", " 11", told=True)
    unknown = reader.chat.turn("Q?", "No.", told=False)
    packed = Packed.of([[told, unknown]], torch.device("cpu"))
    wanted, weights = _targets(Lesson([], [[]], [[told, unknown]], [[]]), [0], packed)
    assert wanted.tolist() == [*told.ids[told.start : -1], -1, -1, -1, -1, -1]
    assert weights.tolist() == [FIRST, 1, 1, FIRST, 1, 1, 1]


def test_every_part_gets_a_gradient(
    base: LlamaForCausalLM, network: TokenHypernetwork, reader: Reader
) -> None:
    """The encoder and keys from finding rows, values and tuning from the answers."""
    losses = document_losses(base, network, lesson_of(reader), Weights(teacher=0), 1000)
    assert set(losses) == {"answers", "l1", "address"}
    torch.stack(list(losses.values())).sum().backward()
    still = {"tuning_A", "centre"}  # its other half starts at zero; the centre is given
    for name, parameter in network.named_parameters():
        if name.partition(".")[0] not in still:
            assert parameter.grad is not None, name
            assert parameter.grad.abs().sum() > 0, name


def test_it_learns_to_answer_and_leaves_the_base_alone(
    base: LlamaForCausalLM, network: TokenHypernetwork, reader: Reader, tmp_path: Path
) -> None:
    """A few steps on one lesson bring its losses down."""
    before = {name: t.clone() for name, t in base.state_dict().items()}
    lesson = lesson_of(reader)

    def loss(_step: int) -> dict[str, torch.Tensor]:
        return document_losses(base, network, lesson, Weights(teacher=0), 1000)

    first = {name: value.item() for name, value in loss(0).items()}
    stage = Stage("d2l", network, loss, dict, Schedule(30, warmup=4), muon_lr=0.02, adam_lr=0.02)
    Trainer(stage, tmp_path).run()
    last = {name: value.item() for name, value in loss(0).items()}
    assert last["answers"] < 0.8 * first["answers"]
    assert last["address"] < 0.8 * first["address"]
    assert all(torch.equal(t, before[name]) for name, t in base.state_dict().items())


def test_training_goes_on_from_a_finished_one(
    base: LlamaForCausalLM,
    network: TokenHypernetwork,
    byte_tokenizer: PreTrainedTokenizerFast,
    tmp_path: Path,
) -> None:
    """Its weights and its sizes, whatever sizes are asked for; another base is refused."""
    checkpoint.save(network, tmp_path, base="none")
    wider = Sizes(("down_proj",), 64, 32, 1, 1, 64, 4, Kind.TOKENS)
    found = fresh_or_from(tmp_path, wider, base, byte_tokenizer)
    assert found.config == network.config
    assert all(p.requires_grad for p in found.parameters())
    torch.testing.assert_close(found.state_dict(), network.state_dict())
    other = LlamaForCausalLM(LlamaConfig(**{**base.config.to_dict(), "num_hidden_layers": 3}))
    with pytest.raises(ValueError, match="wrong base model"):
        fresh_or_from(tmp_path, wider, other, byte_tokenizer)


@torch.no_grad()
def test_the_tuning_beside_the_weights_equals_the_tuning_in_them(
    base: LlamaForCausalLM, network: TokenHypernetwork
) -> None:
    """Training and use see the same base, but for bfloat16: merged weights are rounded to it."""
    for b in network.tuning_B.values():
        b.normal_(std=0.1)
    ids = torch.tensor([[9, 8, 7, 6]])
    with tuned(base, network):
        beside = base(input_ids=ids).logits
    tune(base, network)
    torch.testing.assert_close(base(input_ids=ids).logits, beside, rtol=0.02, atol=0.02)
