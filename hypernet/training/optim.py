"""Muon for matrices, AdamW for the rest, behind one optimizer."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_NS = (3.4445, -4.7750, 2.0315)


class MuonAdamW(torch.optim.Optimizer):
    """Orthogonalised momentum for weights of two or more dimensions, AdamW for vectors and embeddings.

    Muon (Jordan et al. 2024) with the update scaled to AdamW's size (Liu et al. 2025, arXiv 2502.16982).
    ``torch.optim.Muon`` takes only 2-D weights; the heads here are stacks of matrices, one a base layer,
    which are orthogonalised as a batch.
    """

    def __init__(
        self,
        named: Iterable[tuple[str, nn.Parameter]],
        *,
        muon_lr: float = 4e-3,
        adam_lr: float = 2e-3,
        weight_decay: float = 0.02,
    ) -> None:
        named = list(named)
        muon = [p for name, p in named if _is_matrix(name, p)]
        rest = [p for name, p in named if not _is_matrix(name, p)]
        groups = [
            {"params": muon, "kind": "muon", "lr": muon_lr, "peak": muon_lr, "weight_decay": weight_decay},
            {"params": rest, "kind": "adam", "lr": adam_lr, "peak": adam_lr, "weight_decay": 0.0},
        ]
        super().__init__(groups, {})

    def set_lr(self, factor: float) -> None:
        """Every group's learning rate becomes its peak times ``factor``."""
        for group in self.param_groups:
            group["lr"] = group["peak"] * factor

    @torch.no_grad()
    def step(self, _closure: None = None) -> None:  # type: ignore[override]  # no closure is ever used
        for group in self.param_groups:
            update = self._muon if group["kind"] == "muon" else self._adam
            for alike in _by_shape(p for p in group["params"] if p.grad is not None):
                for p, change in zip(alike, update(alike), strict=True):
                    p.mul_(1 - group["lr"] * group["weight_decay"])
                    p.sub_(change, alpha=group["lr"])

    def _muon(self, alike: list[nn.Parameter]) -> Tensor:
        """Matrices of one shape are orthogonalised as a batch, which saves calls of small products."""
        towards = []
        for p in alike:
            momentum = self.state[p].setdefault("momentum", torch.zeros_like(p))
            assert p.grad is not None
            momentum.lerp_(p.grad, 0.05)
            towards.append(p.grad.lerp(momentum, 0.95))
        return orthogonalise(torch.stack(towards)) * (0.2 * max(alike[0].shape[-2:]) ** 0.5)

    def _adam(self, alike: list[nn.Parameter]) -> list[Tensor]:
        return [self._adam_update(p) for p in alike]

    def _adam_update(self, p: Tensor) -> Tensor:
        state = self.state[p]
        if not state:
            state.update(step=0, first=torch.zeros_like(p), second=torch.zeros_like(p))
        assert p.grad is not None
        state["step"] += 1
        state["first"].lerp_(p.grad, 0.1)
        state["second"].lerp_(p.grad.square(), 0.02)
        first = state["first"] / (1 - 0.9 ** state["step"])
        second = state["second"] / (1 - 0.98 ** state["step"])
        return first / (second.sqrt() + 1e-8)


def _by_shape(parameters: Iterable[nn.Parameter]) -> list[list[nn.Parameter]]:
    found: dict[torch.Size, list[nn.Parameter]] = {}
    for p in parameters:
        found.setdefault(p.shape, []).append(p)
    return list(found.values())


def _is_matrix(name: str, p: Tensor) -> bool:
    return p.ndim >= 2 and not any(word in name for word in ("embed", "latents", "bias", "scaler", "lm_head"))


def orthogonalise(matrices: Tensor, steps: int = 4) -> Tensor:
    """The nearest (semi-)orthogonal matrices to [..., rows, cols], by Newton-Schulz iteration, roughly.

    The iteration forgives rounding, so on a GPU it runs in bfloat16; on most CPUs that is five times slower.
    """
    a, b, c = _NS
    dtype = torch.bfloat16 if matrices.is_cuda else torch.float32
    x = (matrices.mT if matrices.size(-2) > matrices.size(-1) else matrices).to(dtype)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return (x.mT if matrices.size(-2) > matrices.size(-1) else x).to(matrices.dtype)
