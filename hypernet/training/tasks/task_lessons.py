"""What Text-to-LoRA practises end to end at each step, and the exam that it is judged by."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, zip_longest

import torch
from transformers import PreTrainedModel

from hypernet.lora.inject import apply
from hypernet.training.data.tasks import Task
from hypernet.training.documents.document_losses import rows_by_length
from hypernet.training.packed import Chat, Packed, Turn, answer_logits
from hypernet.training.tasks.task_writers import Adapters


@dataclass(frozen=True)
class TaskLesson:
    """Tasks, and what each is asked, beside the same with its description in the prompt.

    All turns of a row share the description and the context of its task.
    """

    tasks: list[Task]
    rows: list[list[Turn]]
    instructed: list[list[Turn]]


class TaskLessons:
    """Endless lessons from tasks; step s is a pure function of (seed, rank, s)."""

    def __init__(self, tasks: Sequence[Task], chat: Chat, tokens: int, prompts: int, seed: int) -> None:
        self.chat, self.tokens, self.prompts, self.seed = chat, tokens, prompts, seed
        self.by_description = _by_description(tasks)

    def at(self, step: int, rank: int = 0) -> TaskLesson:
        """Descriptions in random order, a few prompts each about one context, until ``tokens`` tokens are
        asked."""
        rng = random.Random(f"{self.seed}/{rank}/{step}")
        drawn: list[Task] = []
        rows: list[list[Turn]] = []
        for description in rng.sample(sorted(self.by_description), len(self.by_description)):
            tasks = rng.choice(self.by_description[description])
            asked = rng.sample(tasks, min(self.prompts, len(tasks)))
            drawn.append(tasks[0])
            rows.append([self.chat.turn(task.prompt, task.answer) for task in asked])
            if sum(len(turn.ids) for row in rows for turn in row) > self.tokens:
                break
        return TaskLesson(drawn, rows, [])

    def exam(self, size: int) -> TaskLesson:
        """The first contexts of all descriptions, ``size`` in all, and the first prompts about each."""
        rounds = zip_longest(*self.by_description.values())
        chosen = list(islice((found for one in rounds for found in one if found), size))
        rows = [[self.chat.turn(t.prompt, t.answer) for t in tasks[: self.prompts]] for tasks in chosen]
        instructed = [
            [
                self.chat.reworded(turn, f"{task.description}\n\n{task.prompt}")
                for turn, task in zip(row, tasks, strict=False)
            ]
            for row, tasks in zip(rows, chosen, strict=True)
        ]
        return TaskLesson([tasks[0] for tasks in chosen], rows, instructed)


@torch.no_grad()
def exact(
    base: PreTrainedModel,
    adapters: Adapters,
    tasks: Sequence[Task],
    rows: Sequence[Sequence[Turn]],
    tokens: int,
) -> list[bool]:
    """For each turn of the rows, in their order, whether it is answered exactly with its task's adapters.

    Judged teacher-forced, which equals greedy decoding.
    """
    made = [adapters.of(task) for task in tasks]
    right: dict[int, list[bool]] = {}
    for part in rows_by_length(rows, tokens):
        packed = Packed.of([rows[i] for i in part], base.device)
        with apply(base, [made[i] for i in part]):
            found = iter(packed.right(answer_logits(base, packed)).tolist())
        right |= {i: [next(found) for _ in rows[i]] for i in part}
    return [one for i in range(len(rows)) for one in right[i]]


def misled(tasks: Sequence[Task]) -> list[Task]:
    """For each task the next that is called otherwise, with the context of the first: a wrong description."""
    found = []
    for i, task in enumerate(tasks):
        others = (*tasks[i + 1 :], *tasks[:i])
        wrong = next((other for other in others if other.name != task.name), task)
        found.append(replace(wrong, context=task.context))
    return found


def _by_description(tasks: Sequence[Task]) -> dict[str, list[list[Task]]]:
    """{description: the tasks about each context}, in the order they came."""
    found: dict[str, dict[str, list[Task]]] = defaultdict(lambda: defaultdict(list))
    for task in tasks:
        found[task.description][task.context].append(task)
    return {description: list(contexts.values()) for description, contexts in found.items()}
