"""How near a description has to be to those a network learned, so that it is worth following: measured.

A network makes an adapter of any description. Whether it does the task is measured on descriptions that it
was not trained on: tasks that it does not do, practised or not, are named, and of what is nearest to
another one the bound is the cosine that tells best those it follows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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


HOPELESS = -1.0  # in place of a cosine, for a description nearest to one of a task that is not done


def nearest(
    vectors: Mapping[str, Tensor], learned: Sequence[str], description: str, failed: Collection[str] = ()
) -> float:
    """The cosine of a description's embedding [E] to the nearest learned one, HOPELESS if that failed."""
    known = torch.stack([vectors[one] for one in learned])
    cosines = torch.cosine_similarity(known, vectors[description][None])
    place = int(cosines.argmax())
    return HOPELESS if learned[place] in failed else float(cosines[place])


def undone(judged: Sequence[tuple[str, bool]]) -> set[str]:
    """From (task, answered right) of each question: the tasks of which less than FOLLOWED is right."""
    found: dict[str, list[bool]] = {}
    for task, right in judged:
        found.setdefault(task, []).append(right)
    return {task for task, right in found.items() if sum(right) < FOLLOWED * len(right)}


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

    cosines = sorted({cosine for cosine, _ in judged if cosine > HOPELESS})
    if not cosines:
        return None
    near = max(cosines, key=lambda one: sum(shares(one)))
    return Confidence(near, *shares(near), len(judged))
