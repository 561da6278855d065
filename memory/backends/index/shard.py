"""The embeddings of one tenant by one embedder, searchable within a scope.

N memories, D dimensions. Whose a memory is stands beside its vector as small numbers, so that a scope is
one vectorised comparison over N, whatever the number of users.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memory.backends.index import on_gpu
from memory.ports import START, Changes, Vectors, Version
from memory.records import SCOPE_FIELDS, Scope

Codes = NDArray[np.int32]  # [N, 3]: user, agent, session; 0 stands for "not given"
Rows = NDArray[np.bool_]  # [N]


def _faiss() -> Any:
    """Imported at the first vector: listing memories, or none of them, searches nothing."""
    import faiss

    return faiss


def _no_codes() -> Codes:
    return np.zeros((0, len(SCOPE_FIELDS)), np.int32)


def _no_names() -> list[dict[str, int]]:
    return [{} for _ in SCOPE_FIELDS]


@dataclass
class Shard:
    """Not safe to share between threads; its owner locks."""

    dim: int
    version: Version = START
    names: list[dict[str, int]] = field(default_factory=_no_names)  # per scope field: name -> code
    ids: list[str] = field(default_factory=list, init=False)  # N
    codes: Codes = field(default_factory=_no_codes, init=False)

    def __post_init__(self) -> None:
        self._flat = _faiss().IndexFlatIP(self.dim)
        self._copy: on_gpu.GpuCopy | None = None  # of `_flat`, as it is now
        self._present: set[str] = set()
        self._next_code = 1 + max((code for codes in self.names for code in codes.values()), default=0)

    @property
    def vectors(self) -> Vectors:
        """[N, D], a copy."""
        return self._flat.reconstruct_n(0, len(self.ids)) if self.ids else np.zeros((0, self.dim), np.float32)

    def apply(self, changes: Changes) -> bool:
        """Come to the version of the changes; returns whether any vector was taken out."""
        gone = self._present if changes.full else self._present & {*changes.removed, *changes.ids}
        if gone:
            self._keep(np.fromiter((memory_id not in gone for memory_id in self.ids), bool, len(self.ids)))
        codes = np.array([self._encode(scope) for scope in changes.scopes], np.int32)
        self.restore(changes.ids, codes, changes.vectors)
        self.version = changes.version
        return bool(gone)

    def restore(self, ids: Sequence[str], codes: Codes, vectors: Vectors) -> None:
        """Append memories that are not in here, by the codes of this shard's names."""
        if not ids:
            return
        self._copy = None
        self._flat.add(np.ascontiguousarray(vectors))
        self.codes = np.concatenate([self.codes, codes])
        self.ids += ids
        self._present.update(ids)

    def _keep(self, kept: Rows) -> None:
        self._copy = None
        self._flat.remove_ids(_faiss().IDSelectorBatch(np.flatnonzero(~kept)))
        self.codes = self.codes[kept]
        self.ids = [memory_id for memory_id, keep in zip(self.ids, kept, strict=True) if keep]
        self._present = set(self.ids)
        for column, codes in enumerate(self.names):  # nobody is named here who has nothing left here
            used = set(self.codes[:, column].tolist())
            self.names[column] = {name: code for name, code in codes.items() if code in used}

    def _encode(self, scope: Scope) -> list[int]:
        given = (getattr(scope, name) for name in SCOPE_FIELDS)
        return [0 if value is None else self._code(column, value) for column, value in enumerate(given)]

    def _code(self, column: int, value: str) -> int:
        codes = self.names[column]
        if value not in codes:
            codes[value] = self._next_code
            self._next_code += 1
        return codes[value]

    def search(self, scope: Scope, vector: Vectors, k: int) -> list[tuple[str, float]]:
        """The k nearest of the scope and their inner products, for a query [1, D]."""
        inside = self._inside(scope)
        among = int(inside.sum())
        if among == 0:
            return []
        found = self._on_gpu(vector, min(k, among), inside)
        if found is not None:
            return [(self.ids[row], score) for row, score in found]
        bits = np.packbits(inside, bitorder="little")  # faiss keeps no copy: this has to outlive the search
        selector = _faiss().IDSelectorBitmap(bits)
        parameters = _faiss().SearchParameters(sel=selector)
        [scores], [rows] = self._flat.search(vector, min(k, among), params=parameters)
        return [(self.ids[row], float(score)) for row, score in zip(rows, scores, strict=True) if row >= 0]

    def _on_gpu(self, vector: Vectors, k: int, inside: Rows) -> list[tuple[int, float]] | None:
        """What a GPU finds; None where there is none, the shard is small, or most of it is not asked for."""
        if len(inside) < on_gpu.FROM or 2 * inside.sum() < len(inside) or not on_gpu.has_gpu(_faiss()):
            return None
        if self._copy is None:
            self._copy = on_gpu.GpuCopy(_faiss(), self._flat)
        return self._copy.search(vector, k, inside)

    def _inside(self, scope: Scope) -> Rows:
        """Which memories match each field that the scope gives."""
        inside = np.ones(len(self.ids), bool)
        for column, name in enumerate(SCOPE_FIELDS):
            value = getattr(scope, name)
            if value is not None:
                inside &= self.codes[:, column] == self.names[column].get(value, -1)
        return inside
