"""Tiny base models with random weights and random adapters for them: what the tests run on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    LlamaConfig,
    MistralConfig,
    PretrainedConfig,
    PreTrainedModel,
    Qwen3Config,
)

from hypernet.lora.adapter import LoRA

LAYERS, HIDDEN, INNER, VOCAB = 3, 32, 48, 61
_SIZES = {
    "vocab_size": VOCAB,
    "hidden_size": HIDDEN,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "initializer_range": 0.3,
    "pad_token_id": 0,
}
FAMILIES = ("llama", "mistral", "gemma2", "qwen3")


def base_config(family: str) -> PretrainedConfig:
    if family == "llama":
        return LlamaConfig(**_SIZES)
    if family == "mistral":
        return MistralConfig(**_SIZES, sliding_window=16)
    if family == "gemma2":
        return Gemma2Config(**_SIZES, sliding_window=16, query_pre_attn_scalar=8)
    return Qwen3Config(**_SIZES)


def base_model(family: str = "llama", seed: int = 0) -> PreTrainedModel:
    torch.manual_seed(seed)
    model: PreTrainedModel = AutoModelForCausalLM.from_config(
        base_config(family), attn_implementation="eager"
    )
    return model.eval().requires_grad_(False)


def widths(model: PreTrainedModel, module: str) -> tuple[int, int]:
    """(d_in, d_out) of a target module."""
    path = next(p for p, _ in model.named_modules() if p.endswith(f".{module}"))
    linear = model.get_submodule(path)
    return linear.in_features, linear.out_features


def random_lora(
    model: PreTrainedModel,
    rank: int = 4,
    seed: int = 0,
    modules: Sequence[str] = ("down_proj",),
    scaling: float = 1.5,
) -> LoRA:
    draw = torch.Generator().manual_seed(seed)
    layers = model.config.num_hidden_layers

    def factor(width: int) -> torch.Tensor:
        return torch.randn(layers, rank, width, generator=draw) * width**-0.5

    sizes = {m: widths(model, m) for m in modules}
    return LoRA(
        {m: factor(d_in) for m, (d_in, _) in sizes.items()},
        {m: factor(d_out) for m, (_, d_out) in sizes.items()},
        scaling,
    )


def products(lora: LoRA, module: str = "down_proj") -> torch.Tensor:
    """``scaling * B^T A`` in full, [layers, d_out, d_in]: the slow, obvious form of an adapter."""
    return lora.scaling * lora.B[module].float().mT @ lora.A[module].float()
