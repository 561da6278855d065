"""The hypernetwork with a row for every token: what it reads, keeps, writes, and adds to its base."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from hypernet.backbones.conversion import base_fingerprint
from hypernet.backbones.encoder import encode, pad
from hypernet.backbones.sight import ImageTurn
from hypernet.backbones.tuning import tune
from hypernet.checkpoints import checkpoint
from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply
from hypernet.networks.config import HypernetConfig
from hypernet.networks.hypernetwork import build
from hypernet.networks.tokens import TokenHypernetwork

CONFIG = HypernetConfig(
    target_modules=("down_proj",),
    d_in={"down_proj": 24},
    d_out={"down_proj": 16},
    num_layers=4,
    rank=64,
    hidden_size=16,
    scaling=1.0,
    latent_size=16,
    num_latents=1,
    num_blocks=1,
    feature_kind="chosen",
    reader="tokens",
    num_context_blocks=1,
    head_dim=8,
    feature_layers=(0, 2),
    written_layers=(2,),
    row_size=6,
    tuned={"1.q_proj": (2, 16, 16), "3.down_proj": (3, 24, 16)},
)


def fresh_base() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=261,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=128,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False)


@pytest.fixture
def base() -> LlamaForCausalLM:
    return fresh_base()


@pytest.fixture(scope="module")
def network() -> TokenHypernetwork:
    torch.manual_seed(1)
    network = build(CONFIG).requires_grad_(False).eval()
    assert isinstance(network, TokenHypernetwork)
    for b in network.tuning_B.values():
        b.normal_()
    return network


def test_chosen_features_are_what_the_named_blocks_are_fed(base: LlamaForCausalLM) -> None:
    """Only the blocks below the last named one run, and the result is that of a whole pass."""
    ids, _ = pad([[5, 6, 7, 8]])
    states = base.model(input_ids=ids, output_hidden_states=True).hidden_states
    whole = [torch.nn.functional.rms_norm(states[i], (16,), eps=1e-6) for i in CONFIG.feature_layers]
    torch.testing.assert_close(encode(base.model, CONFIG, ids)[:, 0], torch.cat(whole, dim=-1))


def test_a_chunk_has_the_same_rows_beside_a_longer_one(
    base: LlamaForCausalLM, network: TokenHypernetwork
) -> None:
    """Padding is never read, and its rows are zero."""
    short, long = [5, 6, 7, 8], list(range(20, 60))
    ids, mask = pad([short])
    alone = network(encode(base.model, CONFIG, ids), mask)["down_proj"]
    ids, mask = pad([short, long])
    beside = network(encode(base.model, CONFIG, ids), mask, tokens_at_once=40)["down_proj"]
    torch.testing.assert_close(beside[0][0, :, :4], alone[0][0], rtol=1e-4, atol=1e-5)
    assert not beside[0][0, :, 4:].any()


def test_what_is_kept_expands_to_the_very_factors(base: LlamaForCausalLM, network: TokenHypernetwork) -> None:
    """Latents and the tokens they belong to are the adapter."""
    ids, _ = pad([list(range(10, 30))])
    features = encode(base.model, CONFIG, ids)
    embedded = torch.nn.functional.rms_norm(base.get_input_embeddings()(ids), (16,), eps=1e-6)
    a, b = network.expand(network.latents(features), embedded)
    whole = network(features)["down_proj"]
    torch.testing.assert_close((a, b), whole)
    assert a.shape == (1, 1, 20, 24)


def test_an_adapter_holds_the_text_and_not_the_template(
    byte_tokenizer: PreTrainedTokenizerFast, base: LlamaForCausalLM, network: TokenHypernetwork
) -> None:
    """One row a token of the text, in the written layers alone."""
    lora = DocToLoRA(network, base, byte_tokenizer).internalize("Rex is a dog.")
    assert (lora.rank, lora.layers) == (len("Rex is a dog."), (2,))


def test_texts_of_any_length_make_the_same_adapters_together(
    byte_tokenizer: PreTrainedTokenizerFast, base: LlamaForCausalLM, network: TokenHypernetwork
) -> None:
    """A batch changes nothing but the time."""
    model = DocToLoRA(network, base, byte_tokenizer)
    texts = ["Hi.", "Anna keeps nine bees in a box."]
    together = model.generate([chunk for text in texts for chunk in model.chunks(text)])
    for text, lora in zip(texts, together, strict=True):
        (alone,) = model.generate(model.chunks(text))
        assert lora.latents is not None
        assert alone.latents is not None
        apart = lora.latents.quantized.int() - alone.latents.quantized.int()
        assert apart.abs().max() <= 1  # a step of int8, where a latent lay between two


def test_a_stored_adapter_answers_as_the_fresh_one(
    byte_tokenizer: PreTrainedTokenizerFast,
    base: LlamaForCausalLM,
    network: TokenHypernetwork,
    tmp_path: Path,
) -> None:
    """Bytes and PEFT folders keep which layers are meant, and the logits."""
    lora = DocToLoRA(network, base, byte_tokenizer).internalize("Rex is a dog.")
    lora.save_pretrained(tmp_path)
    ids = torch.tensor([[7, 8, 9]])
    with apply(base, lora):
        wanted = base(input_ids=ids).logits
    assert not torch.equal(wanted, base(input_ids=ids).logits)
    for stored in (LoRA.from_bytes(lora.to_bytes("float32")), LoRA.from_pretrained(tmp_path)):
        assert stored.layers == (2,)
        with apply(base, stored):
            torch.testing.assert_close(base(input_ids=ids).logits, wanted)


def test_a_loaded_model_is_tuned_once(network: TokenHypernetwork, tmp_path: Path) -> None:
    """The constant LoRA is in the base's weights, however often the base is used."""
    base, plain = fresh_base(), fresh_base()
    checkpoint.save(network, tmp_path, base="none")
    tune(base, checkpoint.load(tmp_path).hypernetwork)
    tune(base, network)
    moved = {
        name
        for (name, new), old in zip(base.named_parameters(), plain.parameters(), strict=True)
        if not torch.equal(new, old)
    }
    assert moved == {"model.layers.1.self_attn.q_proj.weight", "model.layers.3.mlp.down_proj.weight"}
    change = base.model.layers[3].mlp.down_proj.weight - plain.model.layers[3].mlp.down_proj.weight
    a, b = network.tuning()[3, "down_proj"]
    torch.testing.assert_close(change, b.mT @ a, rtol=0.02, atol=0.01)  # the sum is rounded to bfloat16


