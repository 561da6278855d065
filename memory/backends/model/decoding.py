"""Batched decoding, each row under its own adapter.

Axes: N rows, T tokens, V vocabulary.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from hypernet.lora.inject import apply
from memory.backends.model.reply import Reply
from memory.errors import ModelUnavailable

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@torch.no_grad()
def decode(model: PreTrainedModel, replies: Sequence[Reply], pad_id: int = 0) -> None:
    """Write all replies to their ends. A row leaves the batch when its reply ends or is cancelled.

    Prompts are padded on the left; positions count real tokens only, so a row's tokens are those it would
    have alone. Adapters are in force only inside this call, and never in the weights.
    """
    rows = [reply for reply in replies if reply.alive]
    if not rows:
        return
    ids, mask = _left_padded(rows, pad_id, model.device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    cache = _new_cache(model)
    only_last = {"logits_to_keep": 1} if "logits_to_keep" in _parameters(model) else {}
    while rows:
        with apply(model, [reply.adapter for reply in rows]):
            while all(reply.alive for reply in rows):
                output = model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    **only_last,
                )
                ids = _write(rows, output.logits[:, -1])
                positions = mask.sum(-1, keepdim=True)
                mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
        stay = torch.tensor(
            [i for i, reply in enumerate(rows) if reply.alive], device=ids.device, dtype=torch.long
        )
        rows = [reply for reply in rows if reply.alive]
        if rows:
            cache.batch_select_indices(stay)
            ids, mask, positions = ids[stay], mask[stay], positions[stay]


def _write(rows: Sequence[Reply], logits: Tensor) -> Tensor:
    """Each living row's next token, from logits [N, V], written into its reply: ids [N, 1].

    A row without numbers to choose by fails by itself, before any other draws: a failed batch draws again.
    """
    for reply, sound in zip(rows, (~(logits.isnan() | logits.isposinf()).any(-1)).tolist(), strict=True):
        if reply.alive and not sound:
            reply.fail(ModelUnavailable("the base model gave no numbers for this reply; ask again"))
    tokens = [reply.choose(row) if reply.alive else 0 for reply, row in zip(rows, logits, strict=True)]
    for reply, token in zip(rows, tokens, strict=True):
        if reply.alive:
            reply.accept(token)
    return torch.tensor(tokens, device=logits.device)[:, None]


def _left_padded(rows: Sequence[Reply], pad_id: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """ids [N, T] and mask [N, T] (1: a real token)."""
    width = max(len(reply.ids) for reply in rows)
    ids = [[pad_id] * (width - len(reply.ids)) + reply.ids for reply in rows]
    mask = [[0] * (width - len(reply.ids)) + [1] * len(reply.ids) for reply in rows]
    return torch.tensor(ids, device=device), torch.tensor(mask, device=device)


def _new_cache(model: PreTrainedModel) -> Any:
    """For a batch's keys and values. A model of transformers takes those of transformers."""
    if hasattr(model, "new_cache"):
        return model.new_cache()
    from transformers import DynamicCache

    return DynamicCache(config=model.config)


def _parameters(model: PreTrainedModel) -> list[str]:
    return list(inspect.signature(model.forward).parameters)
