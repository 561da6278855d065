"""The clauses of a text, what each leans on, and of whom it is said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from memory.backends.reader.answer.asked import Asked
from memory.backends.reader.answer.shapes import (
    CHANGED_FROM,
    I_AM_OLD,
    I_AM_TALL,
    JOINT,
    LEANS,
    MY_JOB,
    SAYING,
    TO_ME,
)
from memory.backends.reader.answer.words import content, normal, normals
from memory.backends.reader.asking import asks
from memory.backends.reader.claim_patterns import KINSHIP
from memory.text.sentences import sentences

Said = tuple[str | None, str]
"""Who says a line, and what of it stands."""

ANSWER = 8  # words of an answer to a question before it
LINE = 400  # characters of a sentence that is read
_MINE = re.compile(r"\b(?:i|me|my|mine|we|us|our|ours|your?)\b", re.IGNORECASE)
_RELATIVE = re.compile(rf"\b(?:{KINSHIP})s?\b", re.IGNORECASE)
_OWNER = re.compile(
    r"(?<![\w-])([^\W\d_][\w-]*)(?:['’]s|(?<=s)['’])(?=\s+(?!(?:an?|the|my|our|due|been|born|going|not|at|in|into|on|off|from|with|now|still|also|very|really"
    r"|allergic|afraid|scared|ill|sick|busy|happy|\w+(?:ing|ed))\b)([a-z]\w*))",
    re.IGNORECASE,
)
_THE = re.compile(r"\bthe\s+(\w+(?:\s\w+)?)", re.IGNORECASE)  # "the recital" may be Sofia's recital
_NO_OWNER = frozenset(
    ("it", "that", "there", "here", "what", "who", "where", "how", "he", "she", "let", "i", "today")
)
_CAPITAL = re.compile(r"(?<=\s)[A-Z][\w-]+")
_OWN_WORDS = frozenset(map(normal, ("name", "names", "number", "address", "colour", "age", "birthday")))
_FORMER = re.compile(
    r"\b(?:my|our|the|his|her)\s+(old|former|previous|ex)\b.*\b(?:was|were|had)\b", re.IGNORECASE
)
_PARTAKES = re.compile(
    r"\b(?:with|to|for|from|at|by|and|visit\w*|see|meet|met|has|have)\s+(?:(?:my|our|the|an?|two|three)\s+)?(?:\w+\s+)?$",
    re.IGNORECASE,
)
_DOES = re.compile(r"([A-Z][\w'’-]+)\s+(?:\w+ly\s+)?(?:\w+s|is|was|has)\s")


@dataclass(frozen=True, slots=True)
class Part:
    """A clause, and what was said before it that it leans on."""

    text: str
    before: str = ""
    answers: bool = False  # the question before it

    @property
    def without_former(self) -> Part:
        """Without what a change in it began from."""
        return replace(self, text=CHANGED_FROM.sub(r"\g<verb>", self.text))

    @property
    def leans(self) -> bool:
        """Whether it speaks of what was named before."""
        return LEANS.match(self.text) is not None


def parts(lines: Sequence[Said], asked: Asked) -> Iterator[Part]:
    """The clauses of what is told; an answer to a question that is asked here, with the question."""
    before = question = ""
    for role, line in lines:
        for sentence in sentences(line):
            if asks(sentence):
                question = f"{before} {sentence}" if content(sentence) <= asked.said else ""
                continue
            if role == "assistant" or len(sentence) > LINE:
                before = question = ""
                continue
            if question and len(sentence.split()) <= ANSWER:
                yield Part(SAYING.sub("", sentence), question, answers=True)
            question = ""
            leans = LEANS.match(sentence) is not None
            yield from _clauses(sentence, before if leans else "")
            before = f"{before} {sentence}"[-LINE:] if leans else sentence


def _clauses(sentence: str, context: str) -> Iterator[Part]:
    for clause in split(sentence):
        yield Part(clause, context)
        context = f"{context} {clause}"


def split(sentence: str) -> list[str]:
    """The clauses of a sentence."""
    return [part.strip() for part in JOINT.split(sentence) if part.strip()]


def told(asked: Asked, part: Part) -> bool:
    """Whether all that is asked about is named, some of it here or in what this goes on about."""
    own = normals(part.text)
    if not asked.words <= own | normals(part.before):
        return False
    if not asked.words:
        return _of_speaker(asked).search(part.text) is not None
    goes_on = part.leans and (asked.kind != "" or part.text.startswith("which "))
    return bool(asked.words & own) or part.answers or goes_on


def _of_speaker(asked: Asked) -> re.Pattern[str]:
    """What a question without a word besides is about: "How old am I?", "What is my email?"."""
    if asked.kind == "amount":
        return I_AM_TALL if "tall" in asked.said else I_AM_OLD
    return MY_JOB if asked.kind == "job" else TO_ME


def same_owner(asked: Asked, part: Part, said: str) -> bool:
    """Whether it is said of whom and of what the question is about, and not of a former one."""
    rest = part.text.replace(said, " ")
    others = {normal(one[0]) for one in _RELATIVE.finditer(rest) if not _beside(asked, rest, one)}
    anybodys = {normal(word) for words in _THE.findall(asked.text) for word in words.split()}
    owned = [
        (normal(name), normal(thing))
        for name, thing in _OWNER.findall(rest)
        if name.casefold() not in _NO_OWNER
    ]
    others -= {name for name, thing in owned if thing in anybodys}
    owners = {
        name
        for name, thing in owned
        if thing not in anybodys and not (name in asked.words and thing in asked.said | _OWN_WORDS)
    }
    own = {normal(one) for one in _RELATIVE.findall(asked.text)} | asked.said
    asked_of = {normal(name) for name, _ in _OWNER.findall(asked.text)}
    asked_of |= {normal(name) for name in _CAPITAL.findall(asked.text)}
    if not others <= own or not owners <= asked_of:
        return False
    former = _FORMER.search(rest)
    if former and normal(former[1]) not in asked.said:
        return False
    mine = _MINE.search(f"{part.before} {rest}") is not None
    return not asked.subject or mine or not _somebody_else(asked, part.text)


def _beside(asked: Asked, text: str, relative: re.Match[str]) -> bool:
    """Whether a relative only takes part ("with my sister"), or is whom the question names: "my son Leo"."""
    named = re.match(r"(?:-in-law)?,?\s+([A-Z][\w'’-]*)", text[relative.end() :])
    if named is not None and normal(named[1]) in asked.words:
        return True
    return _PARTAKES.search(text[: relative.start()]) is not None and text[relative.end() :][:2] not in (
        "'s",
        "’s",
    )


def _somebody_else(asked: Asked, text: str) -> bool:
    """Whether it begins with who does what the question is about: "Tom lives in Rome"."""
    found = _DOES.match(text)
    return found is not None and normal(found[1]) not in asked.words
