"""Doc-to-LoRA once more, slowly: from published tensors, one chunk, layer, head and row at a time."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import PreTrainedModel

from tests.published_files import HEAD_DIM, HEADS, KV_HEADS, Sizes

Weights = dict[str, Tensor]


@torch.no_grad()
def features(model: PreTrainedModel, sizes: Sizes, ids: list[int]) -> list[Tensor]:
    """[T, H] for every base layer. The model is cut for good: give it a copy."""
    decoder = model.model
    per_layer = sizes.kind == "per_layer_activations"
    until = sizes.layers - 1 if per_layer else sizes.exit_layer
    if until == 0:  # no block at all: the embeddings, normed
        return [decoder.norm(decoder.embed_tokens(torch.tensor([ids])))[0]]
    decoder.layers = decoder.layers[:until]
    decoder.config.num_hidden_layers = len(decoder.layers)
    states = decoder(torch.tensor([ids]), use_cache=False, output_hidden_states=True).hidden_states
    return [state[0] for state in states] if per_layer else [states[-1][0]]


def factors(w: Weights, sizes: Sizes, states: list[Tensor]) -> dict[str, tuple[Tensor, Tensor]]:
    """One chunk's A [L, R, d_in] and B [L, R, d_out] per module."""
    p = "aggregator.perceiver"
    rows = []
    for state in states:
        projected = mlp(w, f"{p}.modality_projection", state)
        kinds = ([True] + [False] * sizes.selfs) * sizes.blocks
        latents = stack(w, f"{p}.encoder", kinds, projected)
        rows.append(stack(w, f"{p}.decoder", [True], latents))
    shape = (sizes.layers, len(sizes.modules), sizes.rank)
    embedded = torch.stack(rows).reshape(*shape, sizes.latent)
    a = {m: torch.empty(sizes.layers, sizes.rank, sizes.d_in[m]) for m in sizes.modules}
    b = {m: torch.empty(sizes.layers, sizes.rank, sizes.d_out[m]) for m in sizes.modules}
    for layer in range(sizes.layers):
        for i, module in enumerate(sorted(sizes.modules)):
            for r in range(sizes.rank):
                flat = head(w, sizes, embedded[layer, i, r], layer, i)
                split = sizes.d_in[module]
                a[module][layer, r] = flat[:split] * w[f"scaler_A.{module}"][0, layer, r, 0]
                until = split + sizes.d_out[module]
                b[module][layer, r] = flat[split:until] * w[f"scaler_B.{module}"][0, layer, r, 0]
    return {m: (a[m], b[m]) for m in sizes.modules}


def head(w: Weights, sizes: Sizes, e: Tensor, layer: int, module: int) -> Tensor:
    for i in range(sizes.pre_heads):
        p = f"layers.{i}.layers"
        x = layer_norm(e, w[f"{p}.0.weight"], w[f"{p}.0.bias"])
        x = silu(x @ w[f"{p}.1.weight"][layer] + w[f"{p}.1.bias"][0, layer, 0, 0])
        x = x @ w[f"{p}.3.weight"][layer] + w[f"{p}.3.bias"][0, layer, 0, 0]
        e = e + layer_norm(x, w[f"{p}.4.weight"], w[f"{p}.4.bias"])
    weight = w["head.weight"][layer]
    return (e / e.square().sum().sqrt()) @ (weight[module] if weight.ndim == 3 else weight)


def stack(w: Weights, prefix: str, kinds: list[bool], context: Tensor) -> Tensor:
    x = w[f"{prefix}.latents_q"]
    for i, cross in enumerate(kinds):
        p = f"{prefix}.layers.{i}"
        normed = rms(x, w[f"{p}.input_latents_layernorm.weight"])
        read = rms(context, w[f"{p}.input_context_layernorm.weight"]) if cross else normed
        x = x + rms(attention(w, f"{p}.self_attn", normed, read), w[f"{p}.post_attention_layernorm.weight"])
        inner = mlp(w, f"{p}.mlp", rms(x, w[f"{p}.pre_ff_layernorm.weight"]))
        x = x + rms(inner, w[f"{p}.post_ff_layernorm.weight"])
    return rms(x, w[f"{prefix}.layernorm.weight"])


def attention(w: Weights, prefix: str, x: Tensor, context: Tensor) -> Tensor:
    q, k, v = (
        source @ w[f"{prefix}.{name}_proj.weight"].T
        for name, source in (("q", x), ("k", context), ("v", context))
    )
    heads = []
    for i in range(HEADS):
        j = i // (HEADS // KV_HEADS)
        own, shared = slice(i * HEAD_DIM, (i + 1) * HEAD_DIM), slice(j * HEAD_DIM, (j + 1) * HEAD_DIM)
        scores = (q[:, own] @ k[:, shared].T / HEAD_DIM**0.5).softmax(-1)
        heads.append(scores @ v[:, shared])
    return torch.cat(heads, -1) @ w[f"{prefix}.o_proj.weight"].T


def mlp(w: Weights, prefix: str, x: Tensor) -> Tensor:
    gate, up, down = (w[f"{prefix}.{name}_proj.weight"] for name in ("gate", "up", "down"))
    return (silu(x @ gate.T) * (x @ up.T)) @ down.T


def silu(x: Tensor) -> Tensor:
    return x / (1 + (-x).exp())


def rms(x: Tensor, weight: Tensor) -> Tensor:
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight + bias
