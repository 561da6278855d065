"""Embedder on any sentence-transformers model: a folder, or a hub id (extra `embedder`).

A folder is named by its own name and a hash of its files: other weights in it are another embedder, the same
folder elsewhere is not.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from memory.backends.model.batcher import Batcher
from memory.errors import ModelUnavailable
from memory.ports import Vectors

BATCH = 32
LAYOUT = "modules.json"  # what every folder of sentence-transformers has
_READ = (".json", ".safetensors", ".bin", ".txt", ".model")  # weights, sizes, pooling, vocabulary
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


class SentenceEmbedder:
    """Text -> D numbers, pooled as the model's own configuration says. Safe to share between threads.

    The model is loaded when its dimension or the first vector is asked for: torch and it take seconds.
    """

    def __init__(self, where: str, *, device: str | None = None) -> None:
        """Take a folder or a hub id; without a device, a GPU where there is one. Raises ModelUnavailable."""
        folder = Path(where).expanduser()
        self._folder = folder.resolve() if folder.is_dir() else None
        self._where, self._device = where, device
        self._loading = RLock()
        self._batcher = Batcher(self._embed, most=BATCH)
        self._require_usable()

    @cached_property
    def name(self) -> str:
        return self._where if self._folder is None else f"{self._folder.name}@{_hash(self._folder)}"

    @property
    def dim(self) -> int:
        """Raises ModelUnavailable."""
        return self._loaded[1]

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[N] texts -> float32 [N, D] of length 1. Raises ModelUnavailable."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        return np.stack(self._batcher(texts))

    def _embed(self, texts: list[str]) -> Vectors:
        return _unit(self._loaded[0].encode(texts, batch_size=BATCH, show_progress_bar=False))

    @property
    def _loaded(self) -> tuple[Any, int]:
        with self._loading:
            return self._model_and_dim

    @cached_property
    def _model_and_dim(self) -> tuple[Any, int]:
        from sentence_transformers import SentenceTransformer

        from hypernet.backbones import bases

        path = str(self._folder or self._where)
        try:
            with bases.quiet_when_local(path):
                model = SentenceTransformer(path, device=self._device or bases.default_device())
            return model, model.encode(["."], show_progress_bar=False).shape[1]
        except Exception as error:  # whatever the parts that a model's own configuration names raise
            reason = " ".join(str(error).split())
            raise ModelUnavailable(f"cannot load the sentence model {self._where!r}: {reason}") from error

    def _require_usable(self) -> None:
        """Say what is wrong before anything is loaded or asked of the hub."""
        wrong = None
        if self._folder is None and not _HUB_ID.fullmatch(self._where):
            wrong = "no such folder, and not a hub id"
        elif self._folder is not None and not (self._folder / LAYOUT).is_file():
            wrong = f"the folder has no {LAYOUT}, so it is no model of sentence-transformers"
        elif find_spec("sentence_transformers") is None:
            wrong = "it needs sentence-transformers: pip install 'parametric-memory[embedder]'"
        if wrong is not None:
            raise ModelUnavailable(f"cannot load the sentence model {self._where!r}: {wrong}")


def _unit(vectors: Vectors) -> Vectors:
    """[N, D] -> rows of length 1; a text of no known token, whose row is all zeros, gets the first axis."""
    vectors = np.array(vectors, np.float32)
    vectors[~vectors.any(1), 0] = 1
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _hash(folder: Path) -> str:
    """12 hex digits of the files that make the model what it is, at their places in the folder."""
    whole = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.suffix in _READ):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
    return whole.hexdigest()[:12]
