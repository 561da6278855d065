"""Training examples as token rows: what the model reads, and how much each token counts in the loss.

Axes: N rows, T tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor

SPECIALS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
PAD, END, SYSTEM, USER, ASSISTANT = range(len(SPECIALS))


@dataclass
class Row:
    """Token ids, and the weight that predicting each of them has in the loss."""

    ids: list[int]
    weights: list[float]

    def add(self, ids: Sequence[int], weight: float) -> None:
        self.ids.extend(ids)
        self.weights.extend([weight] * len(ids))


@dataclass
class Batch:
    """Right-padded rows: ids [N, T] and, for each position, the weight of the token it predicts [N, T-1]."""

    ids: Tensor
    weights: Tensor

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Batch:
        width = max(len(row.ids) for row in rows)
        ids = torch.tensor([row.ids + [PAD] * (width - len(row.ids)) for row in rows])
        weights = torch.tensor([row.weights + [0.0] * (width - len(row.ids)) for row in rows])
        return cls(ids, weights[:, 1:])

    @classmethod
    def buckets(cls, rows: Sequence[Row], parts: int = 4) -> list[Batch]:
        """The rows in ``parts`` batches of like length: padding costs as much as text."""
        ordered = sorted(rows, key=lambda row: len(row.ids))
        size = -(-len(ordered) // parts)
        return [cls.of(ordered[i : i + size]) for i in range(0, len(ordered), size)]


class Renderer:
    """Text to rows in the reference model's chat form (the same as its chat template)."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.digits = frozenset(i for i in map(tokenizer.token_to_id, "0123456789") if i is not None)

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """Token ids of each text, behind one space as in the chat template.

        A word's tokens differ with and without a space before it; with one everywhere, an answer's tokens
        are those of the text that told it.
        """
        spaced = [f" {text.strip()}" for text in texts]
        return [e.ids for e in self.tokenizer.encode_batch_fast(spaced, add_special_tokens=False)]

    def glue(self, part: str) -> list[int]:
        """Token ids of words that stand between others, just as they are."""
        return self.tokenizer.encode(part, add_special_tokens=False).ids

    def contexts(self, texts: Iterable[str]) -> list[list[int]]:
        """Each text as the hypernetwork reads it: a user message, ready to be answered."""
        return [[USER, *ids, END, ASSISTANT] for ids in self.encode(texts)]

    def dialogues(
        self, dialogues: Sequence[Sequence[tuple[str, str]]], *, question_weight: float = 0.0
    ) -> list[Row]:
        """Rows of (question, answer) turns; every answer counts 1, its end included."""
        flat = [text for turns in dialogues for turn in turns for text in turn]
        encoded = iter(self.encode(flat))
        rows = []
        for turns in dialogues:
            row = Row([], [])
            for _ in turns:
                self._turn(row, next(encoded), next(encoded), question_weight)
            rows.append(row)
        return rows

    def with_context(
        self, texts: Sequence[str], dialogues: Sequence[Sequence[tuple[str, str]]], *, text_weight: float
    ) -> list[Row]:
        """The same, each behind its own text in a system message, whose tokens count ``text_weight``."""
        rows = self.dialogues(dialogues, question_weight=text_weight)
        for row, ids in zip(rows, self.encode(texts), strict=True):
            row.ids[:0] = [SYSTEM, *ids, END]
            row.weights[:0] = [0.0, *[text_weight] * (len(ids) + 1)]
        return rows

    @staticmethod
    def _turn(row: Row, question: list[int], answer: list[int], question_weight: float) -> None:
        row.add([USER], 0.0)
        row.add([*question, END], question_weight)
        row.add([ASSISTANT], 0.0)
        row.add([*answer, END], 1.0)
