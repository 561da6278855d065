"""Forward passes of training: reading, answering from adapters alone, and knowing where to look.

Axes: N rows, T tokens, G groups, C chunks, K counted tokens, S factor rows of a group, L base layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from hypernet.backbones.encoder import encode, pad
from hypernet.lora.inject import apply_factors, target_layers
from hypernet.networks.anchored import AnchoredHypernetwork, cat_chunks
from hypernet.networks.heads import Factors
from hypernet.networks.hypernetwork import AnyHypernetwork, merge
from hypernet.training.reference.alignment import MAX_OCCURRENCES, MemoryBatch
from hypernet.training.reference.rows import Batch

SHARPNESS = 8.0  # logits of looking up: a row of A that answers with 1 counts this much
SPILL = 0.1  # weight of the loss of the same name
SPARE = 4  # rows a chunk has beyond the tokens it will be asked for: what is not to be looked up
ADDRESSED = 3  # the last so many layers learn where to look; the others are left to the answers


@dataclass(frozen=True)
class Memories:
    """What the hypernetwork made of a batch's chunks: factors [C, L, R, d], ``positions`` [C, R] of the rows,
    and the mean loss of saliency."""

    factors: Factors
    positions: Tensor
    saliency_loss: Tensor


def reading_loss(base: PreTrainedModel, batches: Sequence[Batch]) -> Tensor:
    """Weighted mean cross-entropy of all the batches' tokens under the base as it is."""
    total = sum(batch.weights.sum() for batch in batches)
    return torch.stack([_summed_loss(base, batch) for batch in batches]).sum() / total


def memory_losses(
    base: PreTrainedModel, hypernetwork: AnchoredHypernetwork, batch: MemoryBatch
) -> dict[str, Tensor]:
    """Answering from merged adapters alone, finding the row to answer from, and knowing what to keep."""
    made = memories(base, hypernetwork, batch)
    merged = merge(made.factors, hypernetwork.bias(), batch.chunks_per_group)
    with apply_factors(base, merged, hypernetwork.config.scaling), down_proj_inputs(base) as seen:
        memory = reading_loss(base, [batch.rows])
    address, spill = addressing_losses(batch, made, seen)
    return {"memory": memory, "address": address, "spill": spill, "saliency": made.saliency_loss}


def addressing_losses(
    batch: MemoryBatch, made: Memories, seen: Mapping[int, Tensor]
) -> tuple[Tensor, Tensor]:
    """How well the rows of A find the tokens that must be said: a loss of address, and one of spill.

    Address: cross-entropy of picking, among all factor rows of a group, the one each answer token is copied
    from; a row that answers with less than one half is passed over, and where nothing should be copied, all
    should. Spill: squared distance of all answers from one at the right row and zero at the others. What the
    rows say is summed, and many faint wrong answers, several of them with the same digit, drown a right one.
    ``seen`` holds what ``down_proj`` of the last layers was fed [N, T, d_in].
    """
    a, _ = made.factors["down_proj"]
    chunks, per = batch.chunks_per_group, batch.rows.ids.size(0) * batch.chunks_per_group // len(batch.chunks)
    row, token = (batch.rows.weights == 1.0).nonzero(as_tuple=True)  # [K] each, in the order of the spots
    group = row // per
    right, known = _targets(batch, made.positions, group)
    wanted = right[:, :-1] / right[:, :-1].sum(1, keepdim=True).clamp(min=1)
    address, spill = [], []
    for layer, x in seen.items():
        keys = a[:, layer].reshape(-1, chunks * a.size(2), a.size(3))  # [G, S, d_in]
        flat = torch.zeros(len(keys), int(group.bincount().max()), x.size(-1))
        place = _places(group)
        flat[group, place] = x[row, token]
        answers = torch.bmm(flat, keys.mT)[group, place]  # [K, S]
        scores = F.pad(SHARPNESS * answers, (0, 1), value=SHARPNESS / 2)
        chosen = scores.masked_fill(~right, -torch.inf)
        address.append((scores.logsumexp(1) - chosen.logsumexp(1))[known].mean())
        spill.append((answers - wanted).square().sum(1)[known].mean())
    return torch.stack(address).mean(), SPILL * torch.stack(spill).mean()


def _places(group: Tensor) -> Tensor:
    """The number of each entry among those of its group, for sorted groups: [K]."""
    first = torch.searchsorted(group, group)
    return torch.arange(len(group)) - first


