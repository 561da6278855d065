"""Judges pairs of statements: they hold together, the newer one replaces the older, or says it again.

The packaged MiniLM, its blocks trained to judge (`hypernet/pairs`), with three scores at [CLS]. In NumPy, as
the embedder is.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.pairs import FOLDER, MOST_TOKENS, REPLACES, SAME, TOGETHER
from memory.backends.model.embedder import packaged_folder
from memory.backends.model.minilm import Floats, MiniLM
from memory.backends.model.reading import CLS, SEP, load_trained

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class Judged:
    """What a newer statement does to an older one: log odds of each against the other two."""

    together: float
    replaces: float
    same: float


class PairReader:
    """An older and a newer statement -> what the newer does. Loaded at the first pair. Threads share it."""

    def __init__(self, folder: Path | None = None, base: Path | None = None) -> None:
        """Take the trained blocks and their base from folders; by default those that are packaged."""
        self._folder = folder
        self._base = base
        self._loading = threading.Lock()
        self._parts: tuple[Tokenizer, MiniLM] | None = None

    def judge(self, older: str, newer: str) -> Judged:
        """What the newer statement does to the older one. Raises ModelUnavailable."""
        tokenizer, model = self._loaded()
        first, second = (
            one.ids[:MOST_TOKENS] for one in tokenizer.encode_batch([older, newer], add_special_tokens=False)
        )
        cls, sep = tokenizer.token_to_id(CLS), tokenizer.token_to_id(SEP)
        ids = np.array([[cls, *first, sep, *second, sep]])
        types = (np.arange(ids.shape[1]) >= len(first) + 2).astype(np.int64)[None]
        hidden = model.hidden_states(ids, np.ones(ids.shape, bool), types)[0, 0]
        odds = _log_odds(hidden @ model.weights["judged.weight"].T + model.weights["judged.bias"])
        return Judged(odds[TOGETHER], odds[REPLACES], odds[SAME])

    def _loaded(self) -> tuple[Tokenizer, MiniLM]:
        with self._loading:
            if self._parts is None:
                base = self._base or packaged_folder()
                self._parts = load_trained(self._folder or FOLDER, base, "judge of pairs")
            return self._parts


def _log_odds(scores: Floats) -> list[float]:
    """Of each class against the others together."""
    others = [np.logaddexp.reduce(np.delete(scores, place)) for place in range(len(scores))]
    return [float(score - other) for score, other in zip(scores, others, strict=True)]
