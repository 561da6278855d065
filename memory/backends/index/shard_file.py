"""An index shard on disk, so that a restart need not read every embedding from SQL.

The file is a cache: one that is missing, cut short, altered or of another format is simply not used.
Layout: sha256 of all that follows, then a NumPy archive of vectors, codes and a JSON header.
"""

from __future__ import annotations

import hashlib
import json
from io import BytesIO
from pathlib import Path

import numpy as np

from memory.backends.index.shard import Shard
from memory.files import translated, write_whole
from memory.ports import Version

FORMAT = 1
_DIGEST_BYTES = 32


def save(shard: Shard, path: Path) -> None:
    """Write the shard, whole or not at all. Raises StoreError."""
    header = {
        "format": FORMAT,
        "dim": shard.dim,
        "version": [shard.version.seq, shard.version.last],
        "ids": shard.ids,
        "names": shard.names,
    }
    buffer = BytesIO()
    encoded = np.frombuffer(json.dumps(header).encode(), np.uint8)
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
    with np.load(BytesIO(body), allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        if header["format"] != FORMAT or header["dim"] != dim:
            return None
        shard = Shard(dim, Version(*header["version"]), names=header["names"])
        shard.restore(header["ids"], archive["codes"], archive["vectors"])
    return shard
