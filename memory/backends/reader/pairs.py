"""What a small model says of an older and a newer statement, where the rules see no change.

    I work at Deloitte.           I quit Deloitte, I'm at KPMG now.   replaced
    My brother lives in Liège.    My sister lives in Ghent.           both hold

What it is sure of decides which of two recalled texts answers: an older one that a newer one replaces is
read beside it, for what both are about, and gives no value. Nothing that is stored is changed by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from memory.backends.reader.changes import News
from memory.text.normalise import plain
from memory.text.passage import Passage
from memory.text.sentences import sentences

# Log odds from which on a newer statement replaces an older one: where it speaks of a change, and else.
REPLACES, UNSAID = 3.0, 5.0
_LONGEST = 240  # characters of a statement that is judged
_MOST = 4  # sentences of a text of which each is judged


class Judged(Protocol):
    """What a newer statement does to an older one: log odds that it replaces it."""

    @property
    def replaces(self) -> float: ...


class Pairs(Protocol):
    """Judges an older and a newer statement."""

    def judge(self, older: str, newer: str) -> Judged: ...


def statements(passage: Passage) -> Sequence[str]:
    """The sentences of a text that can be judged: a few short ones on one line, which its teller says."""
    if len(passage.lines) != 1 or passage.lines[0].transcribed or passage.lines[0].role == "assistant":
        return ()
    said = sentences(passage.lines[0].text)
    return said if len(said) <= _MOST and all(len(one) <= _LONGEST for one in said) else ()


def near(newer: News, older: News) -> bool:
    """Whether two are worth judging: they share a word, or the newer one speaks of a change."""
    return not newer.adds and (bool(newer.words & older.words) or newer.changed or newer.ended)


class Judge:
    """What a newer text does to older ones. Each statement is judged once."""

    def __init__(self, pairs: Pairs, newer: str, changed: bool) -> None:
        self._pairs = pairs
        self._newer = plain(newer)
        self._least = REPLACES if changed else UNSAID
        self._odds: dict[str, float] = {}

    def replaces(self, told: Sequence[str]) -> bool:
        """Whether it takes the place of all statements of an older text."""
        return bool(told) and all(self._replaced(one) > self._least for one in told)

    def _replaced(self, older: str) -> float:
        if older not in self._odds:
            self._odds[older] = self._pairs.judge(plain(older), self._newer).replaces
        return self._odds[older]
