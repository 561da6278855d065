"""Who writes the adapter of a task, and what else is remembered meanwhile.

Axes: E embedding width, L base layers, R rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.adapter import LoRA
from hypernet.networks.task_hypernetwork import TaskConfig, TaskHypernetwork
from hypernet.training.data.tasks import Task

Writer = Callable[[Task], LoRA | None]
"""Makes a task's adapter, differentiably; None is the base as it is."""

_AT_ONCE = 64


def adapter_of(network: TaskHypernetwork, vector: Tensor) -> LoRA:
    """The adapter that the network makes of one embedding [E], differentiably."""
    factors = network(vector)
    a, b = ({m: pair[side] for m, pair in factors.items()} for side in (0, 1))
    return LoRA(a, b, network.config.scaling)


class FromDescription:
    """The network's adapter for a task's description, whose embedding [E] is in ``vectors``."""

    def __init__(self, network: TaskHypernetwork, vectors: Mapping[str, Tensor]) -> None:
        self.network, self.vectors = network, vectors

    def __call__(self, task: Task) -> LoRA:
        return adapter_of(self.network, self.vectors[task.description])


class OwnAdapters(nn.Module):
    """An ordinary LoRA for each task, by name: what a network that reads descriptions is measured against.

    Initialised as LoRA is (A normal, std d_in ** -0.5; B zero).
    """

    def __init__(self, names: Iterable[str], config: TaskConfig) -> None:
        super().__init__()
        self.config, self.places = config, {name: i for i, name in enumerate(dict.fromkeys(names))}

        def table(widths: Mapping[str, int]) -> nn.ParameterDict:
            shape = (len(self.places), config.num_layers, config.rank)
            return nn.ParameterDict({m: nn.Parameter(torch.zeros(*shape, widths[m])) for m in config.modules})

        self.A, self.B = table(config.d_in), table(config.d_out)
        with torch.no_grad():
            for a in self.A.values():
                a.normal_(std=a.size(-1) ** -0.5)

    def forward(self, task: Task) -> LoRA:
        """Raises KeyError for a task that has no adapter here."""
        i = self.places[task.name]
        a, b = ({m: rows[i] for m, rows in table.items()} for table in (self.A, self.B))
        return LoRA(a, b, self.config.scaling)


def nobody(_task: Task) -> None:
    """Writes no adapter: the base as it is."""


@dataclass(frozen=True)
class Adapters:
    """A task's adapter by ``write``, merged with that of its context if it has one."""

    write: Writer
    documents: Mapping[str, LoRA]

    def of(self, task: Task) -> LoRA | None:
        """Both in one; None where there is neither."""
        parts = [self.write(task), self.documents.get(task.context)]
        known = [part for part in parts if part is not None]
        return LoRA.concat(known) if known else None


def documents(memory: DocToLoRA, tasks: Sequence[Task]) -> dict[str, LoRA]:
    """The adapter of every context of the tasks, made once: {context: adapter}."""
    contexts = list(dict.fromkeys(task.context for task in tasks if task.context))
    made: dict[str, LoRA] = {}
    with tqdm(total=len(contexts), desc="internalize") as bar:
        for start in range(0, len(contexts), _AT_ONCE):
            texts = contexts[start : start + _AT_ONCE]
            chunks = [memory.chunks(text) for text in texts]
            loras = iter(memory.generate([chunk for found in chunks for chunk in found]))
            for text, found in zip(texts, chunks, strict=True):
                made[text] = memory.combine([next(loras) for _ in found])
            bar.update(len(texts))
    return made
