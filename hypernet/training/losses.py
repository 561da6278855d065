"""Forward passes of training: weighted cross-entropy of reading, and of answering from adapters alone.

Axes: N rows, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from hypernet.encoder import encode, pad
from hypernet.heads import Factors
from hypernet.hypernetwork import Hypernetwork, merge
from hypernet.inject import apply_factors
from hypernet.training.curriculum import MemoryBatch
from hypernet.training.rows import Batch


def reading_loss(base: PreTrainedModel, batches: Sequence[Batch]) -> Tensor:
    """Weighted mean cross-entropy of all the batches' tokens under the base as it is."""
    total = sum(batch.weights.sum() for batch in batches)
    return torch.stack([_summed_loss(base, batch) for batch in batches]).sum() / total


def memory_loss(base: PreTrainedModel, hypernetwork: Hypernetwork, batch: MemoryBatch) -> Tensor:
    """The same for questions whose contexts reach the base as merged adapters only."""
    with remembering(base, hypernetwork, batch):
        return reading_loss(base, [batch.rows])


def exact_rows(base: PreTrainedModel, batch: Batch) -> Tensor:
    """For each row, whether every token of weight 1 is the likeliest: bool [N]. Equals greedy decoding."""
    hidden = base.model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    counted = batch.weights == 1.0
    right = torch.ones_like(counted)
    right[counted] = base.lm_head(hidden[counted]).argmax(-1) == batch.ids[:, 1:][counted]
    return right.all(dim=1)


def remembering(
    base: PreTrainedModel, hypernetwork: Hypernetwork, batch: MemoryBatch
) -> AbstractContextManager[None]:
    """A context in which the base answers the batch's rows with its groups' merged adapters."""
    merged = merge(_factors(base, hypernetwork, batch.chunks), hypernetwork.bias(), batch.chunks_per_group)
    return apply_factors(base, merged, hypernetwork.config.scaling)


def _factors(
    base: PreTrainedModel, hypernetwork: Hypernetwork, chunks: list[list[int]], parts: int = 3
) -> Factors:
    """Factors of the chunks in their order, made in batches of like length."""
    order = sorted(range(len(chunks)), key=lambda i: len(chunks[i]))
    size = -(-len(order) // parts)
    pieces = []
    for start in range(0, len(order), size):
        ids, mask = pad([chunks[i] for i in order[start : start + size]])
        pieces.append(hypernetwork(encode(base.model, hypernetwork.config, ids), mask))
    back = torch.tensor(order).argsort()
    return {
        m: (torch.cat([p[m][0] for p in pieces])[back], torch.cat([p[m][1] for p in pieces])[back])
        for m in pieces[0]
    }


def _summed_loss(base: PreTrainedModel, batch: Batch) -> Tensor:
    hidden = base.model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    counted = batch.weights > 0
    losses = F.cross_entropy(base.lm_head(hidden[counted]), batch.ids[:, 1:][counted], reduction="none")
    return (losses * batch.weights[counted]).sum()
