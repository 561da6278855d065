"""How well held-out texts are remembered while, and after, a Doc-to-LoRA hypernetwork is trained.

Answers are judged teacher-forced (every token the likeliest), which equals greedy decoding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from hypernet.networks.heads import Factors
from hypernet.networks.hypernetwork import AnyHypernetwork
from hypernet.training.documents.document_losses import (
    generated,
    merged_groups,
    of_groups,
    remembering,
    rows_by_length,
)
from hypernet.training.documents.lessons import Lesson
from hypernet.training.packed import Packed, Turn, answer_logits

CONDITIONS = ("no memory", "wrong adapter", "full context", "adapter")

Judged = tuple[Tensor, Tensor, float]
"""For some turns: whether each is right, whether its answer was told, and the loss of the told ones, summed
over turns of their mean over tokens."""


class Judge:
    """Judges by the same lessons each time; ``tokens`` go through the base together."""

    def __init__(
        self, base: PreTrainedModel, hypernetwork: AnyHypernetwork, exams: Sequence[Lesson], tokens: int
    ) -> None:
        self.base, self.hypernetwork = base, hypernetwork
        self.exams, self.tokens = exams, tokens

    def __call__(self) -> dict[str, float]:
        """Loss and exact match of told answers from adapters alone, and refusals where nothing was told."""
        right, told, loss = self._judged("adapter")
        figures = {"loss": loss / max(1, int(told.sum())), "exact": right[told].float().mean().item()}
        if not told.all():
            figures["unknown"] = right[~told].float().mean().item()
        return figures

    def exact(self, condition: str) -> list[bool]:
        """For each told question, whether it is answered exactly under one of ``CONDITIONS``."""
        right, told, _ = self._judged(condition)
        return [bool(r) for r in right[told]]

    def refused(self) -> list[bool]:
        """For each question that nothing told answers, whether the adapter's answer is the refusal."""
        right, told, _ = self._judged("adapter")
        return [bool(r) for r in right[~told]]

    @torch.no_grad()
    def _judged(self, condition: str) -> Judged:
        none = torch.zeros(0, dtype=torch.bool)
        parts = [part for exam in self.exams for part in self._judge(exam, condition)]
        rights, tolds, losses = zip((none, none, 0.0), *parts, strict=True)
        return torch.cat(rights), torch.cat(tolds), sum(losses)

    def _judge(self, exam: Lesson, condition: str) -> Iterator[Judged]:
        if condition == "wrong adapter" and len(exam.groups) == 1:
            return  # there is no other
        rows = _shown(exam, condition)
        merged = self._memories(exam, condition)
        for part in rows_by_length(rows, self.tokens):
            turns = [turn for i in part for turn in rows[i]]
            if not turns:
                continue
            packed = Packed.of([rows[i] for i in part], self.base.device)
            with self._remembering(merged, part):
                logits = answer_logits(self.base, packed)
            told = torch.tensor([turn.told for turn in turns])
            yield packed.right(logits).cpu(), told, _loss(logits, packed, told)

    def _memories(self, exam: Lesson, condition: str) -> Factors | None:
        if condition not in ("adapter", "wrong adapter"):
            return None
        factors = generated(self.base, self.hypernetwork, exam.chunks, self.tokens)
        groups = exam.groups if condition == "adapter" else exam.groups[1:] + exam.groups[:1]
        return merged_groups(factors, self.hypernetwork, groups)

    def _remembering(self, merged: Factors | None, part: Sequence[int]) -> AbstractContextManager[None]:
        if merged is None:
            return nullcontext()
        return remembering(self.base, self.hypernetwork, of_groups(merged, part))


def _shown(exam: Lesson, condition: str) -> list[list[Turn]]:
    """What is asked of each example; with the contexts in the prompt only where the base can read them."""
    if condition != "full context":
        return exam.rows
    return [[turn for turn in row if turn is not None] for row in exam.reminded]


def _loss(logits: Tensor, packed: Packed, told: Tensor) -> float:
    losses = F.cross_entropy(logits, packed.targets, reduction="none")
    total = torch.zeros(len(told), device=losses.device).index_add(0, packed.turn, losses)
    means = total / torch.bincount(packed.turn, minlength=len(told))
    return means[told.to(means.device)].sum().item()
