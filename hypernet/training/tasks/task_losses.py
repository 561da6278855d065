"""Text-to-LoRA: a fresh network and its two losses.

Axes: G descriptions, E embedding width, L base layers, R rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply
from hypernet.networks.task_hypernetwork import TaskConfig, TaskHypernetwork
from hypernet.training.data.tasks import Given
from hypernet.training.documents.document_losses import rows_by_length
from hypernet.training.packed import Packed, answer_logits
from hypernet.training.tasks.task_lessons import TaskLesson
from hypernet.training.tasks.task_writers import Adapters

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


def task_loss(base: PreTrainedModel, adapters: Adapters, lesson: TaskLesson, tokens: int) -> Tensor:
    """Mean cross-entropy of the answers, each with the adapter of its description and of its context."""
    made = [adapters.of(task) for task in lesson.tasks]
    losses = []
    for part in rows_by_length(lesson.rows, tokens):
        packed = Packed.of([lesson.rows[i] for i in part], base.device)
        with apply(base, [made[i] for i in part]):
            losses.append(F.cross_entropy(answer_logits(base, packed), packed.targets, reduction="none"))
    return torch.cat(losses).mean()


def relative_error(made: LoRA, wanted: LoRA) -> float:
    """How far the made delta W is from the wanted one, over all layers, relative to its norm."""
    wanted = wanted.to(made.A[made.modules[0]].device, torch.float32)
    difference = LoRA.concat([made, wanted.scaled(-1)])
    return (_square_norm(difference) / _square_norm(wanted)) ** 0.5


def _square_norm(lora: LoRA) -> float:
    """The square of delta W's norm, by the small products of its factors."""
    grams = [((lora.A[m] @ lora.A[m].mT) * (lora.B[m] @ lora.B[m].mT)).sum().item() for m in lora.modules]
    return lora.scaling**2 * max(sum(grams), 0.0)
