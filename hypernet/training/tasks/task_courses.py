"""The two ways to train Text-to-LoRA: by rebuilding given adapters, and end to end on answers.

Each is a network with a loss for every step, a judgement on held-out descriptions, and figures for its card.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from hypernet.lora.adapter import LoRA
from hypernet.networks.task_hypernetwork import TaskHypernetwork
from hypernet.training import card
from hypernet.training.data.tasks import Given, Task
from hypernet.training.packed import Turn
from hypernet.training.tasks.task_confidence import FOLLOWED, Confidence, bound, nearest, undone
from hypernet.training.tasks.task_lessons import TaskLesson, TaskLessons, exact, misled
from hypernet.training.tasks.task_losses import Vectors, reconstruction_loss, relative_error, task_loss
from hypernet.training.tasks.task_writers import (
    Adapters,
    FromDescription,
    OwnAdapters,
    Writer,
    adapter_of,
    nobody,
)


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
"wrong adapter" (that of a description of another task) and "instruction" (the description in the prompt) are
the same base on the same prompts; "own LoRA" is an ordinary LoRA for each task, trained on the same lessons
for as many of them as "own steps" says. "Unseen tasks" are those of which no description was trained on, but
for "own LoRA", which was.
Where the data has contexts, every condition has the context's own adapter merged in, and no text."""

    def __init__(
        self,
        network: TaskHypernetwork,
        base: PreTrainedModel,
        lessons: TaskLessons,
        exam: TaskLesson,
        vectors: Vectors,
        documents: Mapping[str, LoRA],
        *,
        rank: int,
        unseen: TaskLesson | None = None,
        practice: TaskLessons | None = None,
    ) -> None:
        """`unseen` is an exam of tasks that are not learned; for `practice` of an ordinary LoRA they are."""
        self.network, self.base = network, base
        self.lessons, self.exam, self.rank = lessons, exam, rank
        self.unseen, self.practice = unseen, practice or lessons
        self.documents, self.vectors = documents, vectors
        self.write: Writer = FromDescription(network, vectors)

    def loss(self, step: int) -> dict[str, Tensor]:
        return self._loss(self.write, self.lessons, step)

    def loss_of(self, own: OwnAdapters, step: int) -> dict[str, Tensor]:
        """The loss of an ordinary LoRA for each task, on the step's lesson."""
        return self._loss(own, self.practice, step)

    def _loss(self, write: Writer, lessons: TaskLessons, step: int) -> dict[str, Tensor]:
        lesson = lessons.at(step, self.rank)
        return {"answers": task_loss(self.base, self._with(write), lesson, lessons.tokens)}

    def judge(self) -> dict[str, float]:
        return self.judge_of(self.write)

    @torch.no_grad()
    def judge_of(self, write: Writer) -> dict[str, float]:
        """Loss and exact match on the exam."""
        right = self._exact(write, self.exam.tasks, self.exam.rows)
        loss = task_loss(self.base, self._with(write), self.exam, self.lessons.tokens)
        return {"loss": loss.item(), "exact": sum(right) / len(right)}

    def figures(self, own: OwnAdapters | None = None) -> dict[str, dict[str, float]]:
        """Exact match under every condition, of unseen tasks too, and with the adapter in every task."""
        found = self._conditions(self.exam, own)
        if self.unseen is not None:
            strange = self._conditions(self.unseen, own)
            found |= {f"unseen tasks, {condition}": right for condition, right in strange.items()}
        found |= self._by_task(found["adapter"])
        return {condition: card.share(one) for condition, one in found.items()}

    def _conditions(self, exam: TaskLesson, own: OwnAdapters | None) -> dict[str, list[bool]]:
        found = {
            "no adapter": self._exact(nobody, exam.tasks, exam.rows),
            "instruction": self._exact(nobody, exam.tasks, exam.instructed),
            "adapter": self._exact(self.write, exam.tasks, exam.rows),
        }
        if len({task.name for task in exam.tasks}) > 1:
            found["wrong adapter"] = self._exact(self.write, misled(exam.tasks), exam.rows)
        if own:
            found["own LoRA"] = self._exact(own, exam.tasks, exam.rows)
        return found

    def failed(self, exam: TaskLesson | None, described: Sequence[Task]) -> list[str]:
        """The descriptions of those tasks that are not done under the exam's; none without an exam."""
        if exam is None:
            return []
        right = self._exact(self.write, exam.tasks, exam.rows)
        names = [task.name for task, row in zip(exam.tasks, exam.rows, strict=True) for _ in row]
        never = undone(list(zip(names, right, strict=True)))
        return list(dict.fromkeys(task.description for task in described if task.name in never))

    def confidence(self, learned: Sequence[str], failed: Sequence[str]) -> Confidence | None:
        """How near to the learned descriptions one has to be to be followed, on both exams."""
        judged, hopeless = [], frozenset(failed)
        for exam in (self.exam, self.unseen):
            if exam is None:
                continue
            answers = iter(self._exact(self.write, exam.tasks, exam.rows))
            for task, row in zip(exam.tasks, exam.rows, strict=True):
                right = sum(next(answers) for _ in row) >= FOLLOWED * len(row)
                judged.append((nearest(self.vectors, learned, task.description, hopeless), right))
        return bound(judged)

    def _by_task(self, right: Sequence[bool]) -> dict[str, list[bool]]:
        if not any(task.task for task in self.exam.tasks):
            return {}  # every description is a task of its own
        names = [task.name for task, row in zip(self.exam.tasks, self.exam.rows, strict=True) for _ in row]
        by_name: dict[str, list[bool]] = {}
        for name, one in zip(names, right, strict=True):
            by_name.setdefault(f"adapter, {name}", []).append(one)
        return dict(sorted(by_name.items()))

    def _exact(self, write: Writer, tasks: Sequence[Task], rows: Sequence[Sequence[Turn]]) -> list[bool]:
        return exact(self.base, self._with(write), tasks, rows, self.lessons.tokens)

    def _with(self, write: Writer) -> Adapters:
        return Adapters(write, self.documents)
