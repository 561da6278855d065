"""Early judgement in training: exact match on held-out facts, teacher-forced (as greedy decoding)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from transformers import PreTrainedModel

from hypernet.networks.hypernetwork import AnyHypernetwork
from hypernet.training.reference.alignment import MemoryBatch, align
from hypernet.training.reference.losses import exact_rows, remembering
from hypernet.training.reference.rows import Batch, Renderer
from hypernet.world.facts import FactWorld

_SEED = 20_000
CASES = (  # chunks, facts per chunk, same kind
    (1, 1, False),
    (1, 3, False),
    (1, 6, False),
    (1, 4, True),
    (4, 1, False),
    (4, 1, True),
    (8, 1, True),
)


def judge_reading(
    base: PreTrainedModel, renderer: Renderer, groups: int = 40
) -> Callable[[], dict[str, float]]:
    """Exact match with the context in the prompt."""

    def evaluate() -> dict[str, float]:
        figures = {}
        for chunks, facts, same in CASES:
            world = FactWorld("heldout", _SEED)
            batch = []
            for _ in range(groups):
                group = world.group(chunks, facts, same_kind=same)
                text = "\n".join(c.text for c in group.contexts)
                qa = group.contexts[-1].qa[-1]
                batch += renderer.with_context([text], [[(qa.question, qa.answer)]], text_weight=0.0)
            figures[_name(chunks, facts, same)] = exact_rows(base, Batch.of(batch)).float().mean().item()
        return figures

    return evaluate


def judge_memory(
    base: PreTrainedModel, hypernetwork: AnyHypernetwork, renderer: Renderer, groups: int = 48
) -> Callable[[], dict[str, float]]:
    """Exact match from merged adapters alone; ``unknown`` is the share of refusals where nothing was told."""

    def evaluate() -> dict[str, float]:
        figures, refused = {}, []
        for chunks, facts, same in CASES:
            batch, told = memory_batch(renderer, FactWorld("heldout", _SEED), groups, chunks, facts, same)
            with remembering(base, hypernetwork, batch):
                right = exact_rows(base, batch.rows)
            figures[_name(chunks, facts, same)] = right[told].float().mean().item()
            refused.append(right[~told])
        return {**figures, "unknown": torch.cat(refused).float().mean().item()}

    return evaluate


def memory_batch(
    renderer: Renderer, world: FactWorld, groups: int, chunks: int, facts: int, same: bool
) -> tuple[MemoryBatch, torch.Tensor]:
    """One told and one unanswerable question per group; also which rows were told, bool [2 * groups]."""
    drawn = [world.group(chunks, facts, same_kind=same) for _ in range(groups)]
    dialogues = []
    for i, group in enumerate(drawn):
        told = [qa for context in group.contexts for qa in context.qa]
        dialogues += [[told[i % len(told)]], [group.unknown[0]]]
    return align(renderer, drawn, chunks, dialogues), torch.tensor([True, False] * groups)


def _name(chunks: int, facts: int, same: bool) -> str:
    return f"{chunks}x{facts}{'s' if same else ''}"
