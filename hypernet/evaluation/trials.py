"""Evaluation trials: context, question and answer; and the synthetic-fact cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from hypernet.world.facts import QA, FactWorld

SEED = 77_000  # apart from the seeds of training and of its early judgement


@dataclass(frozen=True, slots=True)
class Trial:
    """Chunks of text as they were told, and a question with its right answer (a refusal if never told)."""

    chunks: tuple[str, ...]
    question: str
    answer: str
    told: bool = True


@dataclass(frozen=True)
class Case:
    """Trials of one kind. ``axis`` and ``at`` place it on a plot; ``chance`` is a guess among told values."""

    name: str
    draw: Callable[[int], Sequence[Trial]]
    axis: str = ""
    at: float = 0.0
    chance: float | None = None


def facts(
    name: str, chunks: int, facts_each: int, *, same_kind: bool = False, axis: str = "", at: float = 0.0
) -> Case:
    """Groups of synthetic facts, held-out values and owners, half of the phrasings held out too."""
    chance = 1 / (chunks * facts_each) if same_kind else None

    def draw(count: int) -> Sequence[Trial]:
        return tuple(_trials(count, chunks, facts_each, same_kind))

    return Case(name, draw, axis, at, chance)


def _trials(count: int, chunks: int, facts_each: int, same_kind: bool) -> Iterator[Trial]:
    """Of each group one question that is answered in it, and one that is not."""
    world = FactWorld("heldout", SEED)
    for i in range(count):
        group = world.group(chunks, facts_each, same_kind=same_kind)
        texts = tuple(context.text for context in group.contexts)
        told = [qa for context in group.contexts for qa in context.qa]
        yield _trial(texts, told[i % len(told)], told=True)
        yield _trial(texts, group.unknown[0], told=False)


def sentences(count: int) -> Sequence[Trial]:
    """One sentence that tells two or three facts, half of the time in words that training never sees."""
    world = FactWorld("heldout", SEED)
    contexts = [world.sentence(3) for _ in range(count)]
    return tuple(_trial((c.text,), c.qa[i % len(c.qa)], told=True) for i, c in enumerate(contexts))


def _trial(texts: tuple[str, ...], qa: QA, *, told: bool) -> Trial:
    return Trial(texts, qa.question, qa.answer, told)


_IN_CHUNK, _MERGED = "facts in a chunk", "merged chunks"
SYNTHETIC = (
    *(facts("1 fact" if n == 1 else f"{n} facts", 1, n, axis=_IN_CHUNK, at=n) for n in (1, 3, 6)),
    *(
        facts(f"{n} facts, same kind", 1, n, same_kind=True, axis=f"{_IN_CHUNK}, same kind", at=n)
        for n in (2, 3, 4)
    ),
    *(facts(f"{n} chunks of 1", n, 1, axis=_MERGED, at=n) for n in (4, 8, 16, 32, 64)),
    *(
        facts(f"{n} chunks of 1, same kind", n, 1, same_kind=True, axis=f"{_MERGED}, same kind", at=n)
        for n in (4, 8, 16)
    ),
    facts("4 chunks of 3", 4, 3),
    Case("2 or 3 facts, one sentence", sentences),
)
