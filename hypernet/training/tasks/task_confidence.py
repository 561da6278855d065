"""How near a description has to be to those a network learned, so that it is worth following: measured.

A network makes an adapter of any description. Whether it does the task is measured on descriptions that it
was not trained on; the bound is the cosine that tells best those it follows from the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

FOLLOWED = 0.5  # share of right answers from which on a description counts as followed


@dataclass(frozen=True)
class Confidence:
    """A bound, and what it did to the descriptions that it was chosen on."""

    near: float  # least cosine to the nearest description that was learned
    taken: float  # share of those followed that reach it
    refused: float  # share of the others that do not
    count: int  # descriptions


def nearest(vectors: Mapping[str, Tensor], learned: Sequence[str], description: str) -> float:
    """The cosine of a description's embedding [E] to the nearest that was learned."""
    known = torch.stack([vectors[one] for one in learned])
    return float(torch.cosine_similarity(known, vectors[description][None]).max())


def bound(judged: Sequence[tuple[float, bool]]) -> Confidence | None:
    """From (cosine, followed) of each description; None where all are followed, or none is.

    Of the cosines that occur, the one with the best mean of both shares; of equals the lowest.
    """
    followed = [cosine for cosine, right in judged if right]
    others = [cosine for cosine, right in judged if not right]
    if not followed or not others:
        return None

    def shares(near: float) -> tuple[float, float]:
        taken = sum(cosine >= near for cosine in followed) / len(followed)
        return taken, sum(cosine < near for cosine in others) / len(others)

    near = max(sorted({cosine for cosine, _ in judged}), key=lambda one: sum(shares(one)))
    return Confidence(near, *shares(near), len(judged))
