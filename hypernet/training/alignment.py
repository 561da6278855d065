"""Where the tokens of an answer stand in the chunks that told it: what a factor row should be found by.

An answer that stands in the text word for word says which token each of its tokens was copied from. That is
supervision for free: those tokens are salient, and the state that must say one of them should be answered by
the row anchored to it, and by no other.
"""

from __future__ import annotations

from collections.abc import Sequence

Spot = tuple[tuple[int, int], ...] | None
"""The (chunk, position) pairs an answer token may be copied from; () from none, None where it is unknown."""

MOST = 3  # occurrences of an answer that are looked at


def occurrences(chunk: Sequence[int], answer: Sequence[int], digits: frozenset[int]) -> list[int]:
    """Where ``answer`` begins in ``chunk``; numbers only where they are not part of a longer number."""
    width = len(answer)
    found = [i for i in range(len(chunk) - width + 1) if list(chunk[i : i + width]) == list(answer)]
    if answer[-1] in digits:
        found = [i for i in found if i + width == len(chunk) or chunk[i + width] not in digits]
    return found[:MOST]


def spots(chunk: int, starts: Sequence[int], length: int) -> list[Spot]:
    """A spot for each of an answer's ``length`` tokens, and one for its end, which is copied from nowhere."""
    if not starts:
        return [*[None] * length, ()]
    return [*(tuple((chunk, start + j) for start in starts) for j in range(length)), ()]
