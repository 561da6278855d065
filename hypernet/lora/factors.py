"""The plain content of an adapter, as its file formats see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class Factors(NamedTuple):
    """A [L, R, d_in] and B [L, R, d_out] per target module, the factor that scales their product, and the
    base layers that L stands for: all of them with None."""

    A: Mapping[str, Tensor]
    B: Mapping[str, Tensor]
    scaling: float
    layers: tuple[int, ...] | None = None
