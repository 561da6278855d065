"""Context manager that applies one adapter per batch row to a frozen model, without touching its weights.

Axes: N batch rows, T tokens, G adapters (N a multiple of G, rows of one adapter adjacent), L adapted layers,
R rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypernet.lora.adapter import LoRA

_bare: ContextVar[bool] = ContextVar("_bare", default=False)

RANK_BLOCK = 16
"""Ranks of a batch are padded to a multiple of this.

Matrix libraries sum such ranks in the same order whatever rank stands behind them. Smaller ones they do not:
a row would be rounded otherwise beside a wider one.
"""


@contextmanager
def apply(model: nn.Module, lora: LoRA | Sequence[LoRA | None]) -> Iterator[None]:
    """Answer with ``lora`` on every batch row, or with one adapter (or none) per row, inside the block.

    Ranks, scalings, dtypes and target modules may differ from row to row, and no row's numbers enter
    another's: on a CPU they are, bit for bit, those of a batch as large whose other rows have no adapter.
    Leaving the block, also by an exception, restores the model exactly: adapters live in forward hooks and
    never in its weights. Blocks nest, and add up. A batch of a multiple of the rows works too: each adapter
    then serves adjacent rows (beams). Raises ValueError when an adapter does not fit the model, or the batch
    has another number of rows.
    """
    rows = [lora] if isinstance(lora, LoRA) else list(lora)
    if not rows:
        raise ValueError("expected an adapter or None for every batch row, found no rows")
    if all(row is rows[0] for row in rows):
        rows = rows[:1]
    known = [row for row in rows if row is not None]
    if not known:
        yield
        return
    if others := {row.layers for row in known} - {known[0].layers}:
        raise ValueError(f"adapters of one batch adapt layers {known[0].layers} and {others.pop()}")
    scalings = [1.0 if row is None else row.scaling for row in rows]
    with apply_factors(model, _stack(model, rows, known), scalings, known[0].layers):
        yield


@contextmanager
def apply_factors(
    model: nn.Module,
    factors: Mapping[str, tuple[Tensor, Tensor]],
    scaling: float | Sequence[float],
    which: tuple[int, ...] | None = None,
) -> Iterator[None]:
    """Like ``apply``, for stacked (and differentiable) factors of the layers ``which`` (None: all).

    ``scaling`` is one for all, or one for each of the G adapters.

    ``factors`` is {module: (A [G, L, R, d_in], B [G, L, R, d_out])}; they are moved to the model's device.
    Deltas are computed in the factors' dtype (on a CPU at least float32); the sum is cast to the base's.
    """
    placed = [(_adapted(model, name, which), name, a, b) for name, (a, b) in factors.items()]
    for layers, name, a, b in placed:
        _check_fit(layers, name, a, b)
    handles = []
    scalings = [scaling] if isinstance(scaling, int | float) else list(scaling)
    try:
        for layers, _, a, b in placed:
            a, b = (_placed(t, layers[0].weight.device) for t in (a, b))
            for i, layer in enumerate(layers):
                device = layer.weight.device
                hook = _hook(a[:, i].to(device), b[:, i].to(device), scalings)
                handles.append(layer.register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def bare() -> Iterator[None]:
    """Inside, this thread sees the model without any adapter, whatever is applied to it here or elsewhere."""
    token = _bare.set(True)
    try:
        yield
    finally:
        _bare.reset(token)


def blocks(model: nn.Module) -> nn.ModuleList:
    """The model's decoder blocks. Raises ValueError for a model that has no list called ``layers``."""
    for path, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and path.rpartition(".")[2] == "layers":
            return module
    raise ValueError(f"{type(model).__name__} has no list of blocks called 'layers'")


def target_layers(model: nn.Module, name: str) -> list[nn.Linear]:
    """The linear layers called ``name``, one per base layer, in order. Raises ValueError when there is none.

    Blocks are alike, so the path is looked up in the first and followed in all.
    """
    layers = blocks(model)
    linear = [p for p, m in layers[0].named_modules() if isinstance(m, nn.Linear)]
    path = next((p for p in linear if p.rpartition(".")[2] == name), None)
    if path is None:
        known = sorted({p.rpartition(".")[2] for p in linear})
        raise ValueError(f"the model has no linear layers called {name!r}; it has {', '.join(known)}")
    return [layer.get_submodule(path) for layer in layers]  # type: ignore[misc]  # Linear: blocks are alike


