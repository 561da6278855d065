"""Of which time a question asks: "on 7 May 2023", "in May", "2023-05-07", or "yesterday".

People tell of something when it happens, or within the days after. So what was told then is more likely to be
about it, whatever its words.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from memory.text.dates import dated

LATER = timedelta(days=7)  # after it, within which people tell of what happened

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NTH = r"(?:st|nd|rd|th)?"
_TIME = re.compile(
    rf"""\b(?P<iso>\d{{4}}-\d\d-\d\d)\b
    |(?:\b(?P<day>\d{{1,2}}){_NTH}\ (?:of\ )?)?
     \b(?P<month>(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?
        |oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?)
     (?:\ (?P<day_after>\d{{1,2}}){_NTH}\b(?!\d))?(?:,?\ (?P<year>\d{{4}})\b)?""",
    re.IGNORECASE | re.VERBOSE,
)
_OF_MONTH = re.compile(r"\b(?:in|of|during|since|this|last|early|late|mid)[\s-]+\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Period:
    """Days from the first to the last; of every year where the question names none."""

    first: date
    last: date
    every_year: bool = False

    def holds(self, told_at: datetime) -> bool:
        """Whether something was told then, or soon after."""
        told = told_at.date()
        shifts = (0, 1) if self.every_year else (0,)  # told in January, it may be of December
        return any(self._in(told, told.year - back if self.every_year else None) for back in shifts)

    def _in(self, told: date, year: int | None) -> bool:
        first, last = self.first, self.last
        if year is not None:
            length = (last - first).days
            first = first.replace(year=year, day=min(first.day, monthrange(year, first.month)[1]))
            last = first + timedelta(days=length)
        return first <= told <= last + LATER


def times_asked(query: str, now: datetime) -> list[Period]:
    """The periods that a question names; `now` is when it is asked."""
    said = dated(query, now)
    return [period for found in _TIME.finditer(said) for period in _period(found, said)]


def _period(found: re.Match[str], said: str) -> Iterator[Period]:
    try:
        if found["iso"]:
            day = date.fromisoformat(found["iso"])
            yield Period(day, day)
            return
        named = found["month"][:3].casefold()
        number = found["day"] or found["day_after"]
        alone = not number and not found["year"]
        if alone and (not found["month"][0].isupper() or not _OF_MONTH.search(said[: found.start("month")])):
            return  # "may", "march", and those whose name is May
        year = int(found["year"] or 2024)  # one that has every day
        month = _MONTHS.index(named) + 1
        first = date(year, month, int(number or 1))
        last = first if number else first.replace(day=monthrange(year, month)[1])
        yield Period(first, last, every_year=not found["year"])
    except ValueError:  # there is no such day
        return
