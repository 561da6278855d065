"""A bag-of-words Embedder: texts that share words are similar."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from memory.ports import Vectors

_WORD = re.compile(r"\w+")


class WordEmbedder:
    """Each word adds a fixed pseudo-random direction. Deterministic in every process."""

    def __init__(self, *, dim: int = 64, name: str = "words") -> None:
        self._dim = dim
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    @property
    def dim(self) -> int:
        return self._dim

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[N] texts -> float32 [N, dim] of length 1."""
        vectors = np.array([self._sum(text) for text in texts], np.float32).reshape(len(texts), self._dim)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _sum(self, text: str) -> Vectors:
        words = set(_WORD.findall(text.lower())) or {""}
        return np.sum([self._direction(word) for word in sorted(words)], axis=0, dtype=np.float32)

    def _direction(self, word: str) -> Vectors:
        seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        return np.random.default_rng(seed).normal(size=self._dim).astype(np.float32)
