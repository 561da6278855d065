"""Whether an answer is right, wrong, or a refusal."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta
from typing import Literal

from benchmarks.said.cases import Case, Value

Score = Literal["right", "wrong", "refused"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_REFUSAL = re.compile(
    r"(?:i\s+(?:do\s+not|don't|cannot|can't)\s+(?:know|remember|recall|have|say|tell|find)"
    r"|i(?:'m| am)\s+not\s+sure|i(?:'m| am)\s+sorry|unknown|not\s+(?:mentioned|known|provided))"
)
_QUOTES = str.maketrans("’‘“”–—", "''\"\"--")
_DAY = re.compile(r"\{(?:day ([+-]\d+)|(next|last) (\w+))\}")


def score(case: Case, answer: str, today: date) -> Score:
    """A refusal is right where nothing was told, and a missed answer else; what is neither is harmful.

    Letters are compared without case, and characters in their compatibility forms; a value has to stand by
    itself: "42" is no "42.5".
    """
    said = _folded(answer)
    if not said or _REFUSAL.match(said):
        return "refused" if case.right else "right"
    if any(_folded(wrong) in said for wrong in case.wrong):
        return "wrong"
    return "right" if any(_has(said, value, today) for value in case.right) else "wrong"


def _has(said: str, value: Value, today: date) -> bool:
    if isinstance(value, list):
        return all(_has(said, part, today) for part in value)
    if not value:
        return True
    day = _DAY.fullmatch(value)
    if day:
        return _names(said, _meant(day, today))
    wanted = re.escape(_folded(value))
    return re.search(rf"(?<!\w)(?<!\w[.:/@_'-]){wanted}(?!\w|[.:,/@_'-](?!s\b)\w)", said) is not None


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).translate(_QUOTES).casefold().split())


def _meant(day: re.Match[str], today: date) -> date:
    if day[1]:
        return today + timedelta(int(day[1]))
    ahead = (WEEKDAYS.index(day[3]) - today.weekday()) % 7
    return today + timedelta((ahead or 7) if day[2] == "next" else ahead - 7)


def _names(said: str, day: date) -> bool:
    """Whether a text names the day, with its month in words or in ISO form."""
    if day.isoformat() in said:
        return True
    month = day.strftime("%B").casefold()
    return re.search(rf"\b{day.day}(?:st|nd|rd|th)?\b", said) is not None and month in said
