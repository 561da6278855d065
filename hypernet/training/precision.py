"""Mixed precision on CPU: bfloat16 matrix products, float32 for everything else.

Autocast would also run attention's backward pass and the norms in bfloat16, which is slower than float32
on such CPUs; the products alone take two thirds of a step and run two to four times faster.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


class _MixedLinear(torch.autograd.Function):
    """x [N, d_in] @ W^T [d_in, d_out] with both operands rounded to bfloat16, in and out float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        x16, w16 = x.bfloat16(), weight.bfloat16()
        ctx.save_for_backward(x16, w16)
        return (x16 @ w16.t()).float()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor | None, Tensor | None]:
        x16, w16 = ctx.saved_tensors
        g16 = grads[0].bfloat16()
        return (g16 @ w16).float(), (g16.t() @ x16).float()


def _forward(layer: nn.Linear, x: Tensor) -> Tensor:
    # torch does not annotate Function.apply.
    out: Tensor = _MixedLinear.apply(x.flatten(0, -2), layer.weight)  # type: ignore[no-untyped-call]
    return out.view(*x.shape[:-1], -1)


def mix_linears(model: nn.Module) -> None:
    """Let every bias-free linear layer of ``model`` multiply in bfloat16; weights stay float32."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear) and layer.bias is None:
            layer.forward = partial(_forward, layer)


class _FrozenLinear(torch.autograd.Function):
    """The same for a weight that is not trained, kept in bfloat16; the gradient reaches x alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return (x.bfloat16() @ weight.t()).float()

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None]:
        (weight,) = ctx.saved_tensors
        return (grads[0].bfloat16() @ weight).float(), None


def _frozen_forward(layer: nn.Linear, weight: Tensor, x: Tensor) -> Tensor:
    # torch does not annotate Function.apply.
    out: Tensor = _FrozenLinear.apply(x.flatten(0, -2), weight)  # type: ignore[no-untyped-call]
    out = out.view(*x.shape[:-1], -1)
    return out if layer.bias is None else out + layer.bias


def mix_frozen(model: nn.Module) -> None:
    """Let every linear layer of a frozen float32 ``model`` multiply in bfloat16, by a copy of its weight."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            forward = partial(_frozen_forward, layer, layer.weight.detach().bfloat16())
            layer.forward = forward  # type: ignore[method-assign]  # of this one layer


def has_fast_bfloat16() -> bool:
    """Whether this CPU multiplies bfloat16 in hardware."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