def test_a_tuned_base_has_one_fingerprint_in_any_dtype(network: TokenHypernetwork) -> None:
    """As it was before it was tuned."""
    told = []
    for dtype in (torch.float32, torch.bfloat16):
        base = fresh_base().bfloat16().to(dtype)
        tune(base, network)
        told.append(base_fingerprint(base))
    assert told[0] == told[1]


def test_a_base_tuned_for_another_hypernetwork_is_refused(
    base: LlamaForCausalLM, network: TokenHypernetwork
) -> None:
    """Two tunings in one base would be neither's."""
    tune(base, network)
    other = build(CONFIG)
    with pytest.raises(ValueError, match="load it anew"):
        tune(base, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feature_kind": "concat"}, "needs feature_kind 'chosen'"),
        ({"written_layers": ()}, "needs row_size"),
        ({"feature_layers": (2, 1)}, "begin with the embeddings"),
        ({"written_layers": (4,)}, "below 4"),
        ({"feature_layers": (0, 3, 3)}, "must rise"),
    ],
)
def test_impossible_sizes_are_refused(change: dict[str, object], message: str) -> None:
    """Every field that cannot be is named."""
    with pytest.raises(ValueError, match=message):
        HypernetConfig.from_dict({**CONFIG.to_dict(), **change})


def test_adapters_of_other_layers_do_not_mix(base: LlamaForCausalLM) -> None:
    """Side by side or in one batch, the layers must be the same."""
    one, two = (
        LoRA({"down_proj": torch.ones(1, 1, 24)}, {"down_proj": torch.ones(1, 1, 16)}, 1.0, (layer,))
        for layer in (1, 2)
    )
    with pytest.raises(ValueError, match="do not fit together"):
        LoRA.concat([one, two])
    with pytest.raises(ValueError, match="adapt layers"), apply(base, [one, two]):
        pass
    far = LoRA(one.A, one.B, 1.0, (9,))
    with pytest.raises(ValueError, match="layer 9"), apply(base, far):
        pass
    with pytest.raises(ValueError, match="named are"):
        LoRA(one.A, one.B, 1.0, (1, 2))


def test_a_row_for_every_token_cannot_keep_an_image(byte_tokenizer: PreTrainedTokenizerFast) -> None:
    """An image's tokens have no word that could be kept."""
    model = DocToLoRA(TokenHypernetwork(CONFIG), fresh_base(), byte_tokenizer)
    with pytest.raises(ValueError, match="it cannot keep images"):
        model.generate([ImageTurn([1, 2, 3], {})])
