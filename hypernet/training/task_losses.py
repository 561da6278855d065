"""Text-to-LoRA: a fresh network, its two losses, and how it is judged.

Axes: G descriptions, E embedding width, L base layers, R rank.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from hypernet.adapter import LoRA
from hypernet.heads import Factors
from hypernet.inject import apply_factors
from hypernet.task_hypernetwork import TaskConfig, TaskHypernetwork
from hypernet.training.document_losses import of_groups, rows_by_length
from hypernet.training.packed import Chat, Packed, Turn, answer_logits
from hypernet.training.tasks import Given, Task

CONDITIONS = ("no adapter", "wrong adapter", "instruction", "adapter")

Vectors = Mapping[str, Tensor]
"""Each description's embedding [E], as the network reads it."""


def fresh(config: TaskConfig) -> TaskHypernetwork:
    """A network to train.

    Initialisation (all of it is here):

    =================  ==========================================================
    linear layers      normal, std fan_in ** -0.5; biases zero
    embeddings         normal, std 1: they are normed
    scale_A, scale_B   d_in ** -0.5, and 0.3 d_out ** -0.5 / scaling: small but alive; not trained
    shift_A, shift_B   normal, std d_in ** -0.5; zero: what all tasks share starts without effect
    =================  ==========================================================
    """
    network = TaskHypernetwork(config)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.weight.normal_(std=module.in_features**-0.5)
                if module.bias is not None:
                    module.bias.zero_()
        for name, p in network.named_parameters():
            if "embedding" in name and p.ndim == 2:
                p.normal_()
        for m in config.modules:
            d_in, d_out = config.d_in[m], config.d_out[m]
            tables = [
                network.get_parameter(f"{name}.{m}") for name in ("scale_A", "scale_B", "shift_A", "shift_B")
            ]
            tables[0].fill_(d_in**-0.5)
            tables[1].fill_(0.3 * d_out**-0.5 / config.scaling)
            tables[2].normal_(std=d_in**-0.5)
            tables[3].zero_()
    for name in ("scale_A", "scale_B"):
        network.get_submodule(name).requires_grad_(False)
    return network


def fit_scales(network: TaskHypernetwork, given: Sequence[Given]) -> None:
    """Let the network say how far a factor is from the mean of all given, in units of their spread.

    Where the given adapters hardly differ, the unit is a hundredth of their mean spread, so that noise does
    not count. Neither table is trained.
    """
    with torch.no_grad():
        for side in ("A", "B"):
            for m in network.config.modules:
                factors = torch.stack([getattr(one.lora, side)[m].float() for one in given])
                spread = factors.std(dim=0, correction=0)
                floor = max(spread.mean().item() / 100, torch.finfo().tiny)
                network.get_parameter(f"scale_{side}.{m}").copy_(spread.clamp_min(floor))
                network.get_parameter(f"shift_{side}.{m}").copy_(factors.mean(dim=0))
    for name in ("scale_A", "scale_B", "shift_A", "shift_B"):
        network.get_submodule(name).requires_grad_(False)


def reconstruction_loss(network: TaskHypernetwork, given: Sequence[Given], vectors: Vectors) -> Tensor:
    """Mean distance (L1) from the given factors, in units of their spread."""
    losses = []
    for one in given:
        for m, (a, b) in network(vectors[one.description]).items():
            for side, made, wanted in (("A", a, one.lora.A[m]), ("B", b, one.lora.B[m])):
                unit = network.get_parameter(f"scale_{side}.{m}")
                losses.append(((made - wanted.to(made)) / unit).abs().mean())
    return torch.stack(losses).mean()


def relative_error(made: LoRA, wanted: LoRA) -> float:
    """How far the made delta W is from the wanted one, over all layers, relative to its norm."""
    wanted = wanted.to(made.A[made.modules[0]].device, torch.float32)
    difference = LoRA.concat([made, wanted.scaled(-1)])
    return (_square_norm(difference) / _square_norm(wanted)) ** 0.5


def adapter_of(network: TaskHypernetwork, vector: Tensor) -> LoRA:
    """The adapter that the network makes of one embedding [E]."""
    factors = network(vector)
    return LoRA(
        {m: a.detach() for m, (a, _) in factors.items()},
        {m: b.detach() for m, (_, b) in factors.items()},
        network.config.scaling,
    )


@dataclass(frozen=True)
class TaskLesson:
    """Descriptions, and what each is asked, beside the same with the description in the prompt."""

    descriptions: list[str]
    rows: list[list[Turn]]
    instructed: list[list[Turn]]


