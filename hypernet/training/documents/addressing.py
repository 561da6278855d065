"""Finding the right row: what a hypernetwork with a row a token is trained on beside the answers.

A row of A answers to the state in which its token must be said. The scores of all rows of one token are
summed, which is what the LoRA computes where their B agree, and compared with every other token that any of
the merged texts holds, and with a constant for saying nothing from memory: where nothing told is the answer,
and where the answer ends.

Axes: G groups, C chunks, R rows of a chunk, S rows of a group, K answer tokens, V token ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from hypernet.lora.inject import target_layers
from hypernet.networks.heads import Factors
from hypernet.networks.hypernetwork import AnyHypernetwork
from hypernet.networks.tokens import MODULE, TokenHypernetwork
from hypernet.training.documents.lessons import Lesson
from hypernet.training.packed import Packed

NOTHING = 4.0  # what a token's scores must exceed together to be said
FIRST = 4.0  # weight of an answer's first token: the others follow from it
_ABSENT = -1e4


@contextmanager
def mlp_states(base: PreTrainedModel, hypernetwork: AnyHypernetwork) -> Iterator[dict[int, Tensor]]:
    """Inside, a forward pass fills in what ``down_proj`` of the written layers is fed: [N, T, d_in] each."""
    seen: dict[int, Tensor] = {}
    handles = []

    def watch(layer: int) -> Any:
        def keep(_module: nn.Module, args: Any) -> None:
            seen[layer] = args[0]

        return keep

    try:
        if isinstance(hypernetwork, TokenHypernetwork):
            layers = target_layers(base, MODULE)
            written = hypernetwork.config.written_layers
            handles = [layers[i].register_forward_pre_hook(watch(i)) for i in written]
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def addressing_loss(
    hypernetwork: AnyHypernetwork,
    merged: Factors,
    lesson: Lesson,
    groups: Sequence[int],
    packed: Packed,
    seen: dict[int, Tensor],
) -> Tensor:
    """Mean cross-entropy of finding each answer token of these groups' rows among what the texts hold."""
    tokens = row_tokens(hypernetwork, lesson, [lesson.groups[g] for g in groups], merged[MODULE][0].size(2))
    row = packed.counted.nonzero(as_tuple=True)[0]  # [K]
    tokens = F.pad(tokens, (0, 1), value=-1).to(row.device)[row]  # [K, S + 1]: at least one row is none
    wanted, weights = _targets(lesson, groups, packed)
    known, where = torch.unique(tokens, return_inverse=True)  # the first is -1: rows that are none
    there = torch.zeros(len(row), len(known), device=row.device).scatter_(1, where, 1.0)
    target = torch.searchsorted(known, wanted)
    target = torch.where(known[target.clamp_max(len(known) - 1)] == wanted, target, 0)
    losses = []
    for number, layer in enumerate(hypernetwork.config.written_layers):
        keys = merged[MODULE][0][list(groups), number]  # [G, S, d_in]
        states = seen[layer][:, :-1][packed.counted].to(keys.dtype)
        scores = F.pad((keys[row] @ states[..., None]).squeeze(-1), (0, 1))
        logits = torch.zeros_like(there).scatter_add(1, where, scores).masked_fill(there == 0, _ABSENT)
        logits = torch.cat([torch.full_like(logits[:, :1], NOTHING), logits[:, 1:]], dim=1)
        losses.append((F.cross_entropy(logits, target, reduction="none") * weights).sum() / weights.sum())
    return torch.stack(losses).mean()


def row_tokens(
    hypernetwork: AnyHypernetwork, lesson: Lesson, groups: Sequence[Sequence[int]], rows: int
) -> Tensor:
    """The token id of every row of the groups' merged factors [G, S], -1 where a row is none."""
    opening, closing = hypernetwork.config.template
    texts = [chunk[opening : len(chunk) - closing] for chunk in lesson.chunks]
    width = max(map(len, texts))
    found = torch.full((len(groups), rows), -1)
    for g, group in enumerate(groups):
        for place, chunk in enumerate(group):
            start = place * width
            found[g, start : start + len(texts[chunk])] = torch.tensor(texts[chunk])
    return found


def _targets(lesson: Lesson, groups: Sequence[int], packed: Packed) -> tuple[Tensor, Tensor]:
    """The token that each counted place should find, -1 for none, and what it weighs: [K] each."""
    wanted, weights = [], []
    for turn in (turn for g in groups for turn in lesson.rows[g]):
        answer = turn.ids[turn.start :]
        wanted += [*answer[:-1], -1] if turn.told else [-1] * len(answer)
        weights += [FIRST, *[1.0] * (len(answer) - 1)]
    device = packed.ids.device
    return torch.tensor(wanted, device=device), torch.tensor(weights, device=device)
