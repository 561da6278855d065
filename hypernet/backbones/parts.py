"""Views of a decoder in which only some of its blocks run; they share its weights and leave it untouched.

Blocks that nobody trains give the same states in every step. ``fed`` computes them, to be kept, and
``resumed`` goes on from there. In a view every block keeps its place, because some architectures look up by
its number what mask a block needs.

Axes: N rows, T tokens, H hidden width.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Tap(nn.Module):
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


class _Absent(nn.Module):
    """Stands where a block does not run: gives on what it is fed, or ``states`` in its place."""

    def __init__(self, states: Tensor | None = None) -> None:
        super().__init__()
        self.states = states

    def forward(self, hidden_states: Tensor, *_args: Any, **_kwargs: Any) -> Tensor:
        return hidden_states if self.states is None else self.states


def first_blocks(decoder: Any, count: int, visit: Callable[[Tensor], object] | None) -> nn.Module:
    """The decoder cut off after ``count`` blocks, final norm kept; ``visit`` sees what each block is fed."""
    if count > len(decoder.layers):
        raise ValueError(f"the context encoder has {len(decoder.layers)} blocks, the features need {count}")
    return _view(decoder, [block if visit is None else Tap(block, visit) for block in decoder.layers[:count]])


@torch.no_grad()
def fed(decoder: Any, layers: Sequence[int], **inputs: Any) -> list[Tensor]:
    """What the blocks ``layers``, in rising order, are fed: [N, T, H] each. No block above them runs."""
    seen: list[Tensor] = []
    view: Any = first_blocks(decoder, layers[-1] + 1, seen.append)
    view.layers[-1].runs = False
    view(**inputs, use_cache=False)
    return [seen[layer] for layer in layers]


def resumed(decoder: Any, layer: int, states: Tensor, last: int | None = None, **inputs: Any) -> Tensor:
    """The decoder's output from what block ``layer`` is fed, [N, T, H]; blocks after ``last`` do not run.

    ``inputs`` are position ids and mask, as in the pass that gave ``states``.
    """
    if not 0 < layer < len(decoder.layers):
        raise ValueError(f"a pass goes on from block 1 to {len(decoder.layers) - 1}, not from {layer}")
    last = len(decoder.layers) - 1 if last is None else last
    below = [*(_Absent() for _ in range(layer - 1)), _Absent(states)]
    above = [block if number <= last else _Absent() for number, block in enumerate(decoder.layers)]
    view: Any = _view(decoder, [*below, *above[layer:]])
    out: Tensor = view(inputs_embeds=states, use_cache=False, **inputs).last_hidden_state
    return out


def _view(decoder: Any, blocks: Sequence[nn.Module]) -> nn.Module:
    """The decoder with other blocks; itself untouched, so other threads may be using it."""
    view: nn.Module = copy.copy(decoder)
    view._modules = {**decoder._modules, "layers": nn.ModuleList(blocks)}
    return view
