"""Token chunks -> context features: the frozen context encoder's hidden states, as the Perceiver reads them.

Axes: C chunks, T tokens, L base layers, H hidden width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypernet.backbones.parts import first_blocks
from hypernet.lora.inject import bare
from hypernet.networks.config import HypernetConfig

_FEW = 4  # chunks of a batch for which starting another costs more than padding


def pad(chunks: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Right-pad token ids with 0: ids [C, T] and mask [C, T] (True: a real token)."""
    width = max(len(chunk) for chunk in chunks)
    ids = torch.tensor([[*chunk, *[0] * (width - len(chunk))] for chunk in chunks], device=device)
    lengths = torch.tensor([len(chunk) for chunk in chunks], device=device)
    return ids, torch.arange(width, device=device) < lengths[:, None]


def by_length(lengths: Sequence[int], tokens: int, *, alike: float = 0.0) -> Iterator[list[int]]:
    """Indices of chunks that go together, longest first: each batch, padded, holds at most ``tokens``.

    None of a batch is shorter than that share of its longest, ``alike``, unless there are few.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        full = (len(batch) + 1) * lengths[batch[0]] > tokens if batch else False
        if full or (len(batch) >= _FEW and lengths[index] < alike * lengths[batch[0]]):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


Feed = Callable[[nn.Module], Any]
"""Runs a decoder, or a view of it with fewer blocks, on a batch and returns what it gives."""


def of_tokens(ids: Tensor) -> Feed:
    """Right-padded ids [C, T]. Attention is causal, so padding on the right changes no real token's state."""
    return lambda decoder: decoder(input_ids=ids, use_cache=False, output_hidden_states=False)


def encode(decoder: nn.Module, config: HypernetConfig, batch: Tensor | Feed) -> Tensor:
    """Features of right-padded ids [C, T], or of what a ``Feed`` runs the decoder on.

    [C, L, T, H] for ``per_layer``, else [C, 1, T, feature_size]. ``decoder`` is a transformers decoder
    without its head, of at least L blocks; adapters that are applied to it have no effect here.
    """
    if config.feature_kind == "chosen":
        return _chosen(decoder, config.feature_layers, _feed(batch))[:, None]
    features: list[Tensor] = []
    if config.feature_kind == "concat":
        _visit(decoder, config.num_layers, _feed(batch), lambda state: features.append(_normed(state)))
        return torch.cat(features, dim=-1)[:, None]
    visit_features(decoder, config, batch, features.append)
    return torch.stack(features, dim=1)


def visit_features(
    decoder: nn.Module, config: HypernetConfig, batch: Tensor | Feed, visit: Callable[[Tensor], object]
) -> None:
    """Call ``visit`` with each feature [C, T, H] in layer order, so that only one need be kept at a time.

    ``per_layer``: what each of the first L - 1 blocks is fed, then what the last of them gives, normed.
    ``early_exit``: what block ``exit_layer`` gives, normed. Later blocks do not run.
    """
    if config.feature_kind == "per_layer":
        _visit(decoder, config.num_layers - 1, _feed(batch), visit)
    elif config.feature_kind == "early_exit" and config.exit_layer is not None:
        with bare():
            visit(_feed(batch)(first_blocks(decoder, config.exit_layer, None)).last_hidden_state)
    else:
        raise ValueError(f"feature kind {config.feature_kind!r} has no features one by one")


def _feed(batch: Tensor | Feed) -> Feed:
    return of_tokens(batch) if isinstance(batch, Tensor) else batch


def _visit(decoder: nn.Module, count: int, feed: Feed, visit: Callable[[Tensor], object]) -> None:
    """What each of the first ``count`` blocks is fed, then what the last of them gives, through the norm."""
    with bare():
        visit(feed(first_blocks(decoder, count, visit)).last_hidden_state)


def _chosen(decoder: nn.Module, layers: Sequence[int], feed: Feed) -> Tensor:
    """What the blocks ``layers`` are fed, RMS-normed, side by side; no block runs that is not needed."""
    seen: list[Tensor] = []
    view: Any = first_blocks(decoder, layers[-1] + 1, seen.append)
    view.layers[-1].runs = False
    with bare():
        feed(view)
    return torch.cat([_normed(seen[i]) for i in layers], dim=-1)


def _normed(state: Tensor) -> Tensor:
    return F.rms_norm(state.float(), (state.size(-1),), eps=1e-6)
