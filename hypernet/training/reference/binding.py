"""A circuit that compares what is asked with what was told, as the starting point of binding.

Which value belongs to which key can be told from an adapter only if the state that answers and the row of A
that should answer to it both hold the words of the key, in the same coordinates. Either is useless without
the other, so training from random weights waits: facts of one kind are answered at chance for thousands of
steps. Here both are laid down by hand, in one block of the base:

* its attention averages the states of all tokens so far into the present one: a bag of the question's words;
* its MLP hands the state on to what ``down_proj`` is fed, turned, through gates that stand open;
* the hypernetwork's bag around an anchor, taken from the same states, is turned the same way into a row of A.

So a row answers to the words it shares with the question. Training changes all of it like any other weight.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaForCausalLM

from hypernet.networks.anchored import AnchoredHypernetwork

BLOCK = 2  # words have found their neighbours, and blocks are left to make an answer
_HEARD = 1.0  # size of the bag beside the state it is added to
_EVEN = 0.02  # of attention's queries: all tokens count nearly alike
_OPEN = 3.0  # how far the MLP's gates stand open
_ANSWER = 0.5  # what a row of A answers with, at first, to its own words


@torch.no_grad()
def seed_comparing(base: LlamaForCausalLM, sample: Tensor) -> None:
    """Overwrite block ``BLOCK`` of ``base``; ``sample`` [N, T] is text without padding.

    What the block added to the states before is lost.
    """
    width, layer = base.config.hidden_size, base.model.layers[BLOCK]
    states = _states(base, sample)
    normed = F.rms_norm(states, (width,))
    common = F.normalize(normed.mean(dim=(0, 1)), dim=0)  # the direction that all states share says nothing
    own = torch.eye(width) - torch.outer(common, common)
    for norm in (layer.input_layernorm, layer.post_attention_layernorm):
        norm.weight.fill_(1.0)
    layer.self_attn.q_proj.weight.mul_(_EVEN)
    layer.self_attn.v_proj.weight.copy_(own)
    bag = _bags(states, own)
    gain = _HEARD * states.norm(dim=-1)[:, 4:].mean() / bag.norm(dim=-1)[:, 4:].mean()
    layer.self_attn.o_proj.weight.copy_(gain * torch.eye(width))
    _hand_on(layer.mlp, F.rms_norm(states + gain * bag, (width,)), own)


@torch.no_grad()
def seed_bags(hypernetwork: AnchoredHypernetwork, base: LlamaForCausalLM, sample: Tensor) -> None:
    """Overwrite the bags of ``hypernetwork`` so that they are compared in the coordinates of ``base``."""
    width, layer = base.config.hidden_size, base.model.layers[BLOCK]
    own = layer.self_attn.v_proj.weight
    hypernetwork.bag_value.weight.zero_()
    hypernetwork.bag_value.weight[:, BLOCK * width : (BLOCK + 1) * width] = own
    size = _bags(_states(base, sample), own)[:, 8:].square().sum(-1).mean()  # of a bag with itself
    key = hypernetwork.bag_key["down_proj"].zero_()
    key[BLOCK] = _ANSWER / size * layer.mlp.up_proj.weight.T


def _states(base: LlamaForCausalLM, sample: Tensor) -> Tensor:
    """What block ``BLOCK`` is fed: [N, T, H]."""
    states: tuple[Tensor, ...] = base.model(
        input_ids=sample, use_cache=False, output_hidden_states=True
    ).hidden_states
    return states[BLOCK]


def _bags(states: Tensor, own: Tensor) -> Tensor:
    """The average of all states up to each, [N, T, H], without what they share."""
    normed = F.rms_norm(states, (states.size(-1),))
    return (normed @ own.T).cumsum(1) / torch.arange(1, states.size(1) + 1)[:, None]


def _hand_on(mlp: Any, fed: Tensor, own: Tensor) -> None:
    """Gates held open by the shared direction, and orthogonal columns: inner products survive the MLP."""
    units, width = mlp.up_proj.weight.shape
    turn = torch.linalg.qr(torch.randn(units, width)).Q
    mlp.up_proj.weight.copy_(turn @ own)
    shared = F.normalize(fed.mean(dim=(0, 1)), dim=0)
    level = (fed @ shared).mean()
    mlp.gate_proj.weight.mul_(0.05)
    mlp.gate_proj.weight.add_(_OPEN / level * shared)
    mlp.down_proj.weight.zero_()
