"""An induction circuit (Olsson et al. 2022) as the starting point of a small Llama.

Looking up "what followed this token before" takes two heads that are useless without each other, so training
from random weights waits on a long plateau for both to appear. Here they are laid down by hand:

* layer 0, head 0 attends to the previous token and copies a projection of it into a subspace of its own;
* layer 1, head 0 finds the position whose previous token is the present one, and copies what stands there.

Training changes them like any other weight.
"""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

_SHARP = 2.5  # of the previous-token head: attention of 0.9 and more on the one position
_EMBEDDING = 0.1
_WRITE = 0.6  # size of the copied token: it must stand out beside the embeddings
_MATCH = 3.0
_COPY = 12.0
_QUIET = 0.1  # of what everything else writes at first, so that it does not drown the circuit
_CONSTANT = 0.4  # the same entry in every embedding: queries and keys that know position alone


@torch.no_grad()
def seed_induction(base: LlamaForCausalLM) -> None:
    """Overwrite the first head of the first two layers of a freshly initialised ``base``."""
    width, head = base.config.hidden_size, base.model.layers[0].self_attn.head_dim
    if base.config.num_hidden_layers < 2 or width < 3 * head:
        raise ValueError(f"an induction circuit needs 2 layers and a width of 3 heads, got width {width}")
    told, noted = _subspaces(width, head)
    frequencies = _frequencies(base, head)
    base.model.embed_tokens.weight.normal_(std=_EMBEDDING)
    base.model.embed_tokens.weight[:, 0] = _CONSTANT
    for layer in base.model.layers:
        layer.self_attn.o_proj.weight *= _QUIET
        layer.mlp.down_proj.weight *= _QUIET
    first, second = (layer.self_attn for layer in base.model.layers[:2])
    own = slice(0, head)

    back = torch.cat([torch.cos(frequencies), -torch.sin(frequencies)])  # one position back
    here = torch.cat([torch.ones_like(frequencies), torch.zeros_like(frequencies)])
    fast = (frequencies > 0.05).float().repeat(2)
    first.q_proj.weight[own] = 0
    first.k_proj.weight[own] = 0
    first.q_proj.weight[own, 0] = _SHARP * back * fast
    first.k_proj.weight[own, 0] = _SHARP * here * fast
    first.v_proj.weight[own] = told.T
    first.o_proj.weight[:, own] = _WRITE * noted

    slow = (frequencies < 0.05).float().repeat(2)[:, None]  # a match must not depend on the distance
    second.q_proj.weight[own] = _MATCH * slow * told.T
    second.k_proj.weight[own] = _MATCH * slow * noted.T
    second.v_proj.weight[own] = told.T
    second.o_proj.weight[:, own] = _COPY * told


def _subspaces(width: int, head: int) -> tuple[Tensor, Tensor]:
    """Two orthonormal bases [width, head], orthogonal to each other and to the constant entry."""
    directions = torch.zeros(width, 2 * head)
    directions[1:] = torch.linalg.qr(torch.randn(width - 1, 2 * head)).Q
    return directions[:, :head], directions[:, head:]


def _frequencies(base: LlamaForCausalLM, head: int) -> Tensor:
    """Radians per position of each rotary pair [head / 2]."""
    theta: float = base.config.rope_parameters["rope_theta"]
    return theta ** (-torch.arange(0, head, 2) / head)
