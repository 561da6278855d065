"""What a reading model finds where the rules find nothing, and whether it agrees with a reply.

The rules give a value only where it is plain to see; people mostly say things otherwise. A model reads all
texts together, in the order in which they were told, and gives the words that answer with how sure it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from memory.backends.reader.answer.aside import aside
from memory.backends.reader.answer.gloss import glossed
from memory.backends.reader.answer.kinds import other_kind, time_alone
from memory.backends.reader.answer.lists import as_asked, too_many
from memory.backends.reader.answer.words import content, normal
from memory.text.values import grown

SURE = 1.0  # log odds of an answer against none from which on it is said
MORE = 3.0  # in the place of what the rules find, where that is part of it or only the rest of a clause
OVERRULES = 10.0  # in the place of what the rules find
NOTHING = -8.0  # what differs from it is no answer
AGREED = -4.0  # where a reply says the same
# What a text's answers lose of that: what somebody tells, what the assistant says, what does not stand.
ASSURED, REPORTED, NEVER = 0.0, 1.0, float("inf")
UNLIKE = 8.0  # what a text's answers lose that speaks of now where another speaks of what was before
MOST_TEXTS = 12
_MOST_CHARACTERS = 1400  # of the texts that are read; more than the model's window holds
_MORE = 2  # words by which what the model marks may be less than the value
_RUNS_ON = re.compile(r"\b(?:is|are|was|were|has|have|i|we|my|mine|yours?|his|hers?)\b")
_REST = re.compile(
    r"(?:and|but|so|because|in)\s|(?!red\b|bed\b)[a-z]{2,}ed\b(?!-)"
)  # in small letters, no name
_EDGES = " .,;:!?\"'"
_CODE = re.compile(r"\b(?=\w*[A-Za-z])(?=\w*\d)\w{3,}\b")  # letters and digits in one
_NO_VALUE = frozenset(
    ("i", "i'm", "me", "my", "we", "we're", "he", "he's", "she", "she's", "it", "it's", "they")
)
_OLD = re.compile(
    r"\b(?:my|our|the|his|her|their)\s+(?:old|former|previous|ex-?|last)\s?(\w+)", re.IGNORECASE
)
_NEW = re.compile(r"\b(?:new|now|instead|replaced|replacement|successor)\b", re.IGNORECASE)
_BEFORE = re.compile(
    r"\b(?:old|former|formerly|previous|previously|before|used to|ex|last|was|did)\b", re.IGNORECASE
)
_FORMER = re.compile(r"\b(?:old|former|formerly|previous|previously|used to)\b", re.IGNORECASE)
_WENT_FROM = re.compile(
    r"\b(?:moved?|moving|changed|switched|swapped|shifted|rescheduled|pushed|bumped|went|gone|raised|cut|dropped|increased"
    r"|reduced|lowered|put up)\b[^.,;!?]{0,40}\bfrom\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_FROM = re.compile(r"\bfrom\b", re.IGNORECASE)
_TO = re.compile(r"\s+to\s+(?:the\s+)?", re.IGNORECASE)
_CLAUSE_END = re.compile(r"[,;.!?](?:\s|$)")
_OR = re.compile(r"\bor\b", re.IGNORECASE)
_PART = re.compile(
    r"\b(?:year|month|first name|surname|last name|family name|start|begin|opens?|closes?|ends?|finish|until"
    r"|starts|begins|leaves?|arrives?|check-in|check-out|how many|which day|what day)\b",
    re.IGNORECASE,
)


class Span(Protocol):
    """Words of one of the texts."""

    @property
    def place(self) -> int: ...  # of the text
    @property
    def start(self) -> int: ...  # characters of it
    @property
    def end(self) -> int: ...
    @property
    def margin(self) -> float: ...  # log odds against no answer


class Decided(Protocol):
    """An answer of yes or no."""

    @property
    def yes(self) -> bool: ...
    @property
    def margin(self) -> float: ...  # log odds against neither


class Spans(Protocol):
    """Finds the words that answer a question."""

    def find(self, question: str, texts: Sequence[str], doubts: Sequence[float] = ()) -> Span | None:
        """The best answer, however unlikely, each text's less its doubt; None for nothing to read."""
        ...

    def decide(self, question: str, texts: Sequence[str]) -> Decided | None:
        """The likelier of yes and no, however unlikely; None for nothing to read."""
        ...


