"""A passage: the text behind one adapter, parsed once into lines with speakers.

What was told in turns is stored with our labels, a line for each speaker ("User: ..."), and nothing else
is: in a text that was given as a whole such a label is part of the text, and names somebody.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from hypernet.overlap import words
from memory.records import STANDALONE_KINDS, MemoryRecord, Role
from memory.text.dates import dated
from memory.text.sentences import clauses
from memory.text.speakers import Named, guarded, label, named, quoted, role_in


@dataclass(frozen=True)
class Line:
    """One line of a passage, and who says it."""

    text: str  # without labels
    role: Role | None = None  # who told it, where it was told in turns
    name: str = ""  # whom the text has say it: "Ana" of a pasted "Ana: Hello."; "" for who tells it
    spoken_by: str = ""  # the label that the text has, as it stands before the line
    told_by: str = ""  # the label of ours before that

    @property
    def label(self) -> str:
        """The labels before what is said."""
        return self.told_by + self.spoken_by

    def saying(self, said: str) -> str:
        """The line as it is stored and as a model reads it, with this text in place of its own."""
        return self.label + said if self.label else guarded(self.role, said)

    @property
    def transcribed(self) -> bool:
        """Whether the text itself names its speaker."""
        return bool(self.name or self.spoken_by)

    @cached_property
    def clauses(self) -> tuple[str, ...]:
        """Its sentences, or their clauses about somebody."""
        return tuple(self.text[start:end] for start, end in clauses(self.text))


@dataclass(frozen=True)
class Passage:
    """What one adapter is made from, and where it comes from."""

    text: str  # as it is stored
    role: Role | None = None  # who said it, where one speaker did
    first_turn: int | None = None
    last_turn: int | None = None
    told_at: datetime | None = None  # where it was told long before it is stored; None: now

    @classmethod
    def of(cls, record: MemoryRecord, *, seen: bool = True) -> Passage:
        """What a memory says, as it is read: with dates for "tomorrow" and its kin.

        Of a picture that is its caption and, unless not `seen`, what the model says of it.
        """
        text = record.found_by if seen else record.text
        said = cls(text, record.role, record.first_turn, record.last_turn)
        if record.kind in STANDALONE_KINDS and record.valid_from is None:
            return said  # a skill, or a document, of which nobody said when it was written
        return said.dated(record.valid_from or record.created_at)

    def dated(self, said_at: datetime) -> Passage:
        """The passage with dates in the place of times that are said from where the speaker stands."""
        text = dated(self.text, said_at)
        return self if text == self.text else replace(self, text=text)

    @property
    def in_turns(self) -> bool:
        """Whether it was told in turns: then the labels that begin its lines are ours."""
        return self.first_turn is not None

    @property
    def shown(self) -> str:
        """The text as it stands in a prompt, where a label is taken for who speaks."""
        return self.text if self.in_turns else quoted(self.text)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Its lines that are not blank."""
        return tuple(line for line in self._lines if line.text.strip())

    @cached_property
    def bare(self) -> str:
        """The text without labels of ours, which would draw embeddings of lines together."""
        if not self.in_turns:
            return self.text
        return "\n".join(self._told[2])

    @cached_property
    def words(self) -> frozenset[str]:
        """The stems of its words, labels of ours apart."""
        return words(self.bare)

    def label_at(self, at: int) -> str:
        """The label that a part beginning there needs, so that it keeps its speaker; "" for none."""
        place = bisect_right(self._starts, at) - 1
        line = self._lines[place]
        if line.label and self._firsts[place] >= at:
            return ""  # the part begins with it
        said = line.spoken_by or (f"{line.name}: " if line.name else "")
        return (label(line.role) if line.role is not None else "") + said

    @cached_property
    def _starts(self) -> list[int]:
        """The offsets at which its lines begin."""
        return [0, *(found.end() for found in re.finditer("\n", self.text))]

    @cached_property
    def _firsts(self) -> list[int]:
        """Where each line's first character is that is no white space: found once, for a line may be long."""
        spaces = re.compile(r"[^\S\n]*")
        return [found.end() for start in self._starts if (found := spaces.match(self.text, start))]

    @cached_property
    def _told(self) -> tuple[list[Role | None], list[str], list[str]]:
        """Of each line who told it, the label of ours that it begins with, and what stands behind that."""
        roles: list[Role | None] = []
        labels: list[str] = []
        texts: list[str] = []
        role = self.role if self.in_turns else None
        for line in self.text.split("\n"):
            begins = role_in(line) if self.in_turns else None
            ours = begins is not None and self.role in (None, begins)
            role = begins if ours else role
            labels.append(label(begins) if ours and begins is not None else "")
            texts.append(line[len(labels[-1]) :])
            roles.append(role)
        return roles, labels, texts

    @cached_property
    def _lines(self) -> tuple[Line, ...]:
        roles, labels, texts = self._told
        return tuple(
            Line(text[len(by.label) :], role, by.name, by.label, ours)
            for text, by, role, ours in zip(texts, _named(texts, labels), roles, labels, strict=True)
        )


def _named(texts: Sequence[str], labels: Sequence[str]) -> Iterator[Named]:
    """The speaker of each line of a conversation, where each message begins with one of our labels."""
    starts = [place for place, ours in enumerate(labels) if ours or not place]
    for start, end in zip(starts, [*starts[1:], len(texts)], strict=True):
        yield from named(texts[start:end])


def passage_of(said: Passage | str) -> Passage:
    """A passage of a text that was given as a whole."""
    return Passage(said) if isinstance(said, str) else said


def joined(passages: Sequence[Passage]) -> Passage:
    """Several passages as one, in their order."""
    roles = {passage.role for passage in passages}
    return Passage(
        "\n".join(passage.text for passage in passages),
        role=roles.pop() if len(roles) == 1 else None,
        first_turn=min((p.first_turn for p in passages if p.first_turn is not None), default=None),
        last_turn=max((p.last_turn for p in passages if p.last_turn is not None), default=None),
    )
