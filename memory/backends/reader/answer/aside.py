"""What stands beside what is asked for in the same breath, and is no answer to it.

Which tablet am I on?        "I take ramipril, they took me off amlodipine"      not what ended
Where was I born?            "born in Cluj but grew up in Turin"                  not another part of life
What did they pay?           "they offered 60, I said 100, we settled on 80"      not what was only offered
What was my time this year?  "4:22 this year, last year took me 4:51"             not the year before's
"""

from __future__ import annotations

import re
from itertools import pairwise

_JOINT = re.compile(r"[,;.!?]+\s+|\s+(?:but|and|then|so|while|[-–—])\s+", re.IGNORECASE)
_BEFORE = re.compile(
    r"\b(?:old|former\w*|previous\w*|before|used\ to|ex|last|off|stop\w*|quit|gave|first|offer\w*)\b",
    re.IGNORECASE | re.VERBOSE,
)
_ENDED = re.compile(
    r"\b(?:took|taken|taking)\s+(?:me|him|her|us|them)\s+off\b"
    r"|\b(?:came|come|coming|am|are|is|was|['’]m|im|['’]s)\s+off\s+(?!to\b|on\b|in\b|for\b|at\b|the\b)"
    r"|\bstopped\s+(?:taking|using|drinking|wearing|seeing)\b",
    re.IGNORECASE,
)
_OFFERED = re.compile(
    r"\b(?:offered|asked\s+for|wanted|quoted|(?:i|we|he|she|they)\s+said|opened\s+at|started\s+at)\b", re.I
)
_AGREED = re.compile(r"\b(?:settled\s+(?:on|at|for)|agreed\s+(?:on|at)|ended\s+up|in\s+the\s+end)\b", re.I)
_THIS = re.compile(r"\b(?:this|now)\b", re.IGNORECASE)
_LAST = re.compile(r"\b(?:last|previous)\s+(?:year|season|term|month|week|time)\b", re.IGNORECASE)
_LIFE = tuple(
    re.compile(rf"\b(?:{verbs})\b", re.IGNORECASE)
    for verbs in (
        "born",
        "grew up|grow up|growing up|raised|brought up",
        "live|lives|lived|living",
        "work|works|worked|working",
        "study|studies|studied|studying|went to uni",
    )
)


def aside(question: str, text: str) -> list[tuple[int, int]]:
    """The places of a text's clauses that tell of something else than is asked for."""
    clauses = _clauses(text)
    held = [text[start:end] for start, end in clauses]
    found: set[int] = set()
    if not _BEFORE.search(question):
        found.update(_having(_ENDED, held))
        found.update(_having(_OFFERED, held) if any(_AGREED.search(one) for one in held) else ())
        found.update(_having(_LAST, held) if _THIS.search(question) else ())
    asked = [verb for verb in _LIFE if verb.search(question)]
    if len(asked) == 1 and any(asked[0].search(one) for one in held):
        others = {place for verb in _LIFE if verb is not asked[0] for place in _having(verb, held)}
        found |= others - set(_having(asked[0], held))
    return [clauses[place] for place in sorted(found)]


def only_aside(question: str, text: str, value: str) -> bool:
    """Whether a text has a value, and only in such clauses."""
    places = [at.span() for at in re.finditer(re.escape(value), text, re.IGNORECASE)] if value else []
    beside = aside(question, text) if places else []
    return bool(places) and all(
        any(first <= start and end <= last for first, last in beside) for start, end in places
    )


def _clauses(text: str) -> list[tuple[int, int]]:
    cuts = [(0, 0), *(joint.span() for joint in _JOINT.finditer(text)), (len(text), len(text))]
    return [(one[1], other[0]) for one, other in pairwise(cuts)]


def _having(pattern: re.Pattern[str], clauses: list[str]) -> list[int]:
    return [place for place, clause in enumerate(clauses) if pattern.search(clause)]
