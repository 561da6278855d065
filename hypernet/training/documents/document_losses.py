"""Forward passes of Doc-to-LoRA training on a frozen base, and the loss they give.

Axes: C chunks, G groups, T tokens, K answer tokens, V vocabulary, L base layers, R rank.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from hypernet.backbones.encoder import by_length, encode, pad
from hypernet.backbones.tuning import tuned
from hypernet.lora.inject import apply_factors
from hypernet.networks.anchored import cat_chunks
from hypernet.networks.heads import Factors
from hypernet.networks.hypernetwork import AnyHypernetwork, merge
from hypernet.training.documents.addressing import addressing_loss, mlp_states
from hypernet.training.documents.lessons import Lesson
from hypernet.training.packed import Packed, Turn, answer_logits


@dataclass(frozen=True)
class Weights:
    """What each part of the loss counts: cross-entropy of the answers, KL from the base that has the contexts
    in its prompt, the mean absolute value of the generated factors, and finding the row of each token."""

    answers: float = 1.0
    teacher: float = 1.0
    l1: float = 0.01
    address: float = 0.3


def document_losses(
    base: PreTrainedModel, hypernetwork: AnyHypernetwork, lesson: Lesson, weights: Weights, tokens: int
) -> dict[str, Tensor]:
    """The weighted losses of a lesson; as many chunks or rows at a time as hold ``tokens`` tokens."""
    factors = generated(base, hypernetwork, lesson.chunks, tokens)
    merged = merged_groups(factors, hypernetwork, lesson.groups)
    told, taught, found = [], [], []
    for part in rows_by_length(lesson.rows, tokens):
        packed = Packed.of([lesson.rows[i] for i in part], base.device)
        with remembering(base, hypernetwork, of_groups(merged, part)), mlp_states(base, hypernetwork) as seen:
            logits = answer_logits(base, packed)
        if seen:
            found.append(addressing_loss(hypernetwork, merged, lesson, part, packed, seen))
        told.append(F.cross_entropy(logits, packed.targets, reduction="none"))
        if weights.teacher:
            reminded = [turn for i in part for turn in lesson.reminded[i]]
            taught.append(_divergences(base, logits, packed, reminded, tokens))
    losses = {"answers": weights.answers * torch.cat(told).mean(), "l1": weights.l1 * _mean_size(factors)}
    if found:
        losses["address"] = weights.address * torch.stack(found).mean()
    if weights.teacher:
        per_token = torch.cat(taught)
        losses["teacher"] = weights.teacher * per_token.sum() / max(1, len(per_token))
    return losses


@contextmanager
def remembering(base: PreTrainedModel, hypernetwork: AnyHypernetwork, factors: Factors) -> Iterator[None]:
    """Inside, the base answers with these factors and the hypernetwork's tuning."""
    config = hypernetwork.config
    with (
        tuned(base, hypernetwork),
        apply_factors(base, factors, config.scaling, config.written_layers or None),
    ):
        yield


def generated(
    base: PreTrainedModel, hypernetwork: AnyHypernetwork, chunks: Sequence[Sequence[int]], tokens: int
) -> Factors:
    """Factors of all chunks, in their order: A [C, L, R, d_in] and B [C, L, R, d_out] of each module.

    Without gradient in the encoder. Half-precision features are read under autocast, as in use.
    """
    config, order, pieces = hypernetwork.config, [], []
    half = base.dtype != torch.float32 and config.reader == "anchors"  # the other reader sees to it itself
    for part in by_length([len(chunk) for chunk in chunks], tokens):
        order += part
        ids, mask = pad([chunks[i] for i in part], base.device)
        with torch.no_grad():
            features = encode(base.get_decoder(), config, ids)
        with torch.autocast(base.device.type, torch.bfloat16, enabled=half):
            pieces.append(hypernetwork(features, None if mask.all() else mask))
    back = torch.tensor(order, device=base.device).argsort()
    return {m: (a[back], b[back]) for m, (a, b) in cat_chunks(pieces).items()}


def merged_groups(
    factors: Factors, hypernetwork: AnyHypernetwork, groups: Sequence[Sequence[int]]
) -> Factors:
    """The factors of each group's chunks side by side, then the bias adapter once: [G, L, (n+1) R, d].

    A smaller group gets chunks of zeros.
    """
    width = max(map(len, groups))
    nothing = len(next(iter(factors.values()))[0])
    numbers = torch.tensor([n for group in groups for n in [*group, *[nothing] * (width - len(group))]])

    def pick(rows: Tensor) -> Tensor:
        return F.pad(rows, (0, 0, 0, 0, 0, 0, 0, 1))[numbers.to(rows.device)]

    return merge({m: (pick(a), pick(b)) for m, (a, b) in factors.items()}, hypernetwork.bias(), width)


def of_groups(factors: Factors, groups: Sequence[int]) -> Factors:
    """The factors of these groups alone, in this order."""
    return {m: (a[groups], b[groups]) for m, (a, b) in factors.items()}


def rows_by_length(rows: Sequence[Sequence[Turn]], tokens: int) -> Iterator[list[int]]:
    """Numbers of the rows that go together: of like length, ``tokens`` at a time."""
    return by_length([sum(len(turn.ids) for turn in row) for row in rows], tokens)


def _divergences(
    base: PreTrainedModel, logits: Tensor, packed: Packed, reminded: Sequence[Turn | None], tokens: int
) -> Tensor:
    """KL from the reminded base at each answer token of the turns that have a reminder: [at most K]."""
    known = [number for number, turn in enumerate(reminded) if turn is not None]
    turns = [turn for turn in reminded if turn is not None]
    found = [logits.new_zeros(0)]
    for part in by_length([len(turn.ids) for turn in turns], tokens):
        part.sort()
        with torch.no_grad():
            wanted = answer_logits(base, Packed.of([[turns[i]] for i in part], base.device)).log_softmax(-1)
        here = torch.isin(packed.turn, torch.tensor([known[i] for i in part], device=packed.turn.device))
        said = logits[here].log_softmax(-1)
        found.append(F.kl_div(said, wanted, reduction="none", log_target=True).sum(-1))
    return torch.cat(found)


def _mean_size(factors: Factors) -> Tensor:
    return torch.stack([a.abs().mean() + b.abs().mean() for a, b in factors.values()]).mean()
