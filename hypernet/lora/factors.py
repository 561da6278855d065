"""The plain content of an adapter, as its file formats see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor


class Factors(NamedTuple):
    """A [L, R, d_in] and B [L, R, d_out] per target module, and the factor that scales their product."""

    A: Mapping[str, Tensor]
    B: Mapping[str, Tensor]
    scaling: float