def _targets(batch: MemoryBatch, positions: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """Which rows of its group each token may be copied from, or none (the last column), bool [K, S + 1]; and
    whether that is known, bool [K]: it is not where no row was anchored to the right place."""
    spots = torch.full((len(batch.spots), MAX_OCCURRENCES, 2), -1)
    for k, spot in enumerate(batch.spots):
        if spot:
            spots[k, : len(spot)] = torch.tensor(spot)
    rank, chunks = positions.size(1), batch.chunks_per_group
    chunk_of = torch.arange(len(batch.chunks)).view(-1, chunks).repeat_interleave(rank, 1)[group]  # [K, S]
    place_of = positions.reshape(-1, chunks * rank)[group]
    hit = (chunk_of[:, None] == spots[..., :1]) & (place_of[:, None] == spots[..., 1:])  # [K, MAX, S]
    right = hit.any(1)
    nowhere = torch.tensor([spot == () for spot in batch.spots])
    right = torch.cat([right, nowhere[:, None]], dim=1)
    return right, right.any(1)


def exact_rows(base: PreTrainedModel, batch: Batch) -> Tensor:
    """For each row, whether every token of weight 1 is the likeliest: bool [N]. Equals greedy decoding."""
    hidden = base.model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    counted = batch.weights == 1.0
    right = torch.ones_like(counted)
    right[counted] = base.lm_head(hidden[counted]).argmax(-1) == batch.ids[:, 1:][counted]
    return right.all(dim=1)


@contextmanager
def remembering(base: PreTrainedModel, hypernetwork: AnyHypernetwork, batch: MemoryBatch) -> Iterator[None]:
    """Inside, the base answers the batch's rows with its groups' merged adapters, made as in use."""
    order, pieces = [], []
    for part, ids, mask in _by_length(batch.chunks):
        order += part
        pieces.append(hypernetwork(encode(base.model, hypernetwork.config, ids), mask))
    factors = _restored(pieces, order)
    merged = merge(factors, hypernetwork.bias(), batch.chunks_per_group)
    with apply_factors(base, merged, hypernetwork.config.scaling):
        yield


def memories(base: PreTrainedModel, hypernetwork: AnchoredHypernetwork, batch: MemoryBatch) -> Memories:
    """What the hypernetwork makes of the chunks when it is told which of their tokens will be asked for."""
    order, pieces, positions, losses = [], [], [], []
    most = hypernetwork.config.rank
    for part, ids, mask in _by_length(batch.chunks):
        order += part
        salient = [batch.salient[i] for i in part]
        wanted = _wanted(ids, salient)
        features = encode(base.model, hypernetwork.config, ids)
        found = hypernetwork.anchors(features, mask, rank=SPARE + max(map(len, salient)), prefer=wanted)
        losses.append(F.binary_cross_entropy_with_logits(found.saliency[mask].float(), wanted[mask]))
        positions.append(F.pad(found.positions, (0, most - found.positions.size(1)), value=-2))
        pieces.append(hypernetwork.factors(found, found.there))
    factors = _restored(pieces, order)
    rank = factors["down_proj"][0].size(2)
    places = torch.cat(positions)[torch.tensor(order).argsort(), :rank]
    return Memories(factors, places, torch.stack(losses).mean())


def _by_length(chunks: list[list[int]], parts: int = 3) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Chunks in ``parts`` batches of like length: their numbers, ids and mask."""
    order = sorted(range(len(chunks)), key=lambda i: len(chunks[i]))
    size = -(-len(order) // parts)
    for start in range(0, len(order), size):
        part = order[start : start + size]
        yield part, *pad([chunks[i] for i in part])


def _restored(pieces: list[Factors], order: list[int]) -> Factors:
    """Factors of all pieces, in the chunks' own order."""
    back = torch.tensor(order).argsort()
    return {m: (a[back], b[back]) for m, (a, b) in cat_chunks(pieces).items()}


def _wanted(ids: Tensor, salient: Sequence[set[int]]) -> Tensor:
    wanted = torch.zeros_like(ids, dtype=torch.float32)
    for row, places in enumerate(salient):
        wanted[row, list(places)] = 1.0
    return wanted


@contextmanager
def down_proj_inputs(base: PreTrainedModel) -> Iterator[dict[int, Tensor]]:
    """Inside, what ``down_proj`` of the last layers is fed is noted: {layer: [N, T, d_in]}."""
    seen: dict[int, Tensor] = {}

    def note(layer: int, module: nn.Linear) -> torch.utils.hooks.RemovableHandle:
        return module.register_forward_pre_hook(lambda _, args: seen.__setitem__(layer, args[0]))

    layers = list(enumerate(target_layers(base, "down_proj")))[-ADDRESSED:]
    handles = [note(layer, module) for layer, module in layers]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _summed_loss(base: PreTrainedModel, batch: Batch) -> Tensor:
    hidden = base.model(input_ids=batch.ids, use_cache=False).last_hidden_state[:, :-1]
    counted = batch.weights > 0
    losses = F.cross_entropy(base.lm_head(hidden[counted]), batch.ids[:, 1:][counted], reduction="none")
    return (losses * batch.weights[counted]).sum()
