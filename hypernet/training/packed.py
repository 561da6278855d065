"""Packs several chat-formatted question-answer pairs into one row, with attention masked between them.

A packed row starts its position ids again with each turn; transformers builds from that a mask that keeps
the turns apart. All turns of a row share one adapter, so a row is what one group of contexts is asked. What
opens every turn alike, the template's system turn say, can stand in a row once, under a mask of its own.

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

_PROBE = "HERE-STANDS-THE-TEXT"
_OTHER_PROBES = (("Where is it? ", " Up there."), ("It was 9:\n- one", "No."))
_TOLERANCE = 0.05  # of the logits' norm: half precision stays far below, a turn that sees another far above


@dataclass(frozen=True, slots=True)
class Turn:
    """Ids of a question and, from ``start`` on, of its answer with its end; ``told``: it stands in a text;
    ``own``: it is what the base says by itself, whatever it was told."""

    ids: list[int]
    start: int
    told: bool = True
    own: bool = False


class Chat:
    """Turns in the chat template of a tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self._ends = frozenset(tokenizer.all_special_ids)
        self._frame = self._found_frame()

    def encode(self, text: str) -> list[int]:
        """Ids of templated text: the template wrote the special tokens already."""
        ids: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return ids

    def turn(self, question: str, answer: str, *, told: bool = True) -> Turn:
        """What the template writes for the answer, up to the token that ends it, behind an open question."""
        opening, said = self._written(question, answer)
        before, both = self.encode(opening), self.encode(opening + said)
        behind = both[len(before) :] if both[: len(before)] == before else self.encode(said)
        return Turn(before + self._closed(behind), len(before), told)

    def opened(self, question: str) -> list[int]:
        """Ids of a question, up to where its answer begins."""
        return self.encode(self._written(question, _PROBE)[0])

    def reworded(self, turn: Turn, question: str) -> Turn:
        """The same answer, token by token, to another question."""
        before = self.opened(question)
        return Turn(before + turn.ids[turn.start :], len(before), turn.told)

    def _written(self, question: str, answer: str) -> tuple[str, str]:
        """An open question, and what the template writes behind it for its answer."""
        if self._frame is not None:
            head, tail, end = self._frame
            return head + question + tail, answer + end
        return self._rendered(question, answer)

    def _rendered(self, question: str, answer: str) -> tuple[str, str]:
        turns = [{"role": "user", "content": question}]
        opening = self._render(turns, add_generation_prompt=True)
        whole = self._render([*turns, {"role": "assistant", "content": answer}])
        return opening, whole[len(opening) :] if whole.startswith(opening) else answer

    def _found_frame(self) -> tuple[str, str, str] | None:
        """What the template writes around question and answer, where it changes neither: rendering takes
        longer than everything else that is done with a turn. None for other templates."""
        opening, said = self._rendered(_PROBE, _PROBE)
        head, found, tail = opening.partition(_PROBE)
        frame = head, tail, said.removeprefix(_PROBE)
        if not found or not said.startswith(_PROBE):
            return None
        kept = all(
            self._rendered(question, answer) == (head + question + tail, answer + frame[2])
            for question, answer in _OTHER_PROBES
        )
        return frame if kept else None

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
    answer; and ``turn`` [K], the number of the turn, through all rows, that each of those belongs to.

    ``segments`` [N, T] numbers each row's turns from 1 where they share their opening, which is 0 and stands
    in the row once; None where each turn has its own.
    """

    ids: Tensor
    positions: Tensor
    counted: Tensor
    turn: Tensor
    segments: Tensor | None = None

    @classmethod
    def of(cls, rows: Sequence[Sequence[Turn]], device: torch.device | str, shared: int = 0) -> Packed:
        """The rows side by side; what fills up the shorter ones is a turn of its own that nobody counts.

        ``shared``: how many ids open every turn alike; no answer starts among them.
        """
        width = shared + max(sum(len(turn.ids) - shared for turn in row) for row in rows)
        ids, positions, counted, segments = [], [], [], []
        for row in rows:
            opening = row[0].ids[:shared] if row else [0] * shared
            rest = width - shared - sum(len(turn.ids) - shared for turn in row)
            ids.append([*opening, *chain.from_iterable(turn.ids[shared:] for turn in row), *[0] * rest])
            own = chain.from_iterable(range(shared, len(turn.ids)) for turn in row)
            positions.append([*range(shared), *own, *range(rest)])
            answers = ([i >= turn.start for i in range(shared, len(turn.ids))] for turn in row)
            counted.append([*[False] * shared, *chain.from_iterable(answers), *[False] * rest])
            parts = chain.from_iterable([n] * (len(turn.ids) - shared) for n, turn in enumerate(row, 1))
            segments.append([*[0] * shared, *parts, *[-1] * rest])
        turns = [turn for row in rows for turn in row]
        numbers = [number for number, turn in enumerate(turns) for _ in turn.ids[turn.start :]]
        return cls(
            torch.tensor(ids, device=device),
            torch.tensor(positions, device=device),
            torch.tensor(counted, device=device)[:, 1:],
            torch.tensor(numbers, device=device, dtype=torch.long),
            torch.tensor(segments, device=device) if shared else None,
        )

    def placed(self, dtype: torch.dtype) -> dict[str, Tensor]:
        """What a decoder needs beside the ids: positions, and where an opening is shared a mask in ``dtype``
        that is added to the attention's scores, as every implementation of attention can."""
        if self.segments is None:
            return {"position_ids": self.positions}
        segments, width = self.segments, self.segments.size(1)
        seen = (segments[:, :, None] == segments[:, None, :]) | (segments[:, None, :] == 0)
        seen &= torch.ones(width, width, dtype=torch.bool, device=segments.device).tril()
        least = torch.finfo(dtype).min
        mask = torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill_(~seen, least)
        return {"position_ids": self.positions, "attention_mask": mask[:, None]}

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
    decoder, placed = base.get_decoder(), packed.placed(base.dtype)
    states = decoder(input_ids=packed.ids, **placed, use_cache=False).last_hidden_state
    return logits_of(base, states[:, :-1][packed.counted])


def logits_of(base: PreTrainedModel, states: Tensor) -> Tensor:
    """The base's logits for its decoder's outputs: float32 [..., V]."""
    logits: Tensor = base.get_output_embeddings()(states).float()
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