@dataclass(frozen=True, slots=True)
class ReadOut:
    """An answer in a text's own words, the place of the text, and how sure it is."""

    value: str
    place: int
    margin: float

    @property
    def sure(self) -> bool:
        """Whether it is said in the place of another reply, or of none."""
        return self.margin > SURE

    def overrules(self, value: str) -> bool:
        """Whether it is said in the place of what the rules find: more of the same, less where that runs on
        into another clause ("a perch, mine was a pike"), and another value, sooner in the place of the rest
        of a clause ("arrived", "and lessons are Mondays")."""
        own, theirs = self.value.casefold(), value.casefold()
        if theirs in own:
            return self.margin > MORE and own != theirs
        if own in theirs:
            return self.margin > MORE and _RUNS_ON.search(theirs.replace(own, " ", 1)) is not None
        return self.margin > (MORE if _REST.match(value) else OVERRULES)

    def doubts(self, value: str) -> bool:
        """Whether it finds so little, and something else, that what the rules find is no answer either."""
        own, theirs = self.value.casefold(), value.casefold()
        return -NEVER < self.margin < NOTHING and own not in theirs and theirs not in own

    def agrees(self, reply: str) -> bool:
        """Whether a reply says this, or part of it."""
        said, value = reply.casefold().strip(_EDGES), self.value.casefold()
        return self.margin > AGREED and bool(said) and (said in value or value in said)


def names_options(question: str) -> bool:
    """Whether it names what it may be answered with: "Lisbon or Porto?"."""
    return _OR.search(question) is not None


def read_out(
    spans: Spans, question: str, texts: Sequence[str], nearest: Sequence[int], doubts: Sequence[float]
) -> ReadOut | None:
    """The best answer of the nearest texts that can be read at once; `doubts` are what each text's loses.

    To a question that names options only one of them is an answer.
    """
    chosen = sorted(fitting(texts, nearest or range(len(texts) - 1, -1, -1)))  # as told: the newer counts
    if _FORMER.search(question):
        doubts = _of_former(texts, doubts)
    question = glossed(question).text
    glosses = [glossed(texts[place]) for place in chosen]
    read = [gloss.text for gloss in glosses]
    trust = [doubts[place] for place in chosen]
    found = spans.find(question, read, _of_codes(question, read, trust))
    if found is not None and (beside := _beside(question, read[found.place], found.start)):
        for first, last in beside:
            text = read[found.place]
            read[found.place] = text[:first] + " " * (last - first) + text[last:]
        found = spans.find(question, read, _of_codes(question, read, trust))
    if found is None:
        return None
    place = chosen[found.place]
    text, (start, end) = texts[place], glosses[found.place].span(found.start, found.end)
    if not _PART.search(question):
        start, end = _whole(text, start, end)
    start, end = as_asked(question, text, _changed_to(question, text, start, end), end)
    value = time_alone(question, text[start:end].strip(_EDGES))
    if names_options(question) and not content(value) & content(question):
        return None
    if value.casefold() in _NO_VALUE or other_kind(question, value):
        return None
    return None if too_many(question, value) else ReadOut(value, place, found.margin)


def _changed_to(question: str, text: str, start: int, end: int) -> int:
    """Where the value begins that something went to, of "moved from Tuesdays to Thursdays"; all of it to who
    asks for what was before."""
    if _FROM.search(question) or _BEFORE.search(question):
        return start
    both = _TO.search(text, start, end)
    return both.end() if both and _WENT_FROM.search(text, 0, start) else start


def _beside(question: str, text: str, start: int) -> list[tuple[int, int]]:
    """The clauses of a text that are read over, as a value of something else is out of them."""
    if former := _former(question, text, start):
        return [former]
    found = aside(question, text)
    return found if any(first <= start < last for first, last in found) else []


def _former(question: str, text: str, start: int) -> tuple[int, int] | None:
    """The clause of "my old boss Greta left, the new one is Dmitri" that a value of the boss is out of."""
    if _BEFORE.search(question) or not _NEW.search(text):
        return None
    named = next((one for one in _OLD.finditer(text) if one.end() <= start), None)
    if named is None or normal(named[1]) not in content(question):
        return None
    end = _CLAUSE_END.search(text, named.end())
    return (named.start(), end.start()) if end and start < end.start() else None


def _of_former(texts: Sequence[str], doubts: Sequence[float]) -> list[float]:
    """The doubts of who asks for what was before: more of texts that do not speak of that, where one does."""
    former = [_FORMER.search(text) is not None for text in texts]
    return [
        doubt if has or not any(former) else doubt + UNLIKE for doubt, has in zip(doubts, former, strict=True)
    ]


def _of_codes(question: str, texts: Sequence[str], doubts: Sequence[float]) -> list[float]:
    """The doubts, where the question names a code ("SK410") and some text has it: the others never answer."""
    codes = [code.casefold() for code in _CODE.findall(question)]
    having = [all(code in text.casefold() for code in codes) for text in texts]
    if not codes or not any(having):
        return list(doubts)
    return [doubt if has else NEVER for doubt, has in zip(doubts, having, strict=True)]


def _whole(text: str, start: int, end: int) -> tuple[int, int]:
    """With its unit, month or surname; a list stays as far as the model has it."""
    first, last = grown(text, start, end)
    more = text[first:start].split() + text[end:last].split()
    return (first, last) if len(more) <= _MORE else (start, end)


def fitting(texts: Sequence[str], nearest: Iterable[int]) -> Iterator[int]:
    """As many places as are read at once, the first at least."""
    length = 0
    for place in islice(nearest, MOST_TEXTS):
        length += len(texts[place])
        if length <= _MOST_CHARACTERS or length == len(texts[place]):
            yield place
