"""What a model that judges pairs changes in which of two recalled texts answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from memory.backends.reader.english import EnglishReader
from memory.backends.reader.pairs import REPLACES, UNSAID


@dataclass(frozen=True)
class Odds:
    """Log odds that the newer statement replaces the older."""

    replaces: float


@dataclass
class Scripted:
    """Gives the same odds every time, and notes what it is asked."""

    odds: float
    asked: list[tuple[str, str]] = field(default_factory=list)

    def judge(self, older: str, newer: str) -> Odds:
        self.asked.append((older, newer))
        return Odds(self.odds)


@dataclass(frozen=True)
class Marked:
    """All of a text, for sure."""

    place: int
    end: int
    start: int = 0
    margin: float = 20.0


class FirstTrusted:
    """Marks the first of the texts that may answer at all."""

    def find(self, _question: str, texts: Sequence[str], doubts: Sequence[float] = ()) -> Marked | None:
        free = [place for place, doubt in enumerate(doubts) if doubt != float("inf")]
        return Marked(free[0], len(texts[free[0]])) if free else None

    def decide(self, _question: str, _texts: Sequence[str]) -> None:
        return None


ROOM = "My office is in room 210."
SWAPPED = "We swapped offices, I'm sitting in 305 now."
QUESTION = "Which room is my office in?"


def answering(judge: Scripted | None, *told: str, asked: str = QUESTION) -> Sequence[int]:
    reader = EnglishReader(FirstTrusted(), judge)
    return reader.read(asked).value_in([(reader.read(text), None) for text in told])[1]


def test_what_a_newer_text_replaces_does_not_answer() -> None:
    """Where the model is sure; without it, or where it is not, the older text may answer."""
    assert list(answering(None, ROOM, SWAPPED)) == [0]
    assert list(answering(Scripted(REPLACES - 0.1), ROOM, SWAPPED)) == [0]
    assert list(answering(Scripted(REPLACES + 0.1), ROOM, SWAPPED)) == [1]


def test_what_says_nothing_of_a_change_has_to_be_surer() -> None:
    """Of two such texts both are mostly so."""
    plain = "My office is in room 305."
    for sure in (False, True):
        judge = Scripted(UNSAID + (0.1 if sure else -0.1))
        reader = EnglishReader(judge=judge)
        assert reader.read(plain).outdates(reader.read(ROOM)) is sure


def test_all_that_the_older_text_says_has_to_be_replaced() -> None:
    """A text with another statement still answers."""

    class Partly(Scripted):
        def judge(self, older: str, _newer: str) -> Odds:
            return Odds(9.0 if older == ROOM else -9.0)

    assert list(answering(Partly(0.0), f"{ROOM} It has two windows.", SWAPPED)) == [0]


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (ROOM, "Where is my office now?"),
        (ROOM, "Thanks!"),
        ("The cat is asleep.", "I play the harp."),
        (ROOM, "I also have an office in room 305."),
        (ROOM, "We swapped offices. " * 200),
    ],
)
def test_what_is_no_change_is_not_judged(older: str, newer: str) -> None:
    """A question, small talk, another matter, an addition, a long text: nothing is asked."""
    judge = Scripted(9.0)
    reader = EnglishReader(judge=judge)
    assert not reader.read(newer).outdates(reader.read(older))
    assert judge.asked == []


def test_a_pair_is_judged_once() -> None:
    """However often it is asked about."""
    judge = Scripted(9.0)
    reader = EnglishReader(judge=judge)
    newer, older = reader.read(SWAPPED), reader.read(ROOM)
    assert [newer.outdates(older), newer.outdates(older)] == [True, True]
    assert judge.asked == [(ROOM, SWAPPED)]


def test_nothing_that_is_stored_is_changed_by_it() -> None:
    """What supersedes what is the rules' alone: a truth is never lost by a guess."""
    reader = EnglishReader(judge=Scripted(9.0))
    assert reader.read(SWAPPED).left_of(reader.read(ROOM)) is None
