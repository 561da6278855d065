"""What a text in English says: what of it stands, what it claims, asks, denies, replaces. By rules alone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from memory.backends.reader import asking, keeping
from memory.backends.reader.answer.clauses import Said
from memory.backends.reader.answer.spans import NEVER, REPORTED
from memory.backends.reader.answer.yes_no import decidable
from memory.backends.reader.changes import News, news
from memory.backends.reader.claims import Claim, claims, contradicts, remaining, standing
from memory.backends.reader.lines import by_name, may_answer, told_in
from memory.backends.reader.questions import questions
from memory.backends.reader.rivals import (
    ParsedPassage,
    Topic,
    gives_way,
    mentions,
    read,
    read_with_questions,
    same_kinds,
    whole,
)
from memory.backends.reader.rivals import rivals as answer_alike
from memory.backends.reader.standing import asked_for, beside_denial, put_as, stands
from memory.backends.reader.values import asked_kind, holds_kind
from memory.ports import Reading
from memory.records import Skipped
from memory.text.normalise import plain
from memory.text.passage import Line, Passage
from memory.text.sentences import sentences

# How sure it is that the newer of two texts answers: they seem to be about the same; it speaks of a change,
# and of nothing that would be another thing.
GUESSED, LIKELY = 0.5, 0.65
_OF_ONE = ("amount", "colour")  # kinds of values that change without a word about what has them


class EnglishText:
    """A text in English. What is asked of it is worked out once."""

    def __init__(self, passage: Passage) -> None:
        self.passage = passage
        self.text = passage.text
        self._kinds: dict[str, bool] = {}

    @cached_property
    def asks(self) -> bool:
        """Whether the last sentence wants an answer, not only to be kept; who is quoted asks another."""
        last = self.passage.lines[-1] if self.passage.lines else None
        if last is None or last.name:
            return False
        ending = sentences(last.text)[-1]
        return asking.asks(ending) and not keeping.asks_to_keep(ending)

    @property
    def small_talk(self) -> bool:
        """Whether it is made of greetings, thanks and yes-and-no alone."""
        return asking.small_talk(self.text)

    @property
    def told(self) -> str:
        """The text without its questions and requests; what is said in it by others stays whole."""
        if not any(line.transcribed for line in self.passage.lines):
            return asking.statements(self.text)
        told = (told_in(line) for line in self.passage.lines)
        return "\n".join(said for said in told if said)

    @property
    def skipped(self) -> Sequence[Skipped]:
        """Its questions and requests; all of it, where it is small talk or not to be kept."""
        if not any(line.transcribed for line in self.passage.lines):
            return asking.skipped(self.text)
        own = (line.text for line in self.passage.lines if not line.transcribed)
        return [one for said in own for one in asking.skipped(said)]

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
        """The text without what it denies, supposes, quotes ..., nor what a move left behind.

        Where nothing stands it is the whole text: `answers` says that it answers nothing.
        """
        told = self._lines if self._stands else [(line, line.text) for line in self.passage.lines]
        if not self._stands and not any(line.name for line, _ in told):
            return standing(self.text)
        return standing("\n".join(line.saying(by_name(line, said)) for line, said in told if said))

    def answers(self, turn: Reading) -> bool:
        """Whether something of it stands, or the turn is put as it is itself: "What don't I eat?".

        What somebody in the text says of himself answers only who asks about him.
        """
        if any(may_answer(line, turn.text) for line in self._told_lines):
            return True
        return asked_for(put_as(self.passage.bare), turn.text) and (
            not self.passage.lines or any(may_answer(line, turn.text) for line in self.passage.lines)
        )

    @cached_property
    def _lines(self) -> list[tuple[Line, str]]:
        """Each line, and what of it stands."""
        return [(line, stands(line.text)) for line in self.passage.lines]

    @cached_property
    def _told_lines(self) -> list[Line]:
        """Those of which something stands, but the assistant's."""
        return [line for line, said in self._lines if said.strip() and line.role != "assistant"]

    def _trusted(self, *, in_part: bool) -> float:
        """How far it may answer though nobody but the assistant states it, or only a clause of it stands."""
        said = any(said.strip() and line.role == "assistant" for line, said in self._lines)
        if self._told_lines:
            return NEVER
        return REPORTED if said or (in_part and self._beside_denial) else NEVER

    @cached_property
    def _beside_denial(self) -> Sequence[str]:
        """The clauses that stand of a text of which no sentence does."""
        return [] if self._stands else [plain(clause) for clause in beside_denial(self.passage.bare)]

    def _denies(self, value: str) -> bool:
        """Whether a value is out of what it denies, where only clauses of it stand."""
        clauses = self._beside_denial
        return bool(clauses) and not any(value in clause for clause in clauses)

    def _stated(self, question: str) -> str:
        """What a model reads of it: without a plan or a wish that something else came of."""
        kinds = put_as(self.passage.bare)
        if not kinds - {"denied"} or not self._stands or decidable(question) or asked_for(kinds, question):
            return self.passage.bare
        return "\n".join(said for _, said in self._lines if said)

    @property
    def _stands(self) -> bool:
        return bool(self._told_lines)

    @cached_property
    def questions(self) -> Sequence[tuple[str, str]]:
        """Statements cut before the values that they tell."""
        return questions(self.passage)

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
        return remaining(english(older).passage, self.passage) if self.claims else None

    def stands_for(self, older: Reading | EnglishText, turn: Reading | EnglishText) -> float:
        """Whether it says that the older text is no longer so, or has all that it has of the turn's words."""
        asked, before = english(turn), english(older)
        if self._news.adds or self._lacks_the_kind(before, asked):
            return 0.0
        if self.changes and (sure := self._says_so(before, asked)):
            return sure
        shared = before._whole.words & asked._whole.words
        if not (shared and mentions(self.text, shared)):
            return 0.0
        if not gives_way(asked._whole, before._said, self._said):
            return 0.0
        return 1.0 if self._news.changed else GUESSED

    def _says_so(self, older: EnglishText, turn: EnglishText) -> float:
        """How sure it is that what it says of a change is one of the older text."""
        nobody_else = self._whole.people <= older._whole.people | turn._whole.words
        if nobody_else and self._news.replaces(older._news, turn._news):
            return 1.0
        same_people = older._whole.people == self._whole.people
        of_one = same_people and turn._kind in _OF_ONE and self._news.about_nothing_else
        if of_one and older._has_kind(turn._kind):
            return LIKELY
        likely = self._news.may_replace(turn._news) and nobody_else
        return LIKELY if likely and same_kinds(older._said, self._whole, turn._whole) else 0.0

    def _lacks_the_kind(self, older: EnglishText, turn: EnglishText) -> bool:
        """Whether the turn asks for a kind of value that the older text has and this one has not."""
        return bool(turn._kind) and older._has_kind(turn._kind) and not self._has_kind(turn._kind)

    def _has_kind(self, kind: str) -> bool:
        if kind not in self._kinds:
            self._kinds[kind] = holds_kind(self.passage.bare, kind)
        return self._kinds[kind]

    @property
    def changes(self) -> bool:
        """Whether it says that something was otherwise before."""
        return self._news.changed or self._news.ended

    def rivals(self, other: Reading) -> bool:
        """Whether a question that one of them answers is answered alike by both."""
        return answer_alike(self._asked, english(other)._asked)

    @cached_property
    def _said_by(self) -> list[Said]:
        """Who says each line, and what of it stands, as models read it."""
        return [
            (line.role, plain(standing(by_name(line, said)))) for line, said in self._lines if said.strip()
        ]

    @cached_property
    def _claims(self) -> list[Claim]:
        return [claim for found in claims(self.passage).values() for claim in found]

    @cached_property
    def _kind(self) -> str:
        return asked_kind(self.text)

    @cached_property
    def _news(self) -> News:
        return news(self.passage.bare)

    @cached_property
    def _whole(self) -> Topic:
        return whole(self.passage)

    @cached_property
    def _said(self) -> ParsedPassage:
        return read(self.passage)

    @cached_property
    def _asked(self) -> ParsedPassage:
        return read_with_questions(self.passage)


def english(reading: Reading | EnglishText) -> EnglishText:
    """A reading as this reader has it, whoever made it."""
    return reading if isinstance(reading, EnglishText) else EnglishText(Passage(reading.text))
