"""What a small model says where the rules see no change, or see one that it is sure is none.

    I quit Deloitte, I'm at KPMG now.   replaces   I work at Deloitte.
    My sister lives in Ghent.           beside     My brother lives in Liège.

It reads single statements of one person; of a longer older text what is replaced goes sentence by sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from memory.backends.reader.changes import News
from memory.text.normalise import plain
from memory.text.passage import Passage
from memory.text.sentences import sentences

REPLACES = 4.0  # log odds from which on a newer statement takes an older one's place
TOGETHER = 4.0  # from which on both are kept, though the rules see two values of one thing
_LONGEST = 240  # characters of a statement that is judged
_MOST = 4  # sentences of a text of which each is judged


class Judged(Protocol):
    """What a newer statement does to an older one: log odds of each against the other two."""

    @property
    def together(self) -> float: ...
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
    """What a newer text leaves of older ones. Each statement is judged once."""

    def __init__(self, pairs: Pairs, newer: str) -> None:
        self._pairs = pairs
        self._newer = plain(newer)
        self._verdicts: dict[str, Judged] = {}

    def left_of(self, told: Sequence[str], left: str | None) -> str | None:
        """What is left of an older text with these statements, where the rules leave this: see `Reading`.

        They are overruled where the model is sure of each.
        """
        if left is not None:
            beside = bool(told) and all(self._judged(one).together > TOGETHER for one in told)
            return None if beside else left
        kept = [one for one in told if self._judged(one).replaces <= REPLACES]
        return " ".join(kept) if len(kept) < len(told) else None

    def _judged(self, older: str) -> Judged:
        if older not in self._verdicts:
            self._verdicts[older] = self._pairs.judge(plain(older), self._newer)
        return self._verdicts[older]
