"""Reads English by rules: fills the port `Reader`. No model is asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from memory.backends.reader import asking, keeping
from memory.backends.reader.answer.asked import Asked, asked
from memory.backends.reader.answer.clauses import Said
from memory.backends.reader.answer.given import alike_values, fits, listed, same_thing, together, value
from memory.backends.reader.answer.grounds import grounded, personal
from memory.backends.reader.answer.kinds import other_kind
from memory.backends.reader.answer.replaced import replacing
from memory.backends.reader.answer.said_back import asked_back, told_about
from memory.backends.reader.answer.spans import (
    ASSURED,
    NEVER,
    REPORTED,
    ReadOut,
    Spans,
    names_options,
    read_out,
)
from memory.backends.reader.answer.yes_no import decidable, decision, readable
from memory.backends.reader.changes import News, content, news
from memory.backends.reader.claims import Claim, claims, contradicts, remaining, standing
from memory.backends.reader.lines import by_name, may_answer, teller, told_in
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
from memory.backends.reader.standing import asked_for, put_as, stands
from memory.backends.reader.values import asked_kind, holds_kind
from memory.ports import Reading, Told
from memory.records import Skipped
from memory.text.normalise import plain
from memory.text.passage import Line, Passage, passage_of
from memory.text.sentences import sentences

# How sure it is that the newer of two texts answers: they seem to be about the same; it speaks of a change,
# and of nothing that would be another thing.
GUESSED, LIKELY = 0.5, 0.65
_OF_ONE = ("amount", "colour")  # kinds of values that change without a word about what has them


class EnglishReader:
    """Rules for English, a millisecond at most for a passage; and a model for values, where one is given."""

    def __init__(self, spans: Spans | None = None) -> None:
        self._spans = spans

    def read(self, said: Passage | str) -> EnglishReading:
        """The text, understood as far as it is asked about."""
        return EnglishReading(passage_of(said), self._spans)


class EnglishReading:
    """A text in English. What is asked of it is worked out once."""

    def __init__(self, passage: Passage, spans: Spans | None = None) -> None:
        self._spans = spans
        self._was_read: tuple[Sequence[Told], ReadOut | None] = ((), None)
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

    @property
    def _trusted(self) -> float:
        """How far it may answer though nobody but the assistant may state it."""
        said = any(said.strip() and line.role == "assistant" for line, said in self._lines)
        return REPORTED if said and not self._told_lines else NEVER

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

    def stands_for(self, older: Reading, turn: Reading) -> float:
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

    def _says_so(self, older: EnglishReading, turn: EnglishReading) -> float:
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

    def _lacks_the_kind(self, older: EnglishReading, turn: EnglishReading) -> bool:
        """Whether the turn asks for a kind of value that the older text has and this one has not."""
        return bool(turn._kind) and older._has_kind(turn._kind) and not self._has_kind(turn._kind)

    def _has_kind(self, kind: str) -> bool:
        if kind not in self._kinds:
            self._kinds[kind] = holds_kind(self.passage.bare, kind)
        return self._kinds[kind]

    def value_in(self, told: Sequence[Told], nearest: Sequence[int] = ()) -> tuple[str, Sequence[int]]:
        """The value that the texts give, or several that go together.

        Where the rules find one value, the model says another if it is sure enough.
        """
        if about := asked_back(plain(self.text)):
            return told_about(about, [teller(english(one).passage) for one, _ in told])
        value, places = self._plain_value(told)
        if len(places) > 1:
            return value, places
        if other_kind(self._question, value):
            value, places = "", ()
        found = self._read_out(told, nearest)
        if found is not None and (found.overrules(value) if value else found.sure):
            return found.value, [found.place]
        return (value, places) if value and not (found and found.doubts(value)) else ("", ())

    def _plain_value(self, told: Sequence[Told]) -> tuple[str, Sequence[int]]:
        """What the rules find."""
        wanted = self._asked_for
        if wanted is None:
            return "", ()
        texts = [english(one) for one, _ in told]
        given = [value(wanted, one._said_by) if one.answers(self) else "" for one in texts]
        for older, newer, said in self._outdated(told, given):
            given[older], given[newer] = "", said
        values = list({said.casefold(): said for said in given if said}.values())
        places = [place for place, said in enumerate(given) if said]
        if len(values) > 1 and not (together(wanted) or self._added(told, places)):
            newest = places[-1]
            return (given[newest], [newest]) if texts[newest]._news.changed else ("", ())
        return listed(values), places

    @property
    def personal(self) -> bool:
        """Whether only what its teller told can answer it."""
        return personal(self._question)

    def accepts(self, reply: str, told: Sequence[Told], beside: Sequence[str] = ()) -> bool:
        """Whether the reply may be of the kind that is asked for, and is not of what is no longer so.

        To a personal question it has to be made of what was told, in this text too, or of the texts beside;
        yes and no are only where a model decides.
        """
        has_model, taken = self._spans is not None, _taken(reply, told)
        if has_model and taken and decidable(self._question):
            return False
        if self.personal and not taken and (has_model or readable(self._question)):
            known = (self.text, *(one.text for one, _ in told), *beside)
            return grounded(plain(reply), self._question, map(plain, known))
        wanted = self._asked_for
        if wanted is None:
            return True
        if has_model and taken and not names_options(self._question):
            found = self._read_out(told)
            return found is not None and found.agrees(reply)
        texts = [english(one) for one, _ in told if one.answers(self)]
        if not fits(wanted, reply, [plain(one.standing) for one in texts]):
            return False
        holding = [reply.strip(" .!").casefold() in one.text.casefold() for one, _ in told]
        outdated = {
            older for older, _, _ in self._outdated(told, ["held" if held else "" for held in holding])
        }
        return not outdated or any(held and place not in outdated for place, held in enumerate(holding))

    def _read_out(self, told: Sequence[Told], nearest: Sequence[int] = ()) -> ReadOut | None:
        """What the model finds, worked out once; None where there is none, or it is no question for it."""
        if self._spans is None or not (readable(self._question) or decidable(self._question)):
            return None
        if self._was_read[0] is told:
            return self._was_read[1]
        texts = [english(one) for one, _ in told]
        read = [plain(text._stated(self._question)) for text in texts]
        trust = [ASSURED if text.answers(self) else text._trusted for text in texts]
        reads = decision if decidable(self._question) else read_out
        found = reads(self._spans, self._question, read, nearest, trust)
        self._was_read = told, found
        return found

    @cached_property
    def _question(self) -> str:
        """What is asked, as models read it; "" where nothing is."""
        if self._asked_for is not None:
            return self._asked_for.text
        return next((one for one in reversed(sentences(plain(self.text))) if asking.asks(one)), "")

    def _outdated(self, told: Sequence[Told], given: Sequence[str]) -> Iterator[tuple[int, int, str]]:
        """Places of texts whose value is no longer so; of each what says so, and the value that it gives."""
        for older, former in enumerate(given):
            for newer in range(len(told) - 1, older, -1) if former else ():
                said = self._said_instead(told[newer], given[newer], english(told[older][0]), former)
                if said is not None:
                    yield older, newer, said
                    break

    def _said_instead(self, told: Told, value: str, older: EnglishReading, former: str) -> str | None:
        """What a newer text says in the place of an older one's value; None where that may hold beside it."""
        newer, stood_for = english(told[0]), told[1]
        answers = newer.answers(self)
        if self._asked_for is None or not (answers or put_as(newer.passage.bare) == {"denied"}):
            return None
        guessed = stood_for is not None and stood_for.text == older.text
        sure = newer.stands_for(older, self) or (GUESSED if guessed else 0.0)
        said, words = value, newer._news.words
        left = bool(content(former)) and content(former) <= words and newer.changes  # it names what is left
        if answers and not said and (left or (sure and newer.changes)):
            said = replacing(self._asked_for, newer._said_by, older._said_by, former)
        if sure == 1 and words & older._news.words and (content(former) | self._news.words) & words:
            return said
        if not said or newer._news.adds or together(self._asked_for):
            return None
        if (left and said != value) or (sure and (newer.changes or guessed)):
            return said
        return said if same_thing(newer.text, older.text) and alike_values(said, former) else None

    @property
    def changes(self) -> bool:
        """Whether it says that something was otherwise before."""
        return self._news.changed or self._news.ended

    def rivals(self, other: Reading) -> bool:
        """Whether a question that one of them answers is answered alike by both."""
        return answer_alike(self._asked, english(other)._asked)

    def _added(self, told: Sequence[Told], places: Sequence[int]) -> bool:
        """Whether all but the first say that they hold beside the others; a number is one."""
        return self._kind != "amount" and all(
            (one := english(told[place][0]))._news.adds and not one.changes for place in places[1:]
        )

    @cached_property
    def _asked_for(self) -> Asked | None:
        return asked(self.text)

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


def _taken(reply: str, told: Sequence[Told]) -> bool:
    """Whether a reply stands in the texts, word for word; else it is said in the model's own words."""
    said = plain(reply).strip(" .!").casefold()
    return any(said in plain(one.text).casefold() for one, _ in told)


def english(reading: Reading) -> EnglishReading:
    """A reading as this reader has it, whoever made it."""
    return reading if isinstance(reading, EnglishReading) else EnglishReading(Passage(reading.text))
