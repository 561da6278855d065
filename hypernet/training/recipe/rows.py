"""The rows of merged adapters as they are trained: scores and writes from latents, without factors.

A row's key is its latent times the network's ``key``, and what it writes is linear in the latent and in its
token's embedding. So a state is projected to the latents' width once, where the factors of a thousand rows
would each be as wide as the MLP: the same sums in another order, at a fraction of the memory.

Axes: C chunks, N rows of turns, T tokens, S rows of a merged group, K counted places, Z latent width,
H hidden width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from hypernet.lora.inject import target_layers
from hypernet.networks.tokens import MODULE, TokenHypernetwork

NOTHING = 4.0  # what a token's scores must exceed together to be said
_ABSENT = -1e4


@dataclass(frozen=True)
class Rows:
    """``latents`` [N, S, Z], ``said`` [N, S, H] the direction of each row's token, ``tokens`` [N, S] its id,
    -1 where a smaller group has no row; latents and directions are zero there."""

    latents: Tensor
    said: Tensor
    tokens: Tensor


@dataclass(frozen=True)
class Bank:
    """The rows of all chunks: ``latents`` [C, T, Z], ``said`` [C, T, H], ``tokens`` [C, T]; as ``Rows``."""

    latents: Tensor
    said: Tensor
    tokens: Tensor

    def merged(self, groups: Sequence[Sequence[int]], lengths: Sequence[int]) -> Rows:
        """The rows of each group's chunks one after another; ``lengths`` are all chunks'."""
        width = self.latents.size(1)
        places = [
            np.concatenate([np.arange(chunk * width, chunk * width + lengths[chunk]) for chunk in group])
            for group in groups
        ]
        nothing = self.latents.size(0) * width  # the number of a row of zeros
        numbers = np.full((len(groups), max(map(len, places))), nothing)
        for line, found in zip(numbers, places, strict=True):
            line[: len(found)] = found
        picked = torch.from_numpy(numbers).to(self.latents.device)
        latents, said = (F.pad(t.flatten(0, 1), (0, 0, 0, 1))[picked] for t in (self.latents, self.said))
        return Rows(latents, said, F.pad(self.tokens.flatten(), (0, 1), value=-1)[picked])


@contextmanager
def writing(base: PreTrainedModel, network: TokenHypernetwork, rows: Rows) -> Iterator[dict[int, Tensor]]:
    """Inside, a forward pass of N rows writes what each one's rows say, as their LoRA would, and fills in the
    scores of the written layers: [N, T, S] each."""
    seen: dict[int, Tensor] = {}
    key = network.key
    handles = []

    def hook(number: int, layer: int) -> Callable[[nn.Module, Any, Tensor], Tensor]:
        def write(_module: nn.Module, args: Any, output: Tensor) -> Tensor:
            query = args[0].to(key.dtype) @ key[number].mT  # [N, T, Z]
            scores = seen[layer] = query @ rows.latents.mT
            written = (scores @ rows.said) @ network.token_value[number]
            written = written + (scores @ rows.latents) @ network.value[number]
            return output + (written * network.size[number]).to(output.dtype)

        return write

    try:
        layers = target_layers(base, MODULE)
        for number, layer in enumerate(network.config.written_layers):
            handles.append(layers[layer].register_forward_hook(hook(number, layer)))
        yield seen
    finally:
        for handle in handles:
            handle.remove()


@dataclass(frozen=True)
class Sums:
    """At each counted place: what the scores of every token that the group has come to together,
    ``logits`` [K, S + 2], 0 being none of them; which of those is wanted, ``target`` [K]; and the squares of
    the scores of rows that say another token, ``noise`` [K]."""

    logits: Tensor
    target: Tensor
    noise: Tensor

    @staticmethod
    def of(scores: Tensor, tokens: Tensor, wanted: Tensor) -> Sums:
        """scores [K, S] of rows that say tokens [K, S]; wanted [K], -1 where none is to be found."""
        index = _alike(tokens)
        size = (len(scores), scores.size(1) + 2)
        there = torch.zeros(size, dtype=torch.bool, device=scores.device).scatter_(1, index, value=True)
        sums = torch.zeros(size, device=scores.device).scatter_add(1, index, scores.float())
        logits = sums.masked_fill(~there, _ABSENT)
        logits = torch.cat([torch.full_like(logits[:, :1], NOTHING), logits[:, 1:]], dim=1)
        same = (tokens == wanted[:, None]) & (tokens >= 0)
        first = same.to(torch.uint8).argmax(1, keepdim=True)
        target = torch.where(same.any(1), index.gather(1, first).squeeze(1), 0)
        noise = scores.float().masked_fill(same, 0.0).square().sum(1)
        return Sums(logits, target, noise)


def _alike(tokens: Tensor) -> Tensor:
    """A number for every token [K, S], the same for the same token of a line: from 1 on, 0 for none."""
    ordered, order = tokens.sort(dim=1)
    fresh = F.pad((ordered[:, 1:] != ordered[:, :-1]).long(), (1, 0)).cumsum(1)
    numbers = torch.empty_like(order).scatter_(1, order, fresh)
    return torch.where(tokens < 0, 0, numbers + 1)
