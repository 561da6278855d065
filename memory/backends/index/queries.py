"""What every index asks of a query and of rows before it compares them."""

from __future__ import annotations

import numpy as np

from memory.errors import IncompatibleAdapter, InvalidInput
from memory.ports import Changes, Vectors
from memory.records import Scope


def query_of(scope: Scope, vector: Vectors, dim: int) -> Vectors:
    """The query as [1, D]. Raises MissingScope, and InvalidInput for another shape."""
    scope.required()
    query = np.ascontiguousarray(np.atleast_2d(vector), np.float32)
    if query.shape != (1, dim):
        raise InvalidInput(f"a query is one vector of {dim} numbers, got shape {query.shape}")
    return query


def check_dim(missed: Changes, embedder: str, dim: int) -> None:
    """Raise IncompatibleAdapter for rows of another dimension: an embedder that changed under its name."""
    if missed.ids and missed.vectors.shape[1] != dim:
        raise IncompatibleAdapter(
            f"rows of {embedder!r} have {missed.vectors.shape[1]} dimensions, "
            f"the embedder in use has {dim}; run `memory reindex`"
        )
