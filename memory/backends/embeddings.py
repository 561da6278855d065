"""Embeddings as bytes: float32, little-endian, concatenated."""

from __future__ import annotations

from collections.abc import Sequence

from memory.errors import IncompatibleAdapter, InvalidInput
from memory.ports import Vectors
from memory.records import MemoryRecord

_FLOAT32 = "<f4"
NUMBER_BYTES = 4


def to_bytes(records: Sequence[MemoryRecord], vectors: Vectors) -> list[bytes]:
    """Each record's embedding as it is kept. Raises InvalidInput unless vectors is finite [N, dim]."""
    import numpy as np

    shape = (len(records), records[0].dim if records else 0)
    if vectors.shape != shape or any(record.dim != shape[1] for record in records):
        raise InvalidInput(
            f"{len(records)} records of dim {shape[1]} need vectors {shape}, got {vectors.shape}"
        )
    if not np.isfinite(vectors).all():
        raise InvalidInput("an embedding holds numbers that are not finite; check the embedder")
    return [vector.astype(_FLOAT32).tobytes() for vector in vectors]


def to_vector(embedding: bytes) -> Vectors:
    """One embedding as float32 [D]; a copy, for a product's last bit depends on where its numbers lie."""
    import numpy as np

    return np.frombuffer(embedding, _FLOAT32).astype(np.float32)


def to_vectors(embeddings: Sequence[bytes]) -> Vectors:
    """Embeddings of one dimension as float32 [N, D]; [0, 0] for none."""
    import numpy as np

    if not embeddings:
        return np.zeros((0, 0), np.float32)
    if len({len(embedding) for embedding in embeddings}) > 1:
        raise IncompatibleAdapter("embeddings of one name have several dimensions; run `memory reindex`")
    flat = np.frombuffer(b"".join(embeddings), _FLOAT32).astype(np.float32)
    return flat.reshape(len(embeddings), -1)


def are_finite(*vectors: Vectors) -> bool:
    """Whether embeddings, each [D], hold numbers alone."""
    import numpy as np

    return not vectors or bool(np.isfinite(np.concatenate(vectors)).all())
