"""What was told and what is asked of it: the form that every corpus is read into."""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from memory.records import Message, Role

_LABELS: dict[Role, str] = {"user": "User: ", "assistant": "Assistant: "}


@dataclass(frozen=True, slots=True)
class Told:
    """One turn of a conversation, or one sentence of a document."""

    id: str
    said: str
    session: str
    at: datetime
    role: Role | None = None  # of who speaks with an assistant; None where the text itself says who speaks

    @property
    def text(self) -> str:
        """As it is recalled, and stands in a full context."""
        return f"{_LABELS[self.role]}{self.said}" if self.role in _LABELS else self.said

    @property
    def message(self) -> Message:
        """As a turn of a session. Raises ValueError where nobody speaks."""
        if self.role is None:
            raise ValueError(f"{self.id} is no message")
        return Message(self.role, self.said)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked. Without answers it has none, and a refusal is right."""

    kind: str
    text: str
    answers: tuple[str, ...] = ()
    evidence: frozenset[str] = frozenset()  # ids of what was told and answers it,
    enough: int = 0  # so many of them together; 0: all

    def share(self, ids: Iterable[str]) -> float:
        """Of the evidence that it takes, what is among these ids. Raises ZeroDivisionError without any."""
        needed = self.enough or len(self.evidence)
        return min(1.0, len(self.evidence.intersection(ids)) / needed)


@dataclass(frozen=True, slots=True)
class Story:
    """All that one user told, and the questions about it."""

    user: str
    told: tuple[Told, ...]
    questions: tuple[Question, ...]
    document: bool = False  # what was told is one text, and not turns


@dataclass(frozen=True)
class Corpus:
    """Stories, and how an answer to their questions is scored: a share, called by the name of the measure."""

    title: str
    stories: Sequence[Story]
    measure: str
    score: Callable[[str, Question], float]
    main: tuple[str, ...] = ()  # kinds in their order, which are also reported together,
    together: str = "together"  # under this name


class Measured(Protocol):
    """What was measured of a question."""

    @property
    def kind(self) -> str:
        """The question's."""


M = TypeVar("M", bound=Measured)


def by_kind(corpus: Corpus, measured: Sequence[M]) -> Iterator[tuple[str, list[M]]]:
    """Name and what was measured: the main kinds together first, then each kind by itself."""
    kinds = dict.fromkeys(question.kind for story in corpus.stories for question in story.questions)
    found = {kind: [one for one in measured if one.kind == kind] for kind in [*corpus.main, *kinds]}
    if any(together := [one for kind in corpus.main for one in found[kind]]):
        yield corpus.together, together
    yield from ((kind, some) for kind, some in found.items() if some)


def limited(stories: Sequence[Story], most: int | None) -> list[Story]:
    """At most so many questions of each kind, spread over all of them; stories without any are left out."""
    if most is None:
        return [*stories]
    of_kind: dict[str, list[Question]] = defaultdict(list)
    for story in stories:
        for question in story.questions:
            of_kind[question.kind].append(question)
    chosen = {id(one) for questions in of_kind.values() for one in _spread(questions, most)}
    kept = (
        replace(story, questions=tuple(one for one in story.questions if id(one) in chosen))
        for story in stories
    )
    return [story for story in kept if story.questions]


def _spread(questions: Sequence[Question], most: int) -> list[Question]:
    step = max(1.0, len(questions) / most)
    return [questions[int(i * step)] for i in range(min(most, len(questions)))]


def read_text(path: Path) -> str:
    """A file of text, gzipped or not. Raises OSError and UnicodeDecodeError."""
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
