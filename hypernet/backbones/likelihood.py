"""How likely answers are, each under its own adapter: one forward pass per batch, no decoding.

Axes: N rows, T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from hypernet.lora.inject import apply

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from hypernet.lora.adapter import LoRA


@dataclass(frozen=True, slots=True)
class Answered:
    """A prompt, the answer to be scored after it, and the adapter in force, all as the model takes them."""

    prompt: Sequence[int]
    answer: Sequence[int]
    adapter: LoRA | None


class Likelihood(NamedTuple):
    """Of one answer."""

    mean: float  # natural logarithm of the chances of its tokens; 0 is certainty
    greedy: bool  # whether the greedy reply would begin with it


@torch.no_grad()
def likelihoods(model: PreTrainedModel, rows: Sequence[Answered], pad_id: int = 0) -> list[Likelihood]:
    """That of each row's answer. Rows are padded on the right, where nothing that counts sees it."""
    width = max(len(row.prompt) + len(row.answer) for row in rows)
    ids = torch.full((len(rows), width), pad_id, device=model.device)  # [N, T]
    mask = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        told = torch.tensor([*row.prompt, *row.answer], device=model.device)
        ids[i, : len(told)] = told
        mask[i, : len(told)] = 1
    with apply(model, [row.adapter for row in rows]):
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits  # [N, T, V]
    return [_likelihood(logits[i], row) for i, row in enumerate(rows)]


def _likelihood(logits: torch.Tensor, row: Answered) -> Likelihood:
    """From logits [T, V]: those at one token speak of the next."""
    first = len(row.prompt) - 1
    chances = logits[first : first + len(row.answer)].float().log_softmax(-1)
    answer = torch.tensor(row.answer, device=logits.device)
    mean = chances.gather(-1, answer[:, None]).mean()
    return Likelihood(float(mean), bool((chances.argmax(-1) == answer).all()))
