"""A Reader that understands only "<subject> is <value>." and question marks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memory.ports import Reading, Told
from memory.records import Skipped
from memory.text.passage import Passage, passage_of

FORGET = "Forget "
_SENTENCE = re.compile(r"[^.?!\n]+[.?!]?")
_STATEMENT = re.compile(r"(?P<subject>.+?) is (?P<value>[^.?!]+)")


class PlainReader:
    """Has no language: words around " is " name a subject and its value, which is one at a time."""

    def read(self, said: Passage | str) -> PlainReading:
        """The text in sentences."""
        return PlainReading(said)


class PlainReading:
    """A text, and what its statements say of which subject."""

    def __init__(self, passage: Passage | str) -> None:
        self.text = passage_of(passage).text
        said = [sentence.strip() for sentence in _SENTENCE.findall(passage_of(passage).bare)]
        self._said = [sentence for sentence in said if sentence]
        self._stated: dict[str, str] = {}
        for sentence in self._said:
            if found := None if sentence.endswith("?") else _STATEMENT.match(sentence):
                self._stated[found["subject"].casefold()] = found["value"]

    @property
    def asks(self) -> bool:
        return bool(self._said) and self._said[-1].endswith("?")

    @property
    def small_talk(self) -> bool:
        return not self._said

    @property
    def told(self) -> str:
        return " ".join(sentence for sentence in self._said if not sentence.endswith("?"))

    @property
    def skipped(self) -> list[Skipped]:
        if self.withheld:
            return [Skipped(self.text, "not to be kept")]
        if self.small_talk:
            return [Skipped(self.text, "empty")]
        return [Skipped(sentence, "question") for sentence in self._said if sentence.endswith("?")]

    @property
    def withheld(self) -> bool:
        return bool(self.forgets)

    @property
    def forgets(self) -> str:
        return self.text[len(FORGET) :] if self.text.startswith(FORGET) else ""

    @property
    def acknowledgement(self) -> str:
        return f"Noted: {self.told}"

    @property
    def standing(self) -> str:
        return self.text

    def answers(self, turn: Reading) -> bool:  # noqa: ARG002 - all that is said stands
        return True

    @property
    def questions(self) -> list[tuple[str, str]]:
        return [(f"{subject} is?", value) for subject, value in self._stated.items()]

    @property
    def claims(self) -> bool:
        return bool(self._stated)

    def contradicts(self, older: Reading) -> bool:
        before = PlainReading(older.text)._stated
        return any(value != before.get(subject, value) for subject, value in self._stated.items())

    def left_of(self, older: Reading) -> str | None:
        if not self.contradicts(older):
            return None
        kept = [s for s in PlainReading(older.text)._said if not self.contradicts(PlainReading(s))]
        return " ".join(kept)

    def stands_for(self, older: Reading, turn: Reading) -> float:
        about = {s for s in PlainReading(older.text)._stated if s in turn.text.casefold()}
        return 0.5 if about and about <= self._stated.keys() else 0.0

    def value_in(
        self,
        told: Sequence[Told],
        nearest: Sequence[int] = (),  # noqa: ARG002 - it reads them all
    ) -> tuple[str, Sequence[int]]:
        asked = self.text.casefold()
        given = [
            {value for subject, value in PlainReading(one.text)._stated.items() if subject in asked}
            for one, _ in told
        ]
        values = set().union(*given)
        places = [place for place, found in enumerate(given) if found]
        return (values.pop(), places) if len(values) == 1 else ("", [])

    @property
    def personal(self) -> bool:
        return False

    def accepts(
        self,
        reply: str,
        told: Sequence[Told],  # noqa: ARG002 - any value is one
        beside: Sequence[str] = (),  # noqa: ARG002
    ) -> bool:
        return reply.casefold().rstrip(".") not in self.text.casefold()

    def rivals(self, other: Reading) -> bool:
        return bool(self._stated.keys() & PlainReading(other.text)._stated.keys())
