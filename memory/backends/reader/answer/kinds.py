"""Whether a value may be of the kind that its question asks for, whoever found it.

What day is the check?      5 pm, March                       an hour and a month are no day
What time is the check?     Thursday                          a day is no hour
Which flight is Ana on?     Sunday                            a day is no flight
When does he come?          Thursday at 5 to check the ...    the time alone
"""

from __future__ import annotations

import re

from memory.backends.reader.answer import shapes
from memory.backends.reader.claim_patterns import MONTH, WEEKDAY

_HOUR_ASKED = re.compile(r"\bwhat\s+time\b", re.IGNORECASE)
_DAY_ASKED = re.compile(r"\b(?:what|which)\s+(?:day|date|weekday)\b", re.IGNORECASE)
_TIME_ASKED = re.compile(r"(?:when|(?:what|which)\s+(?:time|day|date))\b", re.IGNORECASE)
_DAY = re.compile(r"(?:\w+day,?\s*)?(?:\d{1,2} [A-Z][a-z]+(?: \d{4})?)?")
_CLOCK = re.compile(r"\d{1,2}(?:[:.]\d\d)?\s?(?:[ap]\.?m)?", re.IGNORECASE)
_MONTH = re.compile(rf"(?:in\s+)?{MONTH}", re.IGNORECASE)
_DATED = re.compile(rf"\b(?:{WEEKDAY}s?\b|{MONTH}\s+\d|\d\s+{MONTH})", re.IGNORECASE)
_NAMED = re.compile(
    r"\b(?:which|what)\s+(?P<noun>[a-z]+)\s+(?:is|are|am|was|were|do|does|did|will|has|have|had|should|can|must)\b",
    re.IGNORECASE,
)
_TIMES = """day days date dates weekday weekdays time times hour hours night nights evening evenings morning
    mornings afternoon afternoons weekend weekends week weeks month months year years season slot slots shift
    shifts period appointment appointments session sessions deadline birthday holiday holidays else part"""
_OF_TIME = frozenset(_TIMES.split())
_ANOTHER_CLAUSE = re.compile(
    rf"\s+to\s+(?!the\b)[a-z]+\s|[,;]\s+(?!(?:at|on)?\s*(?:{shapes.WHEN.pattern}))", shapes.FLAGS
)


def other_kind(question: str, value: str) -> bool:
    """Whether it can be no answer: a day to what time, an hour or a month to what day, a day to which bus."""
    if _HOUR_ASKED.search(question):
        return _DAY.fullmatch(value) is not None
    if _DAY_ASKED.search(question):
        return _CLOCK.fullmatch(value) is not None or _MONTH.fullmatch(value) is not None
    named = _NAMED.search(question)
    if named is None or named["noun"].casefold() in _OF_TIME or not _DATED.search(value):
        return False
    return shapes.WHEN.fullmatch(value) is not None


def time_alone(question: str, value: str) -> str:
    """To a question for a time the value as far as it is one, where another clause follows."""
    said = shapes.WHEN.match(value) if _TIME_ASKED.match(question) else None
    return value[: said.end()] if said and _ANOTHER_CLAUSE.match(value, said.end()) else value
