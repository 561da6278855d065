"""Published files of shapes drawn at random, on bases drawn at random, against the slow computation.

What only held for the shapes at hand (ranks, modules, heads, latents, blocks, tied weights) fails here.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen3Config,
)

from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.inject import apply
from hypernet.lora.vllm_export import VLLM_RANKS, export_for_vllm
from tests.numerics.slow_doc_to_lora import factors, features
from tests.published_files import Sizes, tensors, write
from tests.tiny_models import widths

MODULES = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
FAMILIES: dict[str, Callable[..., PretrainedConfig]] = {
    "llama": LlamaConfig,
    "mistral": MistralConfig,
    "gemma2": Gemma2Config,
    "qwen3": Qwen3Config,
}
BAR = 1e-4  # of the largest value: deep random networks carry the rounding of float32 this far


def draw_base(draw: random.Random) -> PretrainedConfig:
    family = draw.choice(sorted(FAMILIES))
    kv_heads, head = draw.choice([1, 2, 4]), draw.choice([4, 8, 16])
    heads = kv_heads * draw.choice([1, 2, 3])
    more = {"sliding_window": draw.choice([8, 16, 64])} if family in ("mistral", "gemma2") else {}
    more |= {"query_pre_attn_scalar": head} if family == "gemma2" else {}
    return FAMILIES[family](
        vocab_size=61,
        hidden_size=heads * draw.choice([4, 8]),
        intermediate_size=draw.choice([20, 48, 64]),
        num_hidden_layers=draw.randint(1, 5),
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=head,
        max_position_embeddings=128,
        initializer_range=0.3,
        pad_token_id=0,
        tie_word_embeddings=draw.random() < 0.5,
        **more,
    )


def draw_sizes(draw: random.Random, base: PreTrainedModel) -> Sizes:
    layers = base.config.num_hidden_layers
    modules = tuple(sorted(draw.sample(MODULES, draw.randint(1, 4))))
    found = {m: widths(base, m) for m in modules}
    early = draw.random() < 0.4
    return Sizes(
        modules,
        {m: size[0] for m, size in found.items()},
        {m: size[1] for m, size in found.items()},
        kind="early_exit" if early else "per_layer_activations",
        layers=layers,
        rank=draw.choice([1, 2, 3, 8, 16]),
        latent=draw.choice([8, 12, 20]),
        feature=base.config.hidden_size,
        queries=draw.choice([1, 3, 8]),
        blocks=draw.randint(1, 3),
        selfs=draw.choice([0, 0, 1, 2]),
        pre_heads=draw.choice([0, 1, 2, 4]),
        layer_idx=draw.choice([None, draw.randint(0, layers)]),
    )


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing.:FutureWarning")  # peft's call
@pytest.mark.parametrize("seed", range(16))
@torch.no_grad()
def test_any_published_shape_is_computed(
    seed: int, byte_tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    """Each chunk's factors, however batched; the merge of all; and the logits, also through PEFT's folder."""
    draw = random.Random(seed)
    config = draw_base(draw)

    def base() -> PreTrainedModel:
        torch.manual_seed(seed)
        made: PreTrainedModel = AutoModelForCausalLM.from_config(
            copy.deepcopy(config), attn_implementation="eager"
        )
        return made.eval().requires_grad_(False)

    sizes = draw_sizes(draw, base())
    weights = tensors(sizes, seed)
    chunks = [[draw.randint(1, 60) for _ in range(draw.randint(1, 40))] for _ in range(draw.randint(1, 6))]
    model = DocToLoRA.from_pretrained(
        write(tmp_path / "pytorch_model.bin", sizes, weights),
        base_model=base(),
        tokenizer=byte_tokenizer,
        tokens_at_once=draw.choice([1, 20, 8192]),
        layer_by_layer=draw.random() < 0.5,
    )
    made = model.generate(chunks)
    slow = [factors(weights, sizes, features(base(), sizes, chunk)) for chunk in chunks]
    for lora, expected in zip(made, slow, strict=True):
        for module, (a, b) in expected.items():
            assert lora.A[module].shape == a.shape
            assert (lora.A[module] - a).abs().max() <= BAR * a.abs().max()
            assert (lora.B[module] - b).abs().max() <= BAR * b.abs().max()

    merged = model.combine(made)
    assert merged.rank == (len(chunks) + 1) * sizes.rank
    changed = base()
    for module in sizes.modules:
        a = torch.cat([one[module][0] for one in slow] + [weights[f"bias_A.{module}"]], 1)
        b = torch.cat([one[module][1] for one in slow] + [weights[f"bias_B.{module}"]], 1)
        layers = [found for path, found in changed.named_modules() if path.endswith(f".{module}")]
        for layer, delta in zip(layers, 2 * sizes.rank**1.5 * b.mT @ a, strict=True):
            layer.weight += delta
    ids = torch.tensor([[5, 7, 11, 13, 17]])
    wanted = changed(ids).logits
    with apply(model.base_model, merged):
        found = model.base_model(ids).logits
    scale = wanted.abs().max()
    assert (found - wanted).abs().max() <= 1e-3 * scale
    import peft

    folder = export_for_vllm(merged, tmp_path / "peft")
    wrapped = peft.PeftModel.from_pretrained(model.base_model, folder)
    assert wrapped.peft_config["default"].r in VLLM_RANKS
    assert (wrapped(ids).logits - found).abs().max() <= 1e-4 * scale
