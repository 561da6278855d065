"""How many of something there are, where they are named and not counted.

How many siblings do I have?    My siblings are Matt, Claire and Fiona.    three
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memory.backends.reader.answer.words import normal

_ASKED = re.compile(
    r"how\s+many\s+(?P<thing>[a-z]+)\s+(?:do|have|has|does|did|are)\s+(?:i|we|you|there)\b", re.IGNORECASE
)
_NAMED = r"(?:\s+(?:are|is)(?:\s+(?:called|named))?\s+|\s*:\s*|\s+(?:called|named)\s+|,\s+|\s*\()"
_NAME = r"(?:little\s+|big\s+|old\s+)?[A-ZÀ-ÖØ-Þ][\w'’-]*(?:\s+\([^()]{1,20}\))?"
_MORE = re.compile(rf",\s*(?:and\s+)?(?={_NAME})|\s*(?:and|&|\+)\s*(?={_NAME})")
_OWNED = re.compile(r"\b(?:my|our|have|got|['’]ve)\s+(?:[a-z]+\s+){0,2}$", re.IGNORECASE)
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def counted(question: str, texts: Sequence[str]) -> tuple[str, Sequence[int]]:
    """The number of names that one text gives of what is asked for, and its place; else "" and none."""
    asked = _ASKED.match(question.strip())
    if asked is None:
        return "", ()
    found = {place: many for place, text in enumerate(texts) if (many := _many(normal(asked["thing"]), text))}
    if len(found) != 1:
        return "", ()
    [(place, many)] = found.items()
    return (_WORDS[many - 2], [place]) if many - 2 < len(_WORDS) else (str(many), [place])


def _many(thing: str, text: str) -> int:
    """How many names stand behind the teller's own things of that kind; 0 for less than two."""
    for word in re.finditer(r"[A-Za-z]+", text):
        if normal(word[0]) != thing or not _OWNED.search(text[: word.start()]):
            continue
        named = re.compile(rf"{_NAMED}(?={_NAME})").match(text, word.end())
        many, at = 0, named.end() if named else -1
        while at >= 0 and (name := re.compile(_NAME).match(text, at)):
            many += 1
            more = _MORE.match(text, name.end())
            at = more.end() if more else -1
        if many > 1:
            return many
    return 0
