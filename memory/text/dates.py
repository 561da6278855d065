"""Times that are said from where the speaker stands, as the dates that they are.

    said on 29 November 2026
    My dentist appointment is tomorrow.    My dentist appointment is on 30 November 2026.
    I saw Anna last night.                 I saw Anna on the night of 28 November 2026.
    We move in two weeks.                  We move on 13 December 2026.
    My exam is on Friday.                  My exam is on Friday, 4 December 2026.

What is stored stays as it was told; models read the date. Days are those of this machine's time zone. What
may mean something else stays as it is: a name ("Yesterday" in a sentence), a quotation, a day of every month
or week ("The shop is closed on Monday."; only of what takes place once is "on Friday" a date), how long
something took ("built in two days"). A week begins on Monday: "next Friday" is next week's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from memory.text.foreign_days import HINT, dated_abroad
from memory.text.values import DATE

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"),
    "twelve",
)
_WEEKDAY = rf"(?:{'|'.join(_DAYS)})"
_MANY = rf"(?:\d{{1,3}}|an?|{'|'.join(_NUMBERS[1:])})"
_TOMORROW = r"(?:tom{1,2}or{1,2}ow|tmr{1,2}w?|2mo?r{1,2}ow)"  # as phones have it too
_UNIT = r"(?:days?|weeks?|fortnights?|months?|years?)"
_PART = r"(?:morning|afternoon|evening|night)"
_WHICH = r"(?:next|last|this(?:\ coming)?|(?:the\ )?coming)"
_NTH = r"(?P<nth>\d{1,2})(?:st|nd|rd|th)"
# One alternative a kind of expression; the longer before what begins them.
_SAID = re.compile(
    rf"""(?P<quoted>"[^"\n]{{1,120}}"|“[^”\n]{{1,120}}”)
    |(?<![\w-])(?:
    (?P<day>(?:the\ )?day\ after\ tomorrow|(?:the\ )?day\ before\ yesterday|{_TOMORROW}|yesterday|today)
      (?:['’]s\ (?P<owned>\w+)(?=\ (?:is|are|was|were|will|has|starts?|begins?|at|in|on|with)\b|[.,;!?]|$)
        |\ (?P<part>{_PART})\b)?
    |this\ (?P<now>morning|afternoon|evening)|(?P<tonight>tonight)|last\ (?P<past>night|evening)
    |(?:a\ week\ (?:on|from)\ (?P<far>{_WEEKDAY})|(?P<far_off>{_WEEKDAY})\ week)(?!\ (?:of|in|on|and|is)\b)
    |the\ end\ of\ (?:the|this|next)\ (?P<ending>month|year)
    |(?P<of>{_WEEKDAY})\ (?:of\ )?(?P<week>next|last|this)\ week
    |(?P<which>{_WHICH})\ (?:(?P<weekday>{_WEEKDAY})(?:\ (?P<its>{_PART}))?|(?P<unit>weekend|week|month|year))
    |in\ (?P<after>{_MANY})\ (?P<after_unit>{_UNIT})(?:['’]?\ time)?
    |(?P<from>{_MANY})\ (?P<from_unit>{_UNIT})\ from\ (?:now|today)
    |(?P<before>{_MANY})\ (?P<before_unit>{_UNIT})\ ago
    |(?:on|by|until|before)\ the\ {_NTH}(?:\ of\ (?P<month>this|next)\ month)?
      (?=\ *(?:[.,;!?)]|$)|\ (?:at|in\ the|from|with|and|for|we|I)\b)
    |(?P<bare>{_WEEKDAY})(?:\ (?P<bare_part>{_PART}))?(?!\ the\b|,?\ \d{{1,2}}(?:st|nd|rd|th)\b)
    )(?!\w|['’]s\b|-\w)""",
    re.IGNORECASE | re.VERBOSE,
)
# A part of each such expression, in small letters: quicker to look for than the expressions.
_HINT = re.compile(
    rf"{HINT}|{_TOMORROW}|yesterday|today|tonight|from now| ago|the \d|in {_MANY} {_UNIT}|{_WEEKDAY} week"
    rf"|a week (?:on|from) |the end of |(?:on|by|until|till|before|to|is|was) {_WEEKDAY}"
    rf"|(?:next|last|this|coming) (?:{_WEEKDAY}|{_PART}|coming|week|month|year)"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s|\n")
_BEGINS = re.compile(r"(?:^|[.!?:\n][\"'”’)]*\s*|[\"“]\s*)$")
_BARE = re.compile(r"\b(?:by|until|till?|from|since|before|after|of|for|to|than|around|about|on|in)\ $", re.I)
_NOT = re.compile(
    r"\b(?:called|named|titled|entitled|the|my|our|your|his|her|their|its|time|over|almost|nearly|than)\ $",
    re.I,
)
_PAST = re.compile(
    r"""\b(?:was|were|did|had|took|went|made|lost|wrote|ran|built|learnt|won|met|saw|came|bought|sold|found|gave
    |said|told|heard|felt|kept|began|broke|flew|drove|fell|sent|spent|forgot|became
    |(?<!['’]ve\ )(?<!have\ )(?<!has\ )got)\b
    |(?<!\bis\ )(?<!\bare\ )(?<!\bbe\ )(?<!\bam\ )\b(?!need|feed|seed|speed|breed|exceed|proceed)
    \w{2,}ed\b""",
    re.IGNORECASE | re.VERBOSE,
)
_PRESENT = re.compile(
    r"\b(?:is|are|am|will|starts?|begins?|leaves?|ends?)\b|['’](?:s|m|re|ll)\b", re.IGNORECASE
)
_LASTS = re.compile(r"\b(?:takes?|can|could|would|within|once|twice|times)\b", re.IGNORECASE)
_RECURS = re.compile(
    r"""\b(?:every|each|always|usually|monthly|rent|due|bills?|salary|wages|pay|pays|paid|payday|fees?|mortgage
    |subscription|allowance)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# What takes place once: "on Friday" is a day of it, and not of every week.
_ONCE = re.compile(
    r"""\b(?:exam|test|quiz|interview|appointment|viewing|flight|train|ferry|party|wedding|funeral|concert|gig|premiere
    |deadline|delivery|parcel|package|presentation|operation|surgery|hearing|audition|trip|visit|inspection|match
    |barbecue|launch|check-?up|lunch|dinner|brunch|meeting
    |will|going\ to|(?:I\ am|we\ are)\ \w+ing
    |fly|flies|leaves?|arrives?|land|lands|moved|postponed|rescheduled)\b
    |['’](?:ll|(?:m|re)\ \w+ing)\b""",
    re.IGNORECASE | re.VERBOSE,
)
_OFTEN = re.compile(
    r"\b(?:every|each|always|usually|normally|often|sometimes|never|weekly|if|when|until|till)\b", re.I
)
_A_WEEKDAY = re.compile(rf"\b{_WEEKDAY}s?\b", re.IGNORECASE)
_ON = re.compile(r"\b(?:on|by|before|to|is|was)\ $", re.IGNORECASE)
_MONTH_NAMED = re.compile(rf"\b(?:{'|'.join(_MONTHS)})\b")
_YEARLY = re.compile(r"\b(?:birthday|anniversary|name day)\b", re.IGNORECASE)


def dated(text: str, said_at: datetime) -> str:
    """The text with the dates that its words for times meant when it was said (aware). Linear."""
    if not _HINT.search(text.casefold()):
        return text
    today = said_at.astimezone().date()
    text = dated_abroad(text, today)
    written, done = [], 0
    for found in _SAID.finditer(text):
        meant = None if found["quoted"] else _Meant(text, found, today).text()
        if meant is not None:
            written += [text[done : found.start()], meant]
            done = found.end()
    return "".join([*written, text[done:]])


class _Meant:
    """One expression in its sentence, and the day on which it was said."""

    def __init__(self, text: str, found: re.Match[str], today: date) -> None:
        self.found, self.today = found, today
        self.before = text[max(0, found.start() - 200) : found.start()]
        self.after = text[found.end() : found.end() + 200]
        sentence = _SENTENCE.split(self.before)[-1] + found[0] + _SENTENCE.split(self.after)[0]
        self.sentence = sentence
        self.begins = _BEGINS.search(self.before) is not None
        self.yearly = _YEARLY.search(sentence) is not None

    def text(self) -> str | None:
        """What stands in its place; None where it stays."""
        if self._names() or _NOT.search(self.before) or DATE.match(self.after.lstrip(" ,(")):
            return None
        for group, meaning in _MEANINGS.items():
            if self.found[group]:
                try:
                    said = meaning(self)
                except (OverflowError, ValueError):  # before the first year, or after the last
                    return None
                return self._in_case(said) if said else None
        return None

    def _in_case(self, said: str) -> str:
        if self.sentence.isupper():
            return said.upper()
        return said[:1].upper() + said[1:] if self.begins else said

    def _names(self) -> bool:
        """Whether it is a name: "Yesterday" inside a sentence, "Yesterday by the Beatles"."""
        if self.begins and self.after.startswith(" by "):
            return True
        shouted = self.found[0].isupper()  # TOMORROW
        weekday = any(self.found[group] for group in ("of", "far", "far_off", "bare"))
        return self.found[0][0].isupper() and not (self.begins or weekday or shouted)

    def _past(self) -> bool:
        """Whether the sentence, or the end of it, tells of what is over."""
        over = [found.end() for found in _PAST.finditer(self.sentence)]
        return bool(over) and not _PRESENT.search(self.sentence, over[-1])

    def day(self) -> str | None:
        """Tomorrow, yesterday morning, today's meeting."""
        said = self.found["day"].lower()
        far = 2 if "day " in said else 1
        days = 0 if said == "today" else -far if "yesterday" in said else far
        at = self.today + timedelta(days)
        if self.found["owned"]:
            return f"the {self.found['owned']} on {self.written(at)}"
        return self.on(at, self.found["part"])

    def now(self) -> str:
        """This morning."""
        return self.on(self.today, self.found["now"])

    def tonight(self) -> str:
        """Tonight."""
        return self.on(self.today, "evening")

    def past(self) -> str:
        """Last night."""
        return self.on(self.today - timedelta(1), self.found["past"])

    def of_week(self) -> str:
        """Monday next week."""
        return self.on(self._weekday(self.found["of"], _shift(self.found["week"])), named=True)

    def far(self) -> str:
        """A week on Monday, Monday week."""
        apart = (_DAYS.index((self.found["far"] or self.found["far_off"]).lower()) - self.today.weekday()) % 7
        return self.on(self.today + timedelta((apart or 7) + 7), named=True)

    def bare(self) -> str | None:
        """Friday, of something that takes place once."""
        once = _ONCE.search(self.sentence) and not _OFTEN.search(self.sentence)
        if not once or not _ON.search(self.before) or len(_A_WEEKDAY.findall(self.sentence)) > 1:
            return None
        name, part = self.found["bare"], self.found["bare_part"]
        apart = (_DAYS.index(name.lower()) - self.today.weekday()) % 7 or 7
        over = self._past() and not self.before.endswith("to ")  # what was moved to Friday is to come
        at = self.today + timedelta(apart - 7 if over and apart < 7 else -7 if over else apart)
        return f"{f'the {part.lower()} of ' if part else ''}{name.capitalize()}, {_date(at)}"

    def ending(self) -> str | None:
        """The end of the month, of next year."""
        if _RECURS.search(self.sentence):
            return None
        shift = int(" next " in self.found[0].lower())
        year = self.found["ending"].lower() == "year"
        return f"the end of {self.today.year + shift if year else _month(self.today, shift)}"

    def which(self) -> str:
        """Next Monday, last year, this weekend."""
        which = self.found["which"].lower()
        if self.found["weekday"]:
            return self.on(self._nearest(self.found["weekday"], which), self.found["its"], named=True)
        shift, unit = _shift(which), self.found["unit"].lower()
        if unit == "year":
            return self.within(str(self.today.year + shift))
        if unit == "month":
            return self.within(_month(self.today, shift))
        monday = self._weekday("monday", shift)
        if unit == "week":
            return self.within(f"the week of {_date(monday)}")
        saturday, sunday = monday + timedelta(5), monday + timedelta(6)
        first = str(saturday.day) if saturday.month == sunday.month else f"{saturday.day} {_name(saturday)}"
        return self._put("on", f"{first} and {_date(sunday)}")

    def later(self) -> str | None:
        """In two weeks."""
        if _LASTS.search(self.sentence) or self._past():
            return None
        return self._far(self.found["after"], self.found["after_unit"], 1)

    def from_now(self) -> str:
        """Two weeks from now."""
        return self._far(self.found["from"], self.found["from_unit"], 1)

    def ago(self) -> str:
        """Two weeks ago."""
        return self._far(self.found["before"], self.found["before_unit"], -1)

    def of_month(self) -> str | None:
        """On the 5th."""
        nth, month = int(self.found["nth"]), self.found["month"]
        if _RECURS.search(self.sentence) or _MONTH_NAMED.search(self.sentence):
            return None
        said = self.found[0].split()[0]
        if month:
            year, number = _moved(self.today, int(month.lower() == "next"))
            return f"{said.lower()} {self.written(date(year, number, nth))}"
        step = -1 if self._past() else 1
        for months in range(4):
            year, number = _moved(self.today, step * months)
            if nth <= _length(year, number) and (date(year, number, nth) - self.today).days * step >= 0:
                return f"{said.lower()} {self.written(date(year, number, nth))}"
        return None

    def on(self, at: date, part: str | None = None, *, named: bool = False) -> str:
        """A day, or a part of one, in the sentence; with its weekday where that was said."""
        day = f"{_DAYS[at.weekday()].capitalize()}, {self.written(at)}" if named else self.written(at)
        return self._put("on", f"the {part.lower()} of {day}" if part else day)

    def within(self, span: str) -> str:
        """A week, a month, a year in the sentence."""
        return self._put("in", span)

    def written(self, at: date) -> str:
        """A date; without its year where it comes back every year."""
        return f"{at.day} {_name(at)}" if self.yearly else _date(at)

    def _put(self, preposition: str, said: str) -> str:
        subject = self.begins and re.match(r" (?:is|was|will be)\b", self.after)
        return said if subject or _BARE.search(self.before) else f"{preposition} {said}"

    def _far(self, many: str, unit: str, sign: int) -> str:
        count = _count(many) * sign
        if unit.lower().startswith("year"):
            return self.within(str(date(self.today.year + count, 1, 1).year))
        if unit.lower().startswith("month"):
            return self.within(_month(self.today, count))
        days = {"d": 1, "w": 7, "f": 14}[unit[0].lower()]
        return self.on(self.today + timedelta(days * count))

    def _weekday(self, name: str, weeks: int) -> date:
        monday = self.today - timedelta(self.today.weekday())
        return monday + timedelta(7 * weeks + _DAYS.index(name.lower()))

    def _nearest(self, name: str, which: str) -> date:
        if which == "next":
            return self._weekday(name, 1)
        apart = (_DAYS.index(name.lower()) - self.today.weekday()) % 7
        return self.today + timedelta(apart if which != "last" else (apart or 7) - 7 or -7)


_MEANINGS: dict[str, Callable[[_Meant], str | None]] = {
    "day": _Meant.day,
    "now": _Meant.now,
    "tonight": _Meant.tonight,
    "past": _Meant.past,
    "far": _Meant.far,
    "far_off": _Meant.far,
    "ending": _Meant.ending,
    "of": _Meant.of_week,
    "which": _Meant.which,
    "after": _Meant.later,
    "from": _Meant.from_now,
    "before": _Meant.ago,
    "nth": _Meant.of_month,
    "bare": _Meant.bare,
}


def _shift(which: str) -> int:
    return {"next": 1, "last": -1}.get(which.lower(), 0)


def _count(many: str) -> int:
    if many.isdigit():
        return int(many)
    return 1 if many.lower() in ("a", "an") else _NUMBERS.index(many.lower())


def _moved(at: date, months: int) -> tuple[int, int]:
    """Year and month that lie so many months away."""
    years, month = divmod(at.month - 1 + months, 12)
    return at.year + years, month + 1


def _length(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return (following - timedelta(1)).day


def _month(at: date, months: int) -> str:
    year, month = _moved(at, months)
    return f"{_MONTHS[month - 1]} {date(year, month, 1).year}"


def _date(at: date) -> str:
    return f"{at.day} {_name(at)} {at.year}"


def _name(at: date) -> str:
    return _MONTHS[at.month - 1]
