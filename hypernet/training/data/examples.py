"""What Doc-to-LoRA is trained on: texts that are told, questions they answer, and questions they do not.

A line of the file (docs/training.md says what each field means):
``{"contexts": ["..."], "qa": [{"question": "...", "answer": "..."}], "unknown": [{"question": "..."}],
"kind": "..."}``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hypernet.training import json_lines
from hypernet.training.json_lines import DataError, Fields
from hypernet.world.facts import Group

_PARTS = 10_000
_FRAME_WORDS = frozenset(
    (
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "what",
        "who",
        "which",
        "can",
        "you",
        "tell",
        "me",
        "remind",
    )
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Example:
    """Contexts that belong together, questions that they answer, and questions that none of them answers.

    ``kind`` names what is like it: each kind has a line of its own where recall is measured.
    """

    contexts: tuple[str, ...]
    qa: tuple[Asked, ...]
    unknown: tuple[str, ...] = ()
    kind: str = ""

    @property
    def size(self) -> int:
        """Characters told."""
        return sum(map(len, self.contexts))

    def to_record(self) -> Fields:
        """The example as a line of the file."""
        record: Fields = {
            "contexts": list(self.contexts),
            "qa": [{"question": q.question, "answer": q.answer} for q in self.qa],
        }
        record |= {"unknown": [{"question": q} for q in self.unknown]} if self.unknown else {}
        return record | ({"kind": self.kind} if self.kind else {})


def of_group(group: Group, kind: str = "") -> Example:
    """A group of the package's own generators as an example."""
    return Example(
        tuple(context.text for context in group.contexts),
        tuple(Asked(qa.question, qa.answer) for context in group.contexts for qa in context.qa),
        tuple(qa.question for qa in group.unknown),
        kind,
    )


def read(path: Path) -> list[Example]:
    """All examples of a file. Raises FileNotFoundError, and DataError that names file and line."""
    return json_lines.read(path, _parse)


def split(examples: Sequence[Example], heldout: float) -> tuple[list[Example], list[Example]]:
    """Examples to train on, and a share of about ``heldout`` to judge on, by a hash of their first context.

    The same text is on the same side in every run and every file. No context stands on both sides: an
    example that shares one with a held-out example is left out. Raises DataError when a side is empty.
    """
    judged = [e for e in examples if share(e.contexts[0]) < heldout]
    seen = {_normed(context) for e in judged for context in e.contexts}
    trained = [e for e in examples if not seen & {_normed(context) for context in e.contexts}]
    if not trained or not judged:
        raise DataError(
            f"of {len(examples)} examples {len(trained)} are left to train on and {len(judged)} to judge on: "
            f"expected at least one each; give more data, or another held-out share than {heldout:g}"
        )
    return trained, judged


def share(text: str) -> float:
    """A number in [0, 1) that the text alone decides, blanks and case aside."""
    digest = hashlib.sha256(_normed(text).encode()).digest()
    return int.from_bytes(digest[:8], "big") % _PARTS / _PARTS


def same_question(one: str, two: str) -> bool:
    """Whether two questions may ask the same: all telling words of one are among the other's."""
    words = [_telling(question) for question in (one, two)]
    return words[0] <= words[1] or words[1] <= words[0]


def asks_any(questions: Iterable[str], example: Example) -> bool:
    """Whether the example answers what may be one of the questions."""
    return any(same_question(q, known.question) for q in questions for known in example.qa)


def _telling(question: str) -> set[str]:
    return {word.strip("?.,!:;\"'") for word in question.casefold().split()} - _FRAME_WORDS


def _normed(text: str) -> str:
    return " ".join(text.casefold().split())


def _parse(record: Fields) -> Example:
    json_lines.require_fields(record, ("contexts", "qa", "unknown", "kind"))
    contexts = tuple(json_lines.not_blank(c, "contexts") for c in json_lines.items(record, "contexts"))
    qa = tuple(
        Asked(json_lines.text(q, "question"), json_lines.text(q, "answer"))
        for q in json_lines.items(record, "qa")
    )
    unknown = tuple(json_lines.text(q, "question") for q in json_lines.items(record, "unknown"))
    if not contexts:
        raise ValueError("expected at least one text in 'contexts', found none")
    if not qa:
        raise ValueError("expected at least one question with its answer in 'qa', found none")
    kind = json_lines.not_blank(record["kind"], "kind") if "kind" in record else ""
    return Example(contexts, qa, unknown, kind)
