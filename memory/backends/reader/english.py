"""Reads English by rules: fills the port `Reader`. No model is asked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from memory.backends.reader import asking, keeping
from memory.backends.reader.claims import Claim, claims, contradicts, remaining, standing
from memory.backends.reader.questions import questions
from memory.backends.reader.rivals import Gist, Said, gist, gives_way, mentions, read, read_with_questions
from memory.backends.reader.rivals import rivals as answer_alike
from memory.ports import Reading
from memory.text.conversation import unlabelled
from memory.text.sentences import sentences


class EnglishReader:
    """Rules for English, of a millisecond at most for a passage."""

    def read(self, text: str) -> EnglishReading:
        """The text, understood as far as it is asked about."""
        return EnglishReading(text)


class EnglishReading:
    """A text in English. What is asked of it is worked out once."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def asks(self) -> bool:
        """Whether the last sentence wants an answer."""
        said = sentences(self.text)
        return bool(said) and asking.asks(said[-1])

    @property
    def small_talk(self) -> bool:
        """Whether it is made of greetings, thanks and yes-and-no alone."""
        return asking.small_talk(self.text)

    @property
    def told(self) -> str:
        """The text without its questions and requests."""
        return asking.statements(self.text)

    @property
    def withheld(self) -> bool:
        """Whether the teller says not to keep it, or to forget something."""
        return keeping.withheld(self.text)

    @property
    def forgets(self) -> str:
        """What the teller wants forgotten, in the text's words."""
        return keeping.forgotten(self.text)

    @property
    def acknowledgement(self) -> str:
        """What it tells, said back to the teller."""
        return keeping.acknowledged(self.told)

    @property
    def standing(self) -> str:
        """The text without what a move left behind."""
        return standing(self.text)

    @cached_property
    def questions(self) -> Sequence[tuple[str, str]]:
        """Statements cut before the values that they tell."""
        return questions(self.text)

    @cached_property
    def claims(self) -> bool:
        """Whether it claims a value of anything that has one at a time."""
        return bool(self._claims)

    def contradicts(self, older: Reading) -> bool:
        """Whether it claims another value than the older text does."""
        before = english(older)._claims
        return any(contradicts(new, old) for new in self._claims for old in before)

    def left_of(self, older: Reading) -> str | None:
        """The clauses of the older text whose claims hold beside those of this one."""
        return remaining(older.text, self.text) if self.claims else None

    def stands_for(self, older: Reading, turn: Reading) -> bool:
        """Whether a statement of this text has all that the older one has of the turn's words."""
        asked, before = english(turn)._whole, english(older)
        shared = before._whole.words & asked.words
        return (
            bool(shared)
            and mentions(self.text, shared)  # for speed: most that are near do not
            and gives_way(asked, before._said, self._said)
        )

    def rivals(self, other: Reading) -> bool:
        """Whether a question that one of them answers is answered alike by both."""
        return answer_alike(self._asked, english(other)._asked)

    @cached_property
    def _claims(self) -> list[Claim]:
        return [claim for _, _, found in claims(self.text) for claim in found]

    @cached_property
    def _whole(self) -> Gist:
        return gist(unlabelled(self.text))

    @cached_property
    def _said(self) -> Said:
        return read(self.text)

    @cached_property
    def _asked(self) -> Said:
        return read_with_questions(self.text)


def english(reading: Reading) -> EnglishReading:
    """A reading as this reader has it, whoever made it."""
    return reading if isinstance(reading, EnglishReading) else EnglishReading(reading.text)
