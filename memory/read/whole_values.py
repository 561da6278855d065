"""Completes values that a reply quotes only in part.

A small model that answers from weights may stop inside a value ("jo" for jo.smith@example.com) or lose its
way in one ("10.0.0.0.0."). The recalled texts have it in full: what the reply shares with them is grown to
the value that it is part of. Where the reply is near to one value alone, that one is said; where it mixes
values, none is. Long replies, and what no recalled text has, are left as they are.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import islice

from memory.text.normalise import characters
from memory.text.speakers import unlabelled
from memory.text.values import DATE, RANGE, chunks, grown

LONGEST = 120  # characters of a reply that is looked at; a value is shorter
UNKNOWN = "I don't know."

_READ = 4000  # characters of a recalled text that are looked through; a passage is far shorter
_PLACES = 16  # of the same words in one text
NEAR = 0.6  # of two values that are alike, as difflib measures it
_BARE = 3  # words of a reply that may be a value and nothing else
_MIXED = 4  # letters that a mixture shares with a word of the text
_EDGES = " .,;:!?\"'"
_PART = re.compile(
    r"\b(?:year|month|first name|surname|last name|family name|start|begin|opens?|closes?|ends?|finish|until"
    r"|starts|begins|leaves?|arrives?|check-in|check-out)\b",
    re.IGNORECASE,
)


def whole(reply: str, recalled: Sequence[str], question: str = "") -> str:
    """The reply with its value finished from the recalled texts, nearest first; or a refusal."""
    said = reply.strip()
    bare = said.strip(_EDGES)
    if not bare or len(said) > LONGEST or not recalled:
        return said
    if UNKNOWN.rstrip(".").casefold() in characters(said).casefold():
        return UNKNOWN if len(said.split()) <= _BARE + 3 else said
    texts = [characters(unlabelled(text[:_READ])) for text in recalled]
    part = _PART.search(question) is not None
    found = _found(bare, texts, part)
    if found is not None:
        return said.replace(bare, found) if found.casefold() == bare.casefold() else found
    words = said.split()
    if len(words) > _BARE:
        return _ending(said, words, texts, part)
    return _nearest(bare, texts, question) or said


def _found(bare: str, texts: Sequence[str], part: bool) -> str | None:
    """The value of the first text that has these words."""
    wanted = re.escape(characters(bare))
    for text in texts:
        found = re.finditer(wanted, text, re.IGNORECASE)
        places = [one.span() for one in islice(found, _PLACES)]
        places = [place for place in places if _at_word(text, place[0])] or places[:1]
        spans = [_grown(text, *place, part=part) for place in places]
        if spans:
            intact = [span for span, place in zip(spans, places, strict=True) if span == place]
            start, end = intact[0] if intact else spans[0]
            return text[start:end].strip(_EDGES[:-2] if "'" in text[start:end] else _EDGES)
    return None


def _at_word(text: str, start: int) -> bool:
    return start == 0 or not text[start - 1].isalnum()


def _grown(text: str, start: int, end: int, *, part: bool) -> tuple[int, int]:
    """As `grown`, but where a part is asked for: the end of a range, the year of a date."""
    if part:
        for pattern in (RANGE, DATE):
            for found in pattern.finditer(text):
                if found.start() <= start and end <= found.end():
                    return _chunk(text, start, end)
    return grown(text, start, end)


def _chunk(text: str, start: int, end: int) -> tuple[int, int]:
    return next((span for span in chunks(text) if span[0] <= start and end <= span[1]), (start, end))


def _ending(said: str, words: Sequence[str], texts: Sequence[str], part: bool) -> str:
    """A sentence whose end is the beginning of a value, with the whole value."""
    for many in range(len(words) - 1, 1, -1):
        ending = " ".join(words[-many:]).strip(_EDGES)
        for text in texts:
            at = text.casefold().find(ending.casefold())
            if at >= 0 and len(text.casefold()) == len(text):
                end = _grown(text, at, at + len(ending), part=part)[1]
                more = text[at + len(ending) : end]
                return f"{said.rstrip(_EDGES)}{more}." if more else said
    return said


def _nearest(bare: str, texts: Sequence[str], question: str) -> str | None:
    """The one value that a reply, found in no text, comes near to; a refusal where it mixes several."""
    said = bare.casefold()
    if " " in said or said in question.casefold():
        return None
    exact = any(map(str.isdigit, said)) or any(mark in said for mark in "@./:_\\")
    for text in texts:
        values = {text[start:end] for start, end in chunks(text) if end - start <= LONGEST}
        if exact:
            alike = [
                (likeness(said, value.casefold()), value) for value in sorted(values) if _is_exact(value)
            ]
            best = max(alike, default=(0.0, ""))
            if best[0] >= NEAR and sum(score >= best[0] - 0.1 for score, _ in alike) == 1:
                start = text.index(best[1])
                return text[slice(*grown(text, start, start + len(best[1])))]
        elif any(_shared(said, value.casefold()) >= _MIXED for value in values):
            return UNKNOWN
    return UNKNOWN if exact else None


def _is_exact(value: str) -> bool:
    return any(map(str.isdigit, value)) or any(mark in value[1:-1] for mark in "@./:_\\")


def likeness(one: str, other: str) -> float:
    """Of two spellings, 0 to 1."""
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _shared(one: str, other: str) -> int:
    """Letters that both begin with."""
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
