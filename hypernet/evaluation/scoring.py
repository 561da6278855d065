"""Exact match, partial credit and confidence intervals."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Z = 1.96  # 95 %


@dataclass(frozen=True)
class Figure:
    """One case under one condition: exact match and token F1, shares with 95 % intervals.

    ``chance`` is what picking any told value would score, where all are of one kind; ``axis`` and ``at``
    place the figure on a plot.
    """

    case: str
    condition: str
    questions: int
    exact: float
    low: float
    high: float
    f1: float = 0.0
    f1_low: float = 0.0
    f1_high: float = 0.0
    chance: float | None = None
    axis: str = ""
    at: float = 0.0


def score(
    case: str,
    condition: str,
    pairs: Sequence[tuple[str, str]],
    *,
    chance: float | None = None,
    axis: str = "",
    at: float = 0.0,
) -> Figure:
    """The figure of (said, right answer) pairs. Raises ValueError when there are none."""
    if not pairs:
        raise ValueError(f"no answers to score for {case!r} under {condition!r}")
    right = sum(said == answer for said, answer in pairs)
    shares = [token_f1(said, answer) for said, answer in pairs]
    return Figure(
        case,
        condition,
        len(pairs),
        right / len(pairs),
        *wilson(right, len(pairs)),
        *_mean(shares),
        chance=chance,
        axis=axis,
        at=at,
    )


def token_f1(said: str, answer: str) -> float:
    """Harmonic mean of precision and recall over words, case aside (SQuAD, arXiv 1606.05250)."""
    a, b = (Counter(re.findall(r"\w+", text.casefold())) for text in (said, answer))
    shared = sum((a & b).values())
    return 2 * shared / (a.total() + b.total()) if shared else float(said == answer)


def wilson(right: int, total: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a share."""
    p = right / total
    centre, spread = p + Z * Z / (2 * total), Z * math.sqrt(p * (1 - p) / total + Z * Z / (4 * total * total))
    low, high = (centre - spread) / (1 + Z * Z / total), (centre + spread) / (1 + Z * Z / total)
    return max(0.0, low), min(1.0, high)  # rounding may lead a hair beyond


def _mean(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean with a normal 95 % interval."""
    mean = sum(values) / len(values)
    spread = Z * math.sqrt(sum((v - mean) ** 2 for v in values)) / len(values)
    return mean, max(0.0, mean - spread), min(1.0, mean + spread)
