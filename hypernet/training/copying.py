"""A path that copies tokens from a context into factors, as the starting point of a hypernetwork.

To answer from an adapter, B must spell tokens of the context, and attention must pick the tokens worth
spelling; neither earns anything without the other, so training from random weights waits on a plateau. Here
the first half is laid down by hand for a ``concat`` hypernetwork: the first ``hidden_size`` latent dimensions
carry the embeddings of whatever tokens attention reads, unchanged, into the rows of B. Attention then has a
gradient from the first step. Training changes all of it like any other weight.

The other latent dimensions carry a code that tells the latents apart.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaForCausalLM

from hypernet.hypernetwork import Hypernetwork
from hypernet.perceiver import Attention, Block, SwiGLU

_QUIET = 0.1  # of what the MLPs add at first
_CODE = 2.0
_LOUD = 8.0  # makes a row of B a tenth as long as the states of a trained base: heard, not deafening
_LINK = 1.5  # how firmly an output query reads the latent of its own code


@torch.no_grad()
def seed_copying(hypernetwork: Hypernetwork, base: LlamaForCausalLM) -> None:
    """Overwrite the path of ``hypernetwork`` that carries the token embeddings of ``base``.

    Raises ValueError for a hypernetwork that has no room for it.
    """
    c = hypernetwork.config
    width, heads = c.hidden_size, c.num_heads * c.head_dim
    if c.feature_kind != "concat" or c.latent_size <= width or c.num_queries != c.num_latents:
        raise ValueError(
            f"copying needs 'concat' features, a latent wider than {width} and a latent a query, got "
            f"{c.feature_kind!r}, {c.latent_size} and {c.num_latents} for {c.num_queries}"
        )
    if heads != c.latent_size or c.num_kv_heads != c.num_heads:
        raise ValueError(f"copying needs full heads as wide as the latent, got {heads} for {c.latent_size}")
    perceiver = hypernetwork.perceiver
    _open_gate(perceiver.projection, _constant(base), width)
    codes = _CODE * torch.randn(c.num_queries, c.latent_size - width)
    for stack in (perceiver.encoder, perceiver.decoder):
        stack.latents[:, :width] = 0
        stack.latents[:, width:] = codes
        for block in stack.blocks:
            _pass_on(cast(Block, block), c.latent_size)
    _link(cast(Block, perceiver.decoder.blocks[0]).attention, width)
    for module in c.target_modules:
        d_in = c.d_in[module]
        hypernetwork.heads.scaler_B[module].fill_(_LOUD)
        for layer in hypernetwork.heads.head[:, list(c.target_modules).index(module)]:
            layer[:width, :d_in] *= _QUIET
            layer[:, d_in : d_in + width] *= _QUIET
            layer[:width, d_in : d_in + width] += torch.eye(width)


def _constant(base: LlamaForCausalLM) -> float:
    """The typical value of embedding entry 0 after RMS norm: the same for every token (see induction)."""
    embeddings = base.model.embed_tokens.weight
    return float(F.rms_norm(embeddings, embeddings.shape[-1:])[:, 0].mean())


def _open_gate(projection: SwiGLU, constant: float, width: int) -> None:
    """Let the first units of a SwiGLU hand on the embedding as it is: a constant holds their gates open."""
    gate, up, down = (p.weight for p in (projection.gate_proj, projection.up_proj, projection.down_proj))
    gate[:width] = 0
    gate[:width, 0] = 1.0
    up[:width] = 0
    up[:width, :width] = torch.eye(width)
    up[0] = 0  # the constant itself is no content
    down[:width] = 0
    down[:, :width] = 0
    down[:width, :width] = torch.eye(width) / F.silu(torch.tensor(constant))


def _pass_on(block: Block, size: int) -> None:
    """Attention hands on what it reads, and little is added to it."""
    block.attention.v_proj.weight.copy_(torch.eye(size))
    block.attention.o_proj.weight.copy_(torch.eye(size))
    block.norm_after_mlp.weight.fill_(_QUIET)
    if block.norm_context is None:
        block.norm_attention.weight.fill_(_QUIET)


def _link(attention: Attention, width: int) -> None:
    """Queries and keys are the same projection of the code, so that like reads like."""
    projection: Tensor = torch.randn_like(attention.q_proj.weight[:, width:])
    for proj in (attention.q_proj, attention.k_proj):
        proj.weight[:, :width] = 0
        proj.weight[:, width:] = (_LINK * projection.size(1) ** -0.5) * projection
