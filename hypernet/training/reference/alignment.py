"""Where the tokens of an answer stand in the chunks that told it: what a factor row should be found by.

An answer that stands in the text word for word says which token each of its tokens was copied from. That is
supervision for free: those tokens are salient, and the state that must say one of them should be answered by
the row anchored to it, and by no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypernet.training.reference.rows import Batch, Renderer
from hypernet.world.facts import QA, Group

Spot = tuple[tuple[int, int], ...] | None
"""The (chunk, position) pairs an answer token may be copied from; () from none, None where it is unknown."""

MAX_OCCURRENCES = 3  # occurrences of an answer that are looked at


@dataclass
class MemoryBatch:
    """Groups to internalize and ask: ``chunks`` in group order, ``rows`` the questions in group order.

    ``salient`` are the positions of each chunk that an answer is copied from; ``spots`` belong to the tokens
    of weight 1 in ``rows``, row by row: where each is copied from.
    """

    chunks: list[list[int]]
    chunks_per_group: int
    rows: Batch
    salient: list[set[int]]
    spots: list[Spot]


def occurrences(chunk: Sequence[int], answer: Sequence[int], digits: frozenset[int]) -> list[int]:
    """Where ``answer`` begins in ``chunk``; numbers only where they are not part of a longer number."""
    width = len(answer)
    found = [i for i in range(len(chunk) - width + 1) if list(chunk[i : i + width]) == list(answer)]
    if answer[-1] in digits:
        found = [i for i in found if i + width == len(chunk) or chunk[i + width] not in digits]
    return found[:MAX_OCCURRENCES]


def spots(chunk: int, starts: Sequence[int], length: int) -> list[Spot]:
    """A spot for each of an answer's ``length`` tokens, and one for its end, which is copied from nowhere."""
    if not starts:
        return [*[None] * length, ()]
    return [*(tuple((chunk, start + j) for start in starts) for j in range(length)), ()]


def align(
    renderer: Renderer,
    groups: Sequence[Group],
    chunks: int,
    dialogues: Sequence[Sequence[QA]],
    texts: Sequence[str] = (),
) -> MemoryBatch:
    """The batch that tells ``groups`` and asks ``dialogues``, equally many a group and in their order.

    ``texts``, one a dialogue, are in the prompts too: what is told both ways must not be drowned by either.
    """
    ids = renderer.contexts(c.text for g in groups for c in g.contexts)
    told = [qa for g in groups for c in g.contexts for qa in c.qa]
    answers = iter(renderer.encode(qa.answer for qa in told))
    salient: list[set[int]] = [set() for _ in ids]
    where: dict[int, list[Spot]] = {}
    for chunk, context in enumerate(c for g in groups for c in g.contexts):
        for qa in context.qa:
            answer = next(answers)
            starts = occurrences(ids[chunk], answer, renderer.digits)
            salient[chunk].update(start + j for start in starts for j in range(len(answer)))
            where[id(qa)] = spots(chunk, starts, len(answer))
    asked = [[(qa.question, qa.answer) for qa in turns] for turns in dialogues]
    rows = renderer.with_context(texts, asked, text_weight=0.0) if texts else renderer.dialogues(asked)
    flat = [qa for turns in dialogues for qa in turns]
    untold = (len(a) + 1 for a in renderer.encode(qa.answer for qa in flat if id(qa) not in where))
    found = [spot for qa in flat for spot in where.get(id(qa)) or [()] * next(untold)]
    return MemoryBatch(ids, chunks, Batch.of(rows), salient, found)
