"""What a change is to, of a thing that only the older text names: "They changed the gate to C4"."""

from __future__ import annotations

import re
from collections.abc import Sequence

from memory.backends.reader.answer import shapes
from memory.backends.reader.answer.asked import Asked
from memory.backends.reader.answer.clauses import LINE, Said, split
from memory.backends.reader.answer.extract import to_end, without_circumstance
from memory.backends.reader.answer.words import normals
from memory.text.sentences import sentences

_NAMES = rf"(?P<said>{shapes.PROPER}(?:\s{shapes.PROPER})*)"
# What stands before the new value, the more telling first.
_CHANGED_TO = tuple(
    re.compile(pattern, shapes.FLAGS)
    for pattern in (
        _NAMES
        + r"""\s+(?:took\ over|has\ taken\ over|replaced\s|is\ the\ new\b|is\s\w+\s(?:captain|head|boss)
        |\w+s\s(?:me|us)\b)""",
        r"""\b(?:chang|switch|mov|upgrad|updat|reset|set|renam|rais|lower|cut|reduc|increas|extend|push|postpon
        |brought|bring|went|gone|transferr|swap|convert|resched|shift|bump|delay|shorten|relocat|promot|downgrad
        |migrat|turn|slip|up\b)\w*\b[^.;]*?\b(?:to|into|for)\s+(?P<said>.+)""",
        r"""\b(?:swapp|trad|dropp|ditch|exchang|replac|left|leav|gave|giv|put)\w*\b[^.;]*?\b(?:for|with|by|on)\s+
        (?P<said>.+)""",
        r"""\b(?:new|another)\s+(?:[\w-]+\s*?){0,6}?(?:\s(?:is|are|will\ be|called|named)\s|:|,(?=\ \S*\d))\s*
        (?P<said>.+)""",
        r"\b(?:i\ meant|i\ mean|make\ (?:that|it)|should\ be)\s+(?P<said>.+)",
        r"""\b(?:bought|got|have|drive|ride|use|using|took(?:\ up)?|take|taking|booked|chose|picked|prefer
        |join(?:ed|ing)|start(?:ed|ing)(?:\ (?:at|with))?|signed\ up\ (?:at|with|for)|signed\ with|hired
        |go\ (?:to|with)|(?:be|['’]m|am)\ (?:at|in|on|with)|doing|seeing|see|dating|married|ordered|study|play
        |learning|reading|expecting|became|made\ it|opened\ one\ at|gave\ me)\s+(?P<said>.+)""",
        r"\b(?:it['’]s|it\ is|is|are|now)\s+(?:now\s+|in\s+|at\s+|on\s+|only\s+from\s+)?(?P<said>.+)",
    )
)
_SEQUENCE = re.compile(rf"{shapes.PROPER}(?:\.?\s{shapes.PROPER}|\s\d+\b)*")
_SHAPED = {
    "when": shapes.WHEN,
    "amount": shapes.MUCH,
    "colour": shapes.COLOUR,
    "email": shapes.EMAIL,
    "phone": shapes.PHONE,
}
_ARTICLE = re.compile(r"^(?:an?|the|my|our)\s+", re.IGNORECASE)


def replacing(asked: Asked, lines: Sequence[Said], former: Sequence[Said], value: str) -> str:
    """The new value, where it is one; never a word of the older text. `value` is what that gave."""
    old = " ".join(line for _, line in former)
    short = [s for role, line in lines if role != "assistant" for s in sentences(line) if len(s) <= LINE]
    told = [clause for sentence in short for clause in split(sentence)]
    if asked.foreign or not asked.words <= normals(f"{old} {' '.join(told)}"):
        return ""
    known = normals(old) | asked.said
    if asked.kind in _SHAPED:
        return _shaped(_SHAPED[asked.kind], told, known, several=asked.kind == "when")
    for pattern in _CHANGED_TO:
        for clause in reversed(told):
            said = _value(pattern, clause)
            if said and _like(said, value) and not normals(said) <= known:
                return said
    names = [
        one
        for clause in told
        for one in _names(clause)
        if not (normals(one) & known or shapes.WHEN.search(one))
    ]
    return names[-1] if value[:1].isupper() and len(names) == 1 else ""


def _like(said: str, value: str) -> bool:
    """Whether it looks like the former value: a name, or something with a number."""
    if value[:1].isupper() and not _ARTICLE.match(value):
        return re.match(shapes.PROPER, said) is not None
    return any(map(str.isdigit, said)) if any(map(str.isdigit, value)) else True


def _names(clause: str) -> list[str]:
    """Names in a clause, but for the word that begins it."""
    return [found[0] for found in _SEQUENCE.finditer(clause) if found.start() and found[0] != "I"]


def _shaped(pattern: re.Pattern[str], told: Sequence[str], known: frozenset[str], *, several: bool) -> str:
    found = [one[0] for clause in told for one in pattern.finditer(clause) if not normals(one[0]) <= known]
    return shapes.TAIL.sub("", found[-1]) if len(found) == 1 or (several and found) else ""


def _value(pattern: re.Pattern[str], clause: str) -> str:
    found = pattern.search(clause)
    if not found:
        return ""
    return shapes.TAIL.sub("", without_circumstance(_ARTICLE.sub("", to_end(found["said"]))))
