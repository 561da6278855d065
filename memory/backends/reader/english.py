"""Reads English: fills the port `Reader`, by rules and, for values, with a model where one is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property

from memory.backends.reader import asking
from memory.backends.reader.answer.aside import only_aside
from memory.backends.reader.answer.asked import Asked, asked
from memory.backends.reader.answer.counted import counted
from memory.backends.reader.answer.given import alike_values, fits, listed, same_thing, together, value
from memory.backends.reader.answer.grounds import grounded, personal
from memory.backends.reader.answer.kinds import other_kind
from memory.backends.reader.answer.replaced import replacing
from memory.backends.reader.answer.said_back import asked_back, told_about
from memory.backends.reader.answer.spans import ASSURED, ReadOut, Spans, names_options, read_out
from memory.backends.reader.answer.yes_no import decidable, decision, readable
from memory.backends.reader.changes import content
from memory.backends.reader.english_text import GUESSED, EnglishText, english
from memory.backends.reader.lines import teller
from memory.backends.reader.standing import put_as
from memory.ports import Told
from memory.text.normalise import plain
from memory.text.passage import Passage, passage_of
from memory.text.sentences import sentences


class EnglishReader:
    """Rules for English, a millisecond at most for a passage; and a model for values, where one is given."""

    def __init__(self, spans: Spans | None = None) -> None:
        self._spans = spans

    def read(self, said: Passage | str) -> EnglishReading:
        """The text, understood as far as it is asked about."""
        return EnglishReading(passage_of(said), self._spans)


class EnglishReading(EnglishText):
    """A text in English as far as it is asked about, and what it asks of other texts."""

    def __init__(self, passage: Passage, spans: Spans | None = None) -> None:
        super().__init__(passage)
        self._spans = spans
        self._was_read: tuple[Sequence[Told], ReadOut | None] = ((), None)

    def value_in(self, told: Sequence[Told], nearest: Sequence[int] = ()) -> tuple[str, Sequence[int]]:
        """The value that the texts give, or several that go together.

        Where the rules find one value, the model says another if it is sure enough.
        """
        if about := asked_back(plain(self.text)):
            return told_about(about, [teller(english(one).passage) for one, _ in told])
        value, places = self._plain_value(told)
        if len(places) > 1:
            return value, places
        if other_kind(self._question, value) or (
            places and only_aside(self._question, plain(english(told[places[0]][0]).text), value)
        ):
            value, places = "", ()
        found = self._read_out(told, nearest)
        if found is not None and (found.overrules(value) if value else found.sure):
            return found.value, [found.place]
        if value and not (found and found.doubts(value)):
            return value, places
        own = [
            plain(one.standing) if one.answers(self) else "" for one in (english(each) for each, _ in told)
        ]
        return counted(self._question, own)

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
        decides = decidable(self._question)
        trust = [ASSURED if text.answers(self) else text._trusted(in_part=not decides) for text in texts]
        reads = decision if decides else read_out
        found = reads(self._spans, self._question, read, nearest, trust)
        if found is not None and not decides and texts[found.place]._denies(found.value):
            found = None
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

    def _said_instead(self, told: Told, value: str, older: EnglishText, former: str) -> str | None:
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

    def _added(self, told: Sequence[Told], places: Sequence[int]) -> bool:
        """Whether all but the first say that they hold beside the others; a number is one."""
        return self._kind != "amount" and all(
            (one := english(told[place][0]))._news.adds and not one.changes for place in places[1:]
        )

    @cached_property
    def _asked_for(self) -> Asked | None:
        return asked(self.text)


def _taken(reply: str, told: Sequence[Told]) -> bool:
    """Whether a reply stands in the texts, word for word; else it is said in the model's own words."""
    said = plain(reply).strip(" .!").casefold()
    return any(said in plain(one.text).casefold() for one, _ in told)