def _adapted(model: nn.Module, name: str, which: tuple[int, ...] | None) -> list[nn.Linear]:
    layers = target_layers(model, name)
    if which is None:
        return layers
    if which and which[-1] >= len(layers):
        raise ValueError(f"the adapter is for layer {which[-1]} of {name}; the model has {len(layers)}")
    return [layers[i] for i in which]


def _check_fit(layers: Sequence[nn.Linear], name: str, a: Tensor, b: Tensor) -> None:
    for layer in layers:
        wanted = (len(layers), layer.in_features, layer.out_features)
        found = (a.size(1), a.size(-1), b.size(-1))
        if wanted != found:
            raise ValueError(
                f"the adapter does not fit the model, whose {name} has {wanted[0]} layers "
                f"{wanted[1]} -> {wanted[2]}: it was made for {found[0]} layers {found[1]} -> {found[2]}"
            )


def _placed(factor: Tensor, device: torch.device) -> Tensor:
    """On ``device``; half precision becomes float32 on a CPU, where it is slow and buys nothing."""
    half = device.type == "cpu" and factor.dtype in (torch.float16, torch.bfloat16)
    return factor.to(device, torch.float32 if half else None)


def _stack(
    model: nn.Module, rows: Sequence[LoRA | None], known: Sequence[LoRA]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Every row's factors, zero-padded to one rank and stacked."""
    stacked = {}
    for module in sorted({m for lora in known for m in lora.A}):
        device = target_layers(model, module)[0].weight.device
        here = [row if row is not None and module in row.A else None for row in rows]
        a = [None if row is None else _placed(row.A[module], device) for row in here]
        b = [None if row is None else _placed(row.B[module], device) for row in here]
        stacked[module] = (_stack_rows(module, a), _stack_rows(module, b))
    return stacked


def _stack_rows(module: str, rows: Sequence[Tensor | None]) -> Tensor:
    """Factors [L, R, d] or None -> [G, L, R, d], where None is zero; of several rows at least in float32."""
    known = [row for row in rows if row is not None]
    shapes = {(row.size(0), row.size(2)) for row in known}
    if len(shapes) > 1:
        raise ValueError(f"adapters of one batch are for different models: {module} (layers, width) {shapes}")
    if len(rows) == 1:
        return known[0][None]
    rank = -(-max(row.size(1) for row in known) // RANK_BLOCK) * RANK_BLOCK
    dtype = reduce(torch.promote_types, (row.dtype for row in known), torch.float32)
    layers, width = shapes.pop()
    none = known[0].new_zeros(layers, 0, width)
    placed = [none if row is None else row for row in rows]
    # Padded apart: writing them into one tensor would copy all of its gradient once for each row.
    return torch.stack([F.pad(row.to(dtype), (0, 0, 0, rank - row.size(1))) for row in placed])


def _hook(
    a: Tensor, b: Tensor, scalings: Sequence[float]
) -> Callable[[nn.Module, Any, Tensor], Tensor | None]:
    """A forward hook that adds ``scaling * B^T A x`` to the output: a [G, R, d_in], b [G, R, d_out].

    ``scalings`` are one or G.
    """
    groups = a.size(0)
    own = a.new_tensor(scalings)[:, None, None]  # [1 or G, 1, 1]

    def add_delta(_module: nn.Module, args: Any, output: Tensor) -> Tensor | None:
        if _bare.get():
            return None
        x = args[0].to(a.dtype)
        if x.size(0) % groups:
            raise ValueError(f"{groups} adapters were applied to a batch of {x.size(0)} rows")
        if groups == 1:
            hidden = F.linear(x, a[0]).flatten(0, -2)  # [N*T, R]
            total = torch.addmm(output.flatten(0, -2).to(a.dtype), hidden, b[0], alpha=scalings[0])
        else:
            hidden = torch.bmm(x.reshape(groups, -1, x.size(-1)), a.transpose(1, 2))  # [G, N/G*T, R]
            base = output.reshape(groups, -1, output.size(-1)).to(a.dtype)
            total = torch.baddbmm(base, hidden * own, b)
        return total.view(output.shape).to(output.dtype)

    return add_delta
