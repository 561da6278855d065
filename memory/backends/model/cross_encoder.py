"""Reranker on any cross-encoder of sentence-transformers: a folder, or a hub id (extra `embedder`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from memory.errors import ModelUnavailable

BATCH = 32
LAYOUT = "config.json"
_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")


class CrossEncoderReranker:
    """Reads question and text in one pass. The model is loaded at the first question; one runs at a time."""

    def __init__(self, where: str, *, device: str | None = None) -> None:
        """Take a folder or a hub id; without a device, a GPU where there is one. Raises ModelUnavailable."""
        folder = Path(where).expanduser()
        self._path = str(folder.resolve()) if folder.is_dir() else where
        self._where, self._device = where, device
        self._lock = Lock()
        if folder.is_dir() and not (folder / LAYOUT).is_file():
            raise self._unusable(f"the folder has no {LAYOUT}, so it is no cross-encoder")
        if not folder.is_dir() and not _HUB_ID.fullmatch(where):
            raise self._unusable("no such folder, and not a hub id")
        if find_spec("sentence_transformers") is None:
            raise self._unusable("it needs sentence-transformers: pip install 'parametric-memory[embedder]'")

    def relevance(self, query: str, texts: Sequence[str]) -> list[float]:
        """[N] texts -> [N] logits. Raises ModelUnavailable."""
        if not texts:
            return []
        pairs = [(query, text) for text in texts]
        with self._lock:
            scores = np.asarray(self._model.predict(pairs, batch_size=BATCH, show_progress_bar=False))
        if scores.shape != (len(texts),):
            raise self._unusable(f"it gives {scores.shape[1:]} numbers a text, and not one")
        return [float(score) for score in np.nan_to_num(scores, nan=-np.inf)]

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import CrossEncoder

        from hypernet.backbones import bases

        try:
            with bases.quiet_when_local(self._path):
                return CrossEncoder(self._path, device=self._device or bases.default_device())
        except Exception as error:  # whatever the parts that a model's own configuration names raise
            raise self._unusable(" ".join(str(error).split())) from error

    def _unusable(self, why: str) -> ModelUnavailable:
        return ModelUnavailable(f"cannot load the reranker {self._where!r}: {why}")
