"""Of two passages that answer a turn equally well, the older one gives way.

`claims.py` supersedes what it understands. Of what is put quite differently ("I painted my car green."
"Lilac is the colour of my car.") both are kept, and the turn tells whether they are about the same: of the
words of "What colour is my car?" both have "car". The older one gives way where a sentence of the newer one

    has all the words of the turn that the older one has, and these are one or more,
    and is about nobody else: "My sister's car is red." takes no place.

Words are compared without endings, and without those that name nothing or only say what kind of value is
meant. It is a guess, made anew for each turn: nothing is changed by it, and both are kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from hypernet.overlap import stem, tokens
from memory.backends.reader.asking import asks
from memory.backends.reader.claim_patterns import KINSHIP, SMALL
from memory.backends.reader.questions import questions
from memory.backends.reader.values import alike, asked_kind, holds_kind, kinds_held
from memory.text.passage import Passage

# Words that name nothing in a question or a statement, and words for kinds of values.
_EMPTY = SMALL | frozenset(
    ("i", "me", "my", "we", "us", "our", "you", "your", "he", "him", "she", "they", "them", "who",
     "what", "which", "where", "when", "how", "whose", "be", "am", "been", "being", "have", "has", "had",
     "got", "do", "does", "did", "can", "could", "will", "would", "should", "turns", "out", "as", "by",
     "with", "from", "call", "calls", "called", "name", "named", "names", "goes", "everyone",
     "everybody", "know", "remember", "remind", "tell", "told", "say", "said", "colour", "color", "date",
     "day", "time", "year", "number", "amount")
)  # fmt: skip
_OWNER = re.compile(r"(?<!\w)(\w++)['’]s\b")
_NO_OWNER = frozenset(("it", "that", "there", "here", "what", "who", "where", "how", "he", "she", "let"))
_SPEAKER = re.compile(r"\b(?:i|me|my|mine|we|us|our|you|your)\b", re.IGNORECASE)
_SUBJECT = re.compile(r"\b(?:my|our|the)\s((?:[\w'’-]+\s){1,4}?)(?:is|are|was|were)\b", re.IGNORECASE)
# Of what is done with several things, one more takes no place: "The cake needs butter."
MANY_VALUED = frozenset(map(stem, (
     "need", "needs", "like", "likes", "love", "hate", "allergic", "allergy", "eat", "buy",
     "bought", "lent", "lend", "give", "gave", "want", "collect", "collects", "speak", "speaks",
     "play", "plays", "visit", "visited", "know", "knows", "study", "studies", "watch", "order",
     "ordered", "own", "owns"
)))  # fmt: skip
_RELATIVE = re.compile(rf"\b(?:{KINSHIP})s?\b")


@dataclass(frozen=True, slots=True)
class Topic:
    """What a turn, a passage or a statement is about."""

    words: frozenset[str]
    text: str
    speaker: bool  # whether about the one who speaks, or is spoken to
    people: frozenset[str]  # others


@dataclass(frozen=True, slots=True)
class ParsedPassage:
    """A passage, read for being compared: the whole, and each statement of the one who tells."""

    whole: Topic
    statements: tuple[Topic, ...]
    questions: tuple[Topic, ...] = ()  # that it answers


def words(text: str) -> frozenset[str]:
    """What a text is about: its words without endings, but those that name nothing."""
    return frozenset(stem(word) for word in tokens(text) if word not in _EMPTY)


def mentions(text: str, wanted: Iterable[str]) -> bool:
    """Whether a text may be about all of these words."""
    said = text.casefold()
    return all(word in said for word in wanted)


def topic_of(text: str) -> Topic:
    """The topic of a text."""
    said = text.casefold()
    named = [word for word in _OWNER.findall(said) if word not in _NO_OWNER]
    return Topic(
        words(text),
        text,
        _SPEAKER.search(said) is not None,
        frozenset(stem(word) for word in [*named, *_RELATIVE.findall(said)]),
    )


def whole(passage: Passage) -> Topic:
    """The topic of a passage. What somebody named in it says is about him, and not about its teller."""
    by = frozenset(word for line in passage.lines if line.name for word in words(line.name))
    if not by:
        return topic_of(passage.bare)
    own = any(_SPEAKER.search(line.text) for line in passage.lines if not line.name)
    found = topic_of(passage.bare)
    return replace(found, speaker=own, people=found.people | by)


def read(passage: Passage) -> ParsedPassage:
    """The passage as it is compared."""
    return ParsedPassage(whole(passage), tuple(_statements(passage)))


def gives_way(turn: Topic, older: ParsedPassage, newer: ParsedPassage) -> bool:
    """Whether, for this turn, a statement of the newer passage stands for the older passage too."""
    shared = older.whole.words & turn.words
    return (
        bool(shared)
        and not shared & MANY_VALUED
        and any(
            shared <= statement.words
            and older.whole.speaker == statement.speaker
            and statement.people <= older.whole.people | turn.words
            and _subject(statement.text) <= older.whole.words | turn.words
            and same_kinds(older, statement, turn)
            for statement in newer.statements
        )
    )


def _subject(statement: str) -> frozenset[str]:
    """What it speaks of, in words that name something: of "My locker code is 7781." locker, code."""
    found = _SUBJECT.search(statement)
    return words(found[1]) if found else frozenset()


def same_kinds(older: ParsedPassage, newer: Topic, turn: Topic) -> bool:
    """Whether what they say of it are values of the same kinds, as no name and age are."""
    asked = asked_kind(turn.text)
    if asked and holds_kind(newer.text, asked) and not holds_kind(older.whole.text, asked):
        return True  # the older one does not answer
    besides = frozenset(tokens(turn.text))
    kinds = kinds_held(newer.text, asked, besides)
    return any(
        alike(kinds_held(statement.text, asked, besides), kinds, asked)
        for statement in older.statements or [older.whole]
    )


def read_with_questions(passage: Passage) -> ParsedPassage:
    """The same, to be compared where no turn is at hand."""
    return replace(read(passage), questions=tuple(topic_of(question) for question, _ in questions(passage)))


def rivals(one: ParsedPassage, other: ParsedPassage) -> bool:
    """Whether the two answer a question alike, one that either of them answers."""
    asked = (*one.questions, *other.questions)
    return any(gives_way(turn, one, other) and gives_way(turn, other, one) for turn in asked)


def _statements(passage: Passage) -> Iterator[Topic]:
    """Sentences that are not an assistant's, each behind the question that it answers, if it does."""
    asked = ""
    for line in passage.lines:
        by = words(line.name)
        for clause in line.clauses:
            if asks(clause):
                asked = clause
                continue
            if line.role != "assistant":
                said = topic_of(f"{asked} {clause}")
                yield (
                    replace(said, words=said.words | by, speaker=False, people=said.people | by)
                    if by
                    else said
                )
            asked = ""
