"""Search of a large shard on a GPU, where faiss is one that has GPUs (the package faiss-gpu).

The shard's own index, in main memory, stays the truth: the GPU has a copy of it, made when it is first
searched after a change. FAISS's flat index on a GPU knows no selectors, so more than k are asked for
and those of other scopes left out; where too few are left, the shard searches by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory.ports import Vectors

FROM = 100_000  # memories; below, copying costs more than a search saves
_MORE = 4  # times as many as are wanted
_MOST = 2048  # neighbours that FAISS finds on a GPU


def has_gpu(faiss: Any) -> bool:
    """Whether this faiss was built for GPUs, and there is one."""
    return hasattr(faiss, "index_cpu_to_gpu") and faiss.get_num_gpus() > 0


class GpuCopy:
    """A copy of a flat index on the first GPU."""

    def __init__(self, faiss: Any, flat: Any) -> None:
        self._resources = faiss.StandardGpuResources()  # has to outlive the index
        self._index = faiss.index_cpu_to_gpu(self._resources, 0, flat)

    def search(self, vector: Vectors, k: int, inside: NDArray[np.bool_]) -> list[tuple[int, float]] | None:
        """The k nearest rows of those inside, with their inner products; None where that cannot be told."""
        asked = min(_MOST, len(inside), k * _MORE)
        [scores], [rows] = self._index.search(vector, asked)
        found = [
            (int(row), float(score))
            for row, score in zip(rows, scores, strict=True)
            if row >= 0 and inside[row]
        ]
        return found[:k] if len(found) >= k else None