class TaskLessons:
    """Endless lessons from tasks; step s is a pure function of (seed, rank, s)."""

    def __init__(self, tasks: Sequence[Task], chat: Chat, tokens: int, prompts: int, seed: int) -> None:
        self.chat, self.tokens, self.prompts, self.seed = chat, tokens, prompts, seed
        self.by_description = _by_description(tasks)

    def at(self, step: int, rank: int = 0) -> TaskLesson:
        """Descriptions in random order, a few prompts each, until ``tokens`` tokens are asked."""
        rng = random.Random(f"{self.seed}/{rank}/{step}")
        drawn: list[list[Task]] = []
        rows: list[list[Turn]] = []
        for description in rng.sample(sorted(self.by_description), len(self.by_description)):
            tasks = self.by_description[description]
            drawn.append(rng.sample(tasks, min(self.prompts, len(tasks))))
            rows.append([self.chat.turn(task.prompt, task.answer) for task in drawn[-1]])
            if sum(len(turn.ids) for row in rows for turn in row) > self.tokens:
                break
        return TaskLesson([tasks[0].description for tasks in drawn], rows, [])

    def exam(self, descriptions: int) -> TaskLesson:
        """The first prompts of the first descriptions, always the same."""
        chosen = list(self.by_description.values())[:descriptions]
        rows = [[self.chat.turn(t.prompt, t.answer) for t in tasks[: self.prompts]] for tasks in chosen]
        instructed = [
            [
                self.chat.reworded(turn, f"{task.description}\n\n{task.prompt}")
                for turn, task in zip(row, tasks, strict=False)
            ]
            for row, tasks in zip(rows, chosen, strict=True)
        ]
        return TaskLesson([tasks[0].description for tasks in chosen], rows, instructed)


def task_loss(
    base: PreTrainedModel, network: TaskHypernetwork, lesson: TaskLesson, vectors: Vectors, tokens: int
) -> Tensor:
    """Mean cross-entropy of the answers, each with the adapter of its description."""
    factors = _generated(network, [vectors[d] for d in lesson.descriptions])
    losses = []
    for part in rows_by_length(lesson.rows, tokens):
        packed = Packed.of([lesson.rows[i] for i in part], base.device)
        with apply_factors(base, of_groups(factors, part), network.config.scaling):
            losses.append(F.cross_entropy(answer_logits(base, packed), packed.targets, reduction="none"))
    return torch.cat(losses).mean()


class TaskJudge:
    """Judges answers under held-out descriptions by the same exam each time."""

    def __init__(
        self,
        base: PreTrainedModel,
        network: TaskHypernetwork,
        exam: TaskLesson,
        vectors: Vectors,
        tokens: int,
    ) -> None:
        self.base, self.network, self.exam = base, network, exam
        self.vectors, self.tokens = vectors, tokens

    @torch.no_grad()
    def __call__(self) -> dict[str, float]:
        """Loss and exact match, teacher-forced, which equals greedy decoding."""
        right = self.exact("adapter")
        loss = task_loss(self.base, self.network, self.exam, self.vectors, self.tokens)
        return {"loss": loss.item(), "exact": sum(right) / len(right)}

    @torch.no_grad()
    def exact(self, condition: str) -> list[bool]:
        """For each prompt, whether it is answered exactly under one of ``CONDITIONS``."""
        rows = self.exam.instructed if condition == "instruction" else self.exam.rows
        factors = self._factors(condition)
        found = [self._right(rows, part, factors) for part in rows_by_length(rows, self.tokens)]
        return [right for part in found for right in part]

    def _factors(self, condition: str) -> Factors | None:
        if condition not in ("adapter", "wrong adapter"):
            return None
        names = self.exam.descriptions
        names = names if condition == "adapter" else names[1:] + names[:1]
        return _generated(self.network, [self.vectors[name] for name in names])

    def _right(self, rows: Sequence[Sequence[Turn]], part: list[int], factors: Factors | None) -> list[bool]:
        packed = Packed.of([rows[i] for i in part], self.base.device)
        applied: AbstractContextManager[None] = nullcontext()
        if factors is not None:
            applied = apply_factors(self.base, of_groups(factors, part), self.network.config.scaling)
        with applied:
            right: list[bool] = packed.right(answer_logits(self.base, packed)).tolist()
            return right


def _by_description(tasks: Sequence[Task]) -> dict[str, list[Task]]:
    found = defaultdict(list)
    for task in tasks:
        found[task.description].append(task)
    return dict(found)


def _generated(network: TaskHypernetwork, vectors: Sequence[Tensor]) -> Factors:
    """{module: (A [G, L, R, d_in], B [G, L, R, d_out])}, one adapter for each embedding."""
    made = [network(vector) for vector in vectors]
    return {
        m: (torch.stack([one[m][0] for one in made]), torch.stack([one[m][1] for one in made]))
        for m in made[0]
    }


def _square_norm(lora: LoRA) -> float:
    """The square of delta W's norm, by the small products of its factors."""
    grams = [((lora.A[m] @ lora.A[m].mT) * (lora.B[m] @ lora.B[m].mT)).sum().item() for m in lora.modules]
    return lora.scaling**2 * max(sum(grams), 0.0)
