"""The two ways to train Text-to-LoRA: by rebuilding given adapters, and end to end on answers.

Each is a network with a loss for every step, a judgement on held-out descriptions, and figures for its card.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from hypernet.adapter import LoRA
from hypernet.task_hypernetwork import TaskHypernetwork
from hypernet.training import card
from hypernet.training.task_losses import (
    CONDITIONS,
    TaskJudge,
    TaskLessons,
    Vectors,
    adapter_of,
    reconstruction_loss,
    relative_error,
    task_loss,
)
from hypernet.training.tasks import Given


class Course(Protocol):
    """What the command needs of either way."""

    network: TaskHypernetwork
    explained: str

    def loss(self, step: int) -> dict[str, Tensor]: ...

    def judge(self) -> dict[str, float]: ...

    def figures(self) -> dict[str, dict[str, float]]: ...


class Rebuilding:
    """Given adapters are made again from their descriptions; the base model is not needed."""

    explained = """How far the delta W made of a description is from the given adapter's, relative to its
norm, on average over the held-out descriptions, or over those trained on where none are held out. "Mean
adapter" is the error of giving the mean of all, whatever the description."""

    def __init__(
        self,
        network: TaskHypernetwork,
        trained: Sequence[Given],
        judged: Sequence[Given],
        vectors: Vectors,
        *,
        batch: int,
        seed: str,
    ) -> None:
        self.network, self.vectors = network, vectors
        self.trained, self.judged = trained, judged
        self.batch, self.seed = batch, seed

    def loss(self, step: int) -> dict[str, Tensor]:
        """A random few of the adapters; a function of seed and step alone."""
        rng = random.Random(f"{self.seed}/{step}")
        drawn = rng.sample(self.trained, min(self.batch, len(self.trained)))
        return {"distance": reconstruction_loss(self.network, drawn, self.vectors)}

    @torch.no_grad()
    def judge(self) -> dict[str, float]:
        made = [adapter_of(self.network, self.vectors[one.description]) for one in self.judged]
        return {"error": self._error(made)}

    def figures(self) -> dict[str, dict[str, float]]:
        """The error of what is made, and of the mean adapter."""
        count = len(self.judged)
        mean = self._error([self._mean()] * count)
        return {
            "adapter": {"questions": count, "value": self.judge()["error"]},
            "mean adapter": {"questions": count, "value": mean},
        }

    def _error(self, made: Sequence[LoRA]) -> float:
        pairs = zip(made, self.judged, strict=True)
        return sum(relative_error(lora, one.lora) for lora, one in pairs) / len(made)

    def _mean(self) -> LoRA:
        a, b = (
            {m: self.network.get_parameter(f"shift_{side}.{m}").detach() for m in self.network.config.modules}
            for side in ("A", "B")
        )
        return LoRA(a, b, self.network.config.scaling)


class Teaching:
    """Prompts are answered as described, with the adapter of the description on the frozen base."""

    explained = """Exact match of the whole answer in %, with 95 % intervals, under held-out descriptions
(those trained on where none are held out), judged teacher-forced, which equals greedy decoding. "No adapter",
"wrong adapter" (another description's) and "instruction" (the description in the prompt) are the same base on
the same prompts."""

    def __init__(
        self,
        network: TaskHypernetwork,
        base: PreTrainedModel,
        lessons: TaskLessons,
        judge: TaskJudge,
        *,
        rank: int,
    ) -> None:
        self.network, self.base = network, base
        self.lessons, self._judge, self._rank = lessons, judge, rank

    def loss(self, step: int) -> dict[str, Tensor]:
        lesson = self.lessons.at(step, self._rank)
        vectors, tokens = self._judge.vectors, self.lessons.tokens
        return {"answers": task_loss(self.base, self.network, lesson, vectors, tokens)}

    def judge(self) -> dict[str, float]:
        return self._judge()

    def figures(self) -> dict[str, dict[str, float]]:
        """Exact match under every condition."""
        return {condition: card.share(self._judge.exact(condition)) for condition in CONDITIONS}
