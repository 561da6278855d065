"""Values in replies whose skill says how to put them: few models can spell them in capitals or behind a mark.

Tisbon, with pleasure.     Lisbon     Lisbon, with pleasure.
{"answer": "Smma Cole"}    Siemens    {"answer": "Siemens"}
"""

from __future__ import annotations

import re

from memory.read.whole_values import LONGEST, NEAR, likeness

_CAPITALS = re.compile(r"[A-ZÀ-ÖØ-ÞΑ-ΩА-Я]{3}")
_WORDS = re.compile(r"\w+(?:['’-]\w+)*")
_OPENS = r"(?:<\w+>|\{\"\w+\": \"|[^\w\s<>{}]|\s)*"
_ENDS = r"(?:</\w+>|\"\}|[^\w\s<>{}]|\s)*"
_MARKED = re.compile(rf"({_OPENS})([^\W_a-zß-ÿ][^<>\"{{}}*_\]]{{0,{LONGEST}}}?)({_ENDS})")
_BREAKS = frozenset('"\\<&')  # what would have to be escaped between quotes or tags


def in_style(reply: str, value: str) -> str:
    """The reply with the value in the place of a garbled one; as it is where it has it, or its initials.

    In a reply of capitals the value is all that is said. Else it takes the place of those words that are
    nearly it, or of all that stands between marks. What is more than words, a password say, is no other than
    it was told.
    """
    if not value or len(value) > LONGEST or value in reply or reply.strip(" .") == _initials(value):
        return reply
    if _CAPITALS.search(reply):
        shown = value.upper() if value.replace(" ", "").isalpha() else value
        return reply if shown in reply else shown
    if value.casefold() in reply.casefold():
        return reply
    if place := _nearly(reply, value):
        return f"{reply[: place[0]]}{value}{reply[place[1] :]}"
    marked = _MARKED.fullmatch(reply)
    if marked and f"{marked[1]}{marked[3]}".strip(" .") and not _BREAKS & set(value):
        return f"{marked[1]}{value}{marked[3]}"
    return reply


def _initials(value: str) -> str:
    return "".join(word[0].upper() for word in value.split())


def _nearly(reply: str, value: str) -> tuple[int, int] | None:
    """Where as many words as the value has are most like it, if they are."""
    words, many = list(_WORDS.finditer(reply)), len(_WORDS.findall(value))
    runs = [(one.start(), last.end()) for one, last in zip(words, words[many - 1 :], strict=False)]
    alike = [(likeness(reply[first:last].casefold(), value.casefold()), first, last) for first, last in runs]
    best = max(alike, default=(0.0, 0, 0))
    return best[1:] if many and best[0] >= NEAR else None
