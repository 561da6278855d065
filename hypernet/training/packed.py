"""Packs several chat-formatted question-answer pairs into one row, with attention masked between them.

A packed row starts its position ids again with each turn; transformers builds from that a mask that keeps
the turns apart. All turns of a row share one adapter, so a row is what one group of contexts is asked.

Axes: N rows, T tokens, K answer tokens (row by row, in order), V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

_TOLERANCE = 0.05  # of the logits' norm: half precision stays far below, a turn that sees another far above


@dataclass(frozen=True, slots=True)
class Turn:
    """Ids of a question and, from ``start`` on, of its answer with its end; ``told``: it stands in a text."""

    ids: list[int]
    start: int
    told: bool = True


class Chat:
    """Turns in the chat template of a tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self._ends = frozenset(tokenizer.all_special_ids)

    def encode(self, text: str) -> list[int]:
        """Ids of templated text: the template wrote the special tokens already."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def turn(self, question: str, answer: str, *, told: bool = True) -> Turn:
        """What the template writes for the answer, up to the token that ends it, behind an open question."""
        opening = self._open(question)
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        whole = self._render(turns)
        said = whole[len(opening) :] if whole.startswith(opening) else answer
        before, both = self.encode(opening), self.encode(opening + said)
        behind = both[len(before) :] if both[: len(before)] == before else self.encode(said)
        return Turn(before + self._closed(behind), len(before), told)

    def reworded(self, turn: Turn, question: str) -> Turn:
        """The same answer, token by token, to another question."""
        before = self.encode(self._open(question))
        return Turn(before + turn.ids[turn.start :], len(before), turn.told)

    def _open(self, question: str) -> str:
        return self._render([{"role": "user", "content": question}], add_generation_prompt=True)

    def _closed(self, ids: list[int]) -> list[int]:
        """Up to the last special token, which is what generation stops at; with one, where there is none."""
        ends = [i for i, token in enumerate(ids) if token in self._ends]
        if ends:
            return ids[: ends[-1] + 1]
        end: Any = self.tokenizer.eos_token_id
        return ids if end is None else [*ids, end]

    def _render(self, turns: list[dict[str, str]], **options: bool) -> str:
        rendered: str = self.tokenizer.apply_chat_template(turns, tokenize=False, **options)
        return rendered


@dataclass(frozen=True)
class Packed:
    """Rows of turns: ``ids`` and ``positions`` [N, T]; ``counted`` [N, T-1], where the next token is of an
    answer; and ``turn`` [K], the number of the turn, through all rows, that each of those belongs to."""

    ids: Tensor
    positions: Tensor
    counted: Tensor
    turn: Tensor

    @classmethod
    def of(cls, rows: Sequence[Sequence[Turn]], device: torch.device) -> Packed:
        """The rows side by side; what fills up the shorter ones is a turn of its own that nobody counts."""
        width = max(sum(len(turn.ids) for turn in row) for row in rows)
        ids, positions, counted = [], [], []
        for row in rows:
            rest = width - sum(len(turn.ids) for turn in row)
            ids.append([*chain.from_iterable(turn.ids for turn in row), *[0] * rest])
            positions.append([*chain.from_iterable(range(len(turn.ids)) for turn in row), *range(rest)])
            answers = ([i >= turn.start for i in range(len(turn.ids))] for turn in row)
            counted.append([*chain.from_iterable(answers), *[False] * rest])
        turns = [turn for row in rows for turn in row]
        numbers = [number for number, turn in enumerate(turns) for _ in turn.ids[turn.start :]]
        return cls(
            torch.tensor(ids, device=device),
            torch.tensor(positions, device=device),
            torch.tensor(counted, device=device)[:, 1:],
            torch.tensor(numbers, device=device),
        )

    @property
    def targets(self) -> Tensor:
        """The answer tokens themselves: [K]."""
        return self.ids[:, 1:][self.counted]

    def right(self, logits: Tensor) -> Tensor:
        """For each turn, whether every answer token is the likeliest: bool; equal to greedy decoding."""
        missed = self.turn[logits.argmax(-1) != self.targets]
        return torch.bincount(missed, minlength=int(self.turn.max()) + 1) == 0


def answer_logits(base: PreTrainedModel, packed: Packed) -> Tensor:
    """What the base, as it is, expects at each answer token: float32 [K, V]; other tokens are not scored."""
    decoder = base.get_decoder()
    states = decoder(input_ids=packed.ids, position_ids=packed.positions, use_cache=False).last_hidden_state
    logits: Tensor = base.get_output_embeddings()(states[:, :-1][packed.counted]).float()
    cap = getattr(base.config.get_text_config(), "final_logit_softcapping", None)  # Gemma 2
    return cap * torch.tanh(logits / cap) if cap else logits


@torch.no_grad()
def require_packing(base: PreTrainedModel) -> None:
    """Raises ValueError when the base's architecture mixes packed turns up, or scores tokens another way."""
    most = base.get_input_embeddings().weight.size(0)
    turns = [Turn([(7 * i + start) % most for i in range(6)], 1) for start in (3, 5)]
    packed = answer_logits(base, Packed.of([turns], base.device))
    alone = [base(input_ids=torch.tensor([t.ids], device=base.device)).logits[0, :-1].float() for t in turns]
    expected = torch.cat(alone)
    error = ((packed - expected).norm() / expected.norm()).item()
    if not error < _TOLERANCE:
        raise ValueError(
            f"cannot train on a base of type {base.config.model_type!r}: questions packed in a row should be "
            f"answered as if alone, but their logits differ by {error:.0%}"
        )
