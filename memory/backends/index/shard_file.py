"""An index shard on disk, so that a restart need not read every embedding from SQL.

The file is a cache: one that is missing, cut short, altered or of another format is simply not used.
Layout: sha256 of all that follows, then a NumPy archive of vectors, codes and a JSON header.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Field

from memory.backends.index.shard import Shard
from memory.files import translated, write_whole
from memory.ports import Version
from memory.records import SCOPE_FIELDS

FORMAT = 1
_DIGEST_BYTES = 32
_UNREADABLE = (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error)


class _Header(BaseModel):
    """What the file says beside its arrays."""

    format: int
    dim: int
    version: tuple[int, str]
    ids: list[str]
    names: list[dict[str, int]] = Field(min_length=len(SCOPE_FIELDS), max_length=len(SCOPE_FIELDS))


def save(shard: Shard, path: Path) -> None:
    """Write the shard, whole or not at all. Raises StoreError."""
    version = (shard.version.seq, shard.version.last)
    header = _Header(format=FORMAT, dim=shard.dim, version=version, ids=shard.ids, names=shard.names)
    buffer = BytesIO()
    encoded = np.frombuffer(header.model_dump_json().encode(), np.uint8)
    np.savez(buffer, header=encoded, codes=shard.codes, vectors=shard.vectors)
    body = buffer.getvalue()
    with translated(path.parent):
        write_whole(path, hashlib.sha256(body).digest() + body)


def load(path: Path, dim: int) -> Shard | None:
    """The shard in the file; None where there is none that can be used."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != digest:
        return None
    try:
        return _read(body, dim)
    except _UNREADABLE:  # anybody can hash junk
        return None


def _read(body: bytes, dim: int) -> Shard:
    """The shard in the body of a file. Raises one of _UNREADABLE where it is none of ours."""
    with np.load(BytesIO(body), allow_pickle=False) as archive:
        header = _Header.model_validate_json(archive["header"].tobytes(), strict=True)
        codes, vectors = archive["codes"], archive["vectors"]
    count = len(header.ids)
    if (header.format, header.dim, len(set(header.ids))) != (FORMAT, dim, count):
        raise ValueError("made by another version, for another embedder, or with an id twice")
    if (codes.shape, codes.dtype) != ((count, len(SCOPE_FIELDS)), np.int32):
        raise ValueError("not as many codes as ids")
    if (vectors.shape, vectors.dtype) != ((count, dim), np.float32) or not np.isfinite(vectors).all():
        raise ValueError("not as many vectors as ids, or not all of numbers")
    for column, named in zip(codes.T.tolist(), header.names, strict=True):
        if not {*column} <= {0, *named.values()}:
            raise ValueError("a code without a name")
    shard = Shard(dim, Version(*header.version), names=header.names)
    shard.restore(header.ids, codes, vectors)
    return shard
