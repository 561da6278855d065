"""The LoRA value type: low-rank factors for every target module of a base model.

Axes: L adapted layers, R rank. ``delta W = scaling * B^T A`` per layer, with A [L, R, d_in], B [L, R, d_out].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from hypernet.lora import latents, packing, peft_format
from hypernet.lora.factors import Factors
from hypernet.lora.latents import Latents

SCALINGS = (2.0**-64, 2.0**64)
"""Least and largest magnitude of a scaling: its product with a factor stays a float32 number."""


@dataclass(frozen=True, eq=False)
class LoRA:
    """Factors ``A`` and ``B`` per target module, and the one factor that scales their product.

    ``layers`` names the base layers that the factors' first axis stands for, in rising order; None means all.
    ``latents`` is what its hypernetwork can make it of again, where it keeps less than the factors.
    """

    A: Mapping[str, Tensor]
    B: Mapping[str, Tensor]
    scaling: float
    layers: tuple[int, ...] | None = None
    latents: Latents | None = None

    def __post_init__(self) -> None:
        if not self.A or self.A.keys() != self.B.keys():
            raise ValueError(f"A and B must name the same modules, got {sorted(self.A)} and {sorted(self.B)}")
        for module, a in self.A.items():
            b = self.B[module]
            if a.ndim != 3 or b.ndim != 3 or a.shape[:2] != b.shape[:2]:
                shapes = f"{tuple(a.shape)} and {tuple(b.shape)}"
                raise ValueError(f"{module}: A and B must be [layers, rank, dim] alike, got {shapes}")
            if self.layers is not None and len(self.layers) != a.size(0):
                raise ValueError(f"{module}: factors of {a.size(0)} layers, named are {self.layers}")
        if not SCALINGS[0] <= abs(self.scaling) <= SCALINGS[1]:
            raise ValueError(f"the scaling of an adapter must be finite and not 0, got {self.scaling}")

    @property
    def modules(self) -> tuple[str, ...]:
        return tuple(sorted(self.A))

    @property
    def rank(self) -> int:
        """The largest rank of any module."""
        return max(a.size(1) for a in self.A.values())

    @property
    def nbytes(self) -> int:
        """Bytes that the factors take, in their present dtype."""
        return sum(t.nbytes for table in (self.A, self.B) for t in table.values())

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> LoRA:
        """The adapter on another device or in another dtype; what need not move is shared."""
        moved = self._map(lambda t: t.to(device=device, dtype=dtype))
        return replace(moved, latents=self.latents) if dtype is None else moved

    def scaled(self, weight: float) -> LoRA:
        """The adapter with its effect times ``weight``; only A is touched, so the effect is linear in it."""
        return replace(self, A={m: a * weight for m, a in self.A.items()}, latents=None)

    def rescaled(self, scaling: float) -> LoRA:
        """The same effect written with another ``scaling``; the difference goes into A."""
        if scaling == self.scaling:
            return self
        if scaling == 0:
            raise ValueError("an adapter cannot be written with scaling 0")
        return replace(self.scaled(self.scaling / scaling), scaling=scaling)

    def padded(self, rank: int) -> LoRA:
        """The same effect with every module at exactly ``rank``; the rows added are zero."""
        if rank < self.rank:
            raise ValueError(
                f"cannot pad rank {self.rank} to {rank}: truncate(rank) makes an adapter smaller"
            )
        return self._map(lambda t: F.pad(t, (0, 0, 0, rank - t.size(1))))

    def compact(self) -> LoRA:
        """The same effect without the rows of A that are zero in every layer; one row stays at least."""
        a, b = {}, {}
        for module in self.modules:
            kept = self.A[module].abs().amax(dim=(0, 2)) > 0
            kept[0] |= not kept.any()
            a[module], b[module] = self.A[module][:, kept], self.B[module][:, kept]
        return replace(self, A=a, B=b, latents=None)

    def truncate(self, rank: int) -> LoRA:
        """The adapter of at most ``rank`` whose product is nearest, layer by layer, in least squares.

        Computed by SVD of the small core between the QR factors of A^T and B^T, never of the full matrix.
        """
        if rank < 1:
            raise ValueError(f"rank must be at least 1, got {rank}")
        pairs = {m: _truncate(self.A[m], self.B[m], rank) for m in self.modules}
        a, b = ({m: pair[side] for m, pair in pairs.items()} for side in (0, 1))
        return replace(self, A=a, B=b, latents=None)

    @staticmethod
    def concat(loras: Sequence[LoRA]) -> LoRA:
        """The exact sum of the adapters' effects: their factors side by side on the rank dimension.

        Adapters may differ in rank, in scaling (written with that of the first) and in the modules they
        touch. Raises ValueError when there are none, or when they were made for different base models or
        other layers.
        """
        if not loras:
            raise ValueError("cannot concatenate no adapters at all")
        first = loras[0]
        if others := {lora.layers for lora in loras} - {first.layers}:
            raise ValueError(f"adapters of layers {first.layers} and {others.pop()} do not fit together")
        alike = [lora.rescaled(first.scaling) for lora in loras]
        modules = sorted({m for lora in loras for m in lora.A})
        return LoRA(
            {m: _cat(m, [lora.A[m] for lora in alike if m in lora.A]) for m in modules},
            {m: _cat(m, [lora.B[m] for lora in alike if m in lora.B]) for m in modules},
            first.scaling,
            first.layers,
            _cat_latents([lora.latents for lora in alike]),
        )

    def to_bytes(self, storage: str | None = None) -> bytes:
        """One safetensors blob; equal adapters give equal bytes. See ``packing.pack`` for ``storage``.

        Of an adapter with latents these alone, in int8: whatever ``storage`` says where it was made of them.
        """
        if self.latents is not None and (storage == "int8" or not self.latents.rounded):
            return latents.pack(self.latents)
        return packing.pack(Factors(self.A, self.B, self.scaling, self.layers), storage)

    @staticmethod
    def from_bytes(data: bytes) -> LoRA:
        """Read ``to_bytes``. Raises ValueError for anything else, damaged blobs included.

        What was kept as latents needs its hypernetwork: ``DocToLoRA.unpack``.
        """
        return LoRA(*packing.unpack(data))

    def save_pretrained(self, folder: str | Path, *, base_model_name: str = "") -> None:
        """Write a PEFT adapter folder, which gives the same logits through ``peft``."""
        alike = self.padded(self.rank)
        factors = Factors(alike.A, alike.B, alike.scaling, alike.layers)
        peft_format.save(factors, folder, base_model_name=base_model_name)

    @staticmethod
    def from_pretrained(folder: str | Path) -> LoRA:
        """Read a PEFT adapter folder. Raises ValueError when it holds anything but a plain LoRA."""
        return LoRA(*peft_format.load(folder))

    def _map(self, change: Callable[[Tensor], Tensor]) -> LoRA:
        a, b = ({m: change(t) for m, t in table.items()} for table in (self.A, self.B))
        return replace(self, A=a, B=b, latents=None)


def _cat_latents(several: Sequence[Latents | None]) -> Latents | None:
    """The latents of a concatenation, where each part has some."""
    known = [one for one in several if one is not None]
    return Latents.concat(known) if len(known) == len(several) else None


def _cat(module: str, factors: list[Tensor]) -> Tensor:
    shapes = {(t.size(0), t.size(2)) for t in factors}
    if len(shapes) > 1:
        raise ValueError(f"adapters do not fit together: (layers, width) of {module} are {sorted(shapes)}")
    return torch.cat(factors, dim=1) if len(factors) > 1 else factors[0]


def _truncate(a: Tensor, b: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """a [L, R, d_in], b [L, R, d_out] -> the same with R = rank; the singular values are shared evenly."""
    if a.size(1) <= rank:
        return a, b
    qa, ra = torch.linalg.qr(a.float().mT)  # [L, d_in, K], [L, K, R]
    qb, rb = torch.linalg.qr(b.float().mT)
    u, s, vt = torch.linalg.svd(rb @ ra.mT, full_matrices=False)  # B^T A = qb (rb ra^T) qa^T
    root = s[:, :rank, None].sqrt()  # [L, rank, 1]
    new_a = root * (vt[:, :rank] @ qa.mT)
    new_b = root * (qb @ u[:, :, :rank]).mT
    return new_a.to(a.dtype), new_b.to(b.dtype)
