"""Reads texts for the answer to a question: the words that give it, or that none does.

The packaged MiniLM, its blocks trained to read (`hypernet/reading`), with two scores a token: an answer
begins here, an answer ends here; those at [CLS] are of no answer. All texts are read together, in the order
in which they were told, so that the right person's and the newer value win. In NumPy, as the embedder is.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hypernet.reading import FOLDER, MOST_TOKENS, NO, YES, YES_OR_NO
from memory.backends.model.embedder import packaged_folder
from memory.backends.model.minilm import Floats, MiniLM
from memory.errors import ModelUnavailable

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

_QUESTION_TOKENS = 64  # of which those of the question at most
_LONGEST = 40  # tokens of an answer
_CLS, _SEP = "[CLS]", "[SEP]"
_SCALE = ".scale"


@dataclass(frozen=True, slots=True)
class Found:
    """Where an answer is: the place of the text, and the characters of it; and how sure that is.

    `margin` is the log odds of this answer against none.
    """

    place: int
    start: int
    end: int
    margin: float


@dataclass(frozen=True, slots=True)
class Decided:
    """An answer of yes or no. `margin` is its log odds against neither."""

    yes: bool
    margin: float


class SpanReader:
    """Question and texts -> the best span. Loaded at the first question. Safe to share between threads."""

    def __init__(self, folder: Path | None = None, base: Path | None = None) -> None:
        """Take the trained blocks and their base from folders; by default those that are packaged."""
        self._folder = folder
        self._base = base
        self._loading = threading.Lock()
        self._parts: tuple[Tokenizer, MiniLM] | None = None

    def find(self, question: str, texts: Sequence[str], doubts: Sequence[float] = ()) -> Found | None:
        """The best answer that the texts have, however unlikely; None where there is nothing to read.

        The margins of each text's answers are less by its doubt; of endless doubt it is only read beside the
        others. What the model's window does not hold is not read: the last texts, or the end of one. Raises
        ModelUnavailable.
        """
        read, spans, scores = self._scored(question, texts)
        if not spans:
            return None
        found = (_best(scores, span, read) for span in spans)
        less = (replace(one, margin=one.margin - doubts[one.place]) if doubts else one for one in found)
        best = max(less, key=lambda one: one.margin)
        return best if best.margin > -np.inf else None

    def decide(self, question: str, texts: Sequence[str]) -> Decided | None:
        """Whether the texts say yes or no to a question that is put so; None where there is nothing to read.

        Raises ModelUnavailable.
        """
        read, spans, scores = self._scored(question, [YES_OR_NO, *texts])
        if len(spans) < 2:
            return None
        first, offsets = spans[0][1], read[0].offsets
        none = scores[0].sum()
        yes, no = (
            _at(scores, first, offsets, YES_OR_NO.index(choice), len(choice)) - none for choice in (YES, NO)
        )
        return Decided(bool(yes > no), float(max(yes, no)))

    def _scored(
        self, question: str, texts: Sequence[str]
    ) -> tuple[list[Encoding], list[tuple[int, int, int]], Floats]:
        """The texts' tokens; of each text that is read its place, first token and number of tokens; and the
        scores [T, 2] of all tokens."""
        tokenizer, model = self._loaded()
        asked, *read = tokenizer.encode_batch([question, *texts], add_special_tokens=False)
        cls, sep = tokenizer.token_to_id(_CLS), tokenizer.token_to_id(_SEP)
        ids = [cls, *asked.ids[:_QUESTION_TOKENS], sep]
        first_text = len(ids)
        spans = []
        for place, text in enumerate(read):
            room = MOST_TOKENS - len(ids) - 1
            if room < 1 or not text.ids:
                continue
            spans.append((place, len(ids), min(room, len(text.ids))))
            ids += [*text.ids[:room], sep]
        if not spans:
            return read, spans, np.zeros((0, 2), np.float32)
        tokens = np.array([ids])
        types = (np.arange(len(ids)) >= first_text).astype(np.int64)[None]
        hidden = model.hidden_states(tokens, np.ones(tokens.shape, bool), types)[0]
        return read, spans, hidden @ model.weights["span.weight"].T + model.weights["span.bias"]

    def _loaded(self) -> tuple[Tokenizer, MiniLM]:
        with self._loading:
            if self._parts is None:
                self._parts = _load(self._folder or FOLDER, self._base or packaged_folder())
            return self._parts


def _at(
    scores: Floats, first: int, offsets: Sequence[tuple[int, int]], start: int, length: int
) -> np.floating:
    """The score of the span of some characters of the text whose first token is `first`."""
    inside = [i for i, (a, b) in enumerate(offsets) if a >= start and b <= start + length]
    return scores[first + inside[0], 0] + scores[first + inside[-1], 1]


def _best(scores: Floats, span: tuple[int, int, int], read: Sequence[Encoding]) -> Found:
    place, first, length = span
    begins, ends = scores[first : first + length, 0], scores[first : first + length, 1]
    pairs = begins[:, None] + ends[None, :]
    pairs[~np.triu(np.tril(np.ones(pairs.shape, bool), _LONGEST - 1))] = -np.inf
    start, end = np.unravel_index(int(pairs.argmax()), pairs.shape)
    offsets = read[place].offsets
    margin = float(pairs[start, end] - scores[0].sum())
    return Found(place, offsets[start][0], offsets[end][1], margin)


def _load(folder: Path, base: Path) -> tuple[Tokenizer, MiniLM]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    try:
        plain = MiniLM.from_folder(base)
        trained = load_file(folder / "model.safetensors")
        tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    except Exception as error:  # tokenizers raises no narrower class
        known = isinstance(error, OSError | ValueError | SafetensorError)
        what = "reading model" if known else "reading model's tokenizer"
        raise ModelUnavailable(f"cannot load the {what} from {folder}: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    weights = plain.weights | {
        name: _floats(tensor, trained.get(name + _SCALE))
        for name, tensor in trained.items()
        if not name.endswith(_SCALE)
    }
    return tokenizer, MiniLM(weights, plain.layers, plain.heads, plain.eps)


def _floats(tensor: np.ndarray, scale: np.ndarray | None) -> Floats:
    """A weight as it was trained: int8 with a scale a row, or as it is."""
    return tensor.astype(np.float32) if scale is None else tensor.astype(np.float32) * scale[:, None]
