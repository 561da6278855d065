"""The days that German, Spanish and French count from the speaker's, as dates: "morgen", "mañana", "demain".

    said on 30 November 2026
    Morgen um 10 habe ich einen Termin.    on 1 December 2026 um 10 habe ich einen Termin.

Only in a text of that language: "Guten Morgen", "por la mañana" and a Mr Morgen stay.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta

_TELLING = 2  # different words that a text has of a language before it is read as that
# Of each language words that tell it, what keeps such a word from being a day, and the days.
_KNOWN = (
    (
        "ich|wir|er|sie|ist|sind|habe|haben|hat|mein|meine|meinen|und|der|die|das|den|um|beim|zum|zur|nicht|mit|bei"
        "|kommt|kommen|muss|müssen|einen|eine|einem",
        ("guten", "jeden", "jeder", "am", "gegen", "diesen", "der", "den", "herr", "frau"),
        {"übermorgen": 2, "morgen": 1, "heute": 0, "vorgestern": -2, "gestern": -1},
    ),
    (
        "mi|mis|el|los|tengo|tiene|tenemos|voy|vamos|es|está|y|con|una|un|que|nos|llega|en",
        ("la", "esta", "cada", "de", "una"),
        {"pasado mañana": 2, "mañana": 1, "hoy": 0, "anteayer": -2, "ayer": -1},
    ),
    (
        "je|j['’]ai|mon|ma|mes|le|la|les|est|avec|une|un|nous|on|et|chez|il|elle|à|au",
        ("de", "d'", "d’"),
        {"après-demain": 2, "demain": 1, "aujourd'hui": 0, "aujourd’hui": 0, "avant-hier": -2, "hier": -1},
    ),
)
_LANGUAGES = tuple(
    (
        re.compile(rf"\b(?:{words})\b", re.IGNORECASE),
        re.compile(
            "".join(f"(?<!{one} )" for one in stays) + rf"(?<![\w-])(?P<day>{'|'.join(days)})(?![\w-])",
            re.IGNORECASE,
        ),
        days,
    )
    for words, stays, days in _KNOWN
)
HINT = "morgen|heute|gestern|mañana|hoy|ayer|demain|aujourd|hier"


def dated_abroad(text: str, today: date) -> str:
    """The text with dates in the place of such words; itself where it is of none of these languages."""
    for words, said, days in _LANGUAGES:
        if said.search(text) is None:
            continue
        if len({one.casefold() for one in words.findall(text)}) >= _TELLING:
            return _replaced(text, said, {name: today + timedelta(away) for name, away in days.items()})
    return text


def _replaced(text: str, said: re.Pattern[str], days: Mapping[str, date]) -> str:
    def written(found: re.Match[str]) -> str:
        day = days[found["day"].casefold()]
        return f"on {day.day} {day:%B} {day.year}"

    return said.sub(written, text)
