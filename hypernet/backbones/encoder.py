"""Token chunks -> context features: the frozen context encoder's hidden states, as the Perceiver reads them.

Axes: C chunks, T tokens, L base layers, H hidden width.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypernet.lora.inject import bare
from hypernet.networks.config import HypernetConfig


def pad(chunks: Sequence[Sequence[int]], device: torch.device | str = "cpu") -> tuple[Tensor, Tensor]:
    """Right-pad token ids with 0: ids [C, T] and mask [C, T] (True: a real token)."""
    width = max(len(chunk) for chunk in chunks)
    ids = torch.tensor([[*chunk, *[0] * (width - len(chunk))] for chunk in chunks], device=device)
    lengths = torch.tensor([len(chunk) for chunk in chunks], device=device)
    return ids, torch.arange(width, device=device) < lengths[:, None]


def by_length(lengths: Sequence[int], tokens: int) -> Iterator[list[int]]:
    """Indices of chunks that go together, longest first: each batch, padded, holds at most ``tokens``."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and (len(batch) + 1) * lengths[batch[0]] > tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def encode(decoder: nn.Module, config: HypernetConfig, ids: Tensor) -> Tensor:
    """Features of right-padded ids [C, T]: [C, L, T, H] for ``per_layer``, else [C, 1, T, feature_size].

    ``decoder`` is a transformers decoder without its head; adapters that are applied to it have no effect
    here. Attention is causal, so padding on the right changes no real token's state and needs no mask.
    """
    if config.feature_kind == "concat":
        with bare():
            states = decoder(input_ids=ids, use_cache=False, output_hidden_states=True).hidden_states
        normed = [F.rms_norm(s.float(), (s.size(-1),), eps=1e-6) for s in states]
        return torch.cat(normed, dim=-1)[:, None]
    if config.feature_kind == "chosen":
        return _chosen(decoder, config.feature_layers, ids)[:, None]
    features: list[Tensor] = []
    visit_features(decoder, config, ids, features.append)
    return torch.stack(features, dim=1)


def _chosen(decoder: nn.Module, layers: Sequence[int], ids: Tensor) -> Tensor:
    """What the blocks ``layers`` are fed, RMS-normed, side by side; no block runs that is not needed."""
    seen: list[Tensor] = []
    view: Any = _first_blocks(decoder, layers[-1] + 1, seen.append)
    view.layers[-1].runs = False
    with bare():
        view(input_ids=ids, use_cache=False, output_hidden_states=False)
    return torch.cat([F.rms_norm(seen[i].float(), (seen[i].size(-1),), eps=1e-6) for i in layers], dim=-1)


def visit_features(
    decoder: nn.Module, config: HypernetConfig, ids: Tensor, visit: Callable[[Tensor], object]
) -> None:
    """Call ``visit`` with each feature [C, T, H] in layer order, so that only one need be kept at a time.

    ``per_layer``: what each of the first L - 1 blocks is fed, then what the last of them gives, normed.
    ``early_exit``: what block ``exit_layer`` gives, normed. Later blocks do not run.
    """
    if config.feature_kind == "per_layer":
        first = _first_blocks(decoder, config.num_layers - 1, visit)
    elif config.feature_kind == "early_exit" and config.exit_layer is not None:
        first = _first_blocks(decoder, config.exit_layer, None)
    else:
        raise ValueError(f"feature kind {config.feature_kind!r} has no features one by one")
    with bare():
        visit(first(input_ids=ids, use_cache=False, output_hidden_states=False).last_hidden_state)


class _Tap(nn.Module):
    """A block that shows what it is fed, and is otherwise the block, or where it ``runs`` not, nothing."""

    runs = True

    def __init__(self, block: nn.Module, visit: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.block, self.visit = block, visit

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Any:
        self.visit(hidden_states)
        return self.block(hidden_states, *args, **kwargs) if self.runs else hidden_states

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.block, name)


def _first_blocks(decoder: Any, count: int, visit: Callable[[Tensor], object] | None) -> nn.Module:
    """The decoder cut off after ``count`` blocks, final norm kept: a view that shares the weights.

    The decoder itself is not touched, so other threads may be using it.
    """
    if count > len(decoder.layers):
        raise ValueError(f"the context encoder has {len(decoder.layers)} blocks, the features need {count}")
    view: nn.Module = copy.copy(decoder)
    blocks = [block if visit is None else _Tap(block, visit) for block in decoder.layers[:count]]
    view._modules = {**decoder._modules, "layers": nn.ModuleList(blocks)}
    return view
