"""States of a frozen base that are computed once: kept on disk, mapped into memory, within bounds.

A file of bfloat16 numbers is only ever added to; beside it an index says where each sequence's states lie. An
entry is written after what it points to, so a run that is killed loses the last ones and reads nothing torn.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

_ENTRY = struct.Struct("<16sqq")  # digest, first token, how many


class StateFile:
    """States [T, width] of token sequences, at most ``limit`` bytes of them; beyond that nothing is kept."""

    def __init__(self, path: Path, width: int, limit: int) -> None:
        self.width, self.limit = width, limit
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._index = path, path.with_suffix(".index")
        self._found: dict[bytes, tuple[int, int]] = {}
        self._tokens = path.stat().st_size // (2 * width) if path.exists() else 0
        self._map: np.memmap | None = None
        if self._index.exists():
            raw = self._index.read_bytes()
            whole = raw[: len(raw) // _ENTRY.size * _ENTRY.size]
            if len(whole) < len(raw):
                self._index.write_bytes(whole)
            for digest, start, count in _ENTRY.iter_unpack(whole):
                if start + count <= self._tokens:
                    self._found[digest] = (start, count)

    def __contains__(self, ids: Sequence[int]) -> bool:
        return _digest(ids) in self._found

    @property
    def full(self) -> bool:
        return self._tokens * 2 * self.width >= self.limit

    def add(self, sequences: Sequence[Sequence[int]], states: Sequence[Tensor]) -> None:
        """Keep the states of these sequences, as far as there is room."""
        if self.full:
            return
        start = self._tokens
        entries = []
        with self._path.open("r+b" if self._path.exists() else "w+b") as file:
            file.seek(start * 2 * self.width)
            file.truncate()
            for ids, state in zip(sequences, states, strict=True):
                file.write(state.to("cpu", torch.bfloat16).contiguous().view(torch.int16).numpy().tobytes())
                entries.append((_digest(ids), start, len(state)))
                start += len(state)
        with self._index.open("ab") as file:
            file.write(b"".join(_ENTRY.pack(*entry) for entry in entries))
        self._found |= {digest: (begin, count) for digest, begin, count in entries}
        self._tokens, self._map = start, None

    def get(self, ids: Sequence[int]) -> Tensor:
        """The kept states [T, width] in bfloat16. Raises KeyError where there are none."""
        start, count = self._found[_digest(ids)]
        if self._map is None:
            self._map = np.memmap(self._path, np.int16, "r", shape=(self._tokens, self.width))
        return torch.from_numpy(self._map[start : start + count].copy()).view(torch.bfloat16)


def _digest(ids: Sequence[int]) -> bytes:
    return hashlib.blake2b(array("i", ids).tobytes(), digest_size=16).digest()
