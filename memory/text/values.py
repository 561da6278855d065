"""Spans of values in a text, which are quoted whole or not at all.

    jo.smith@example.com   10.0.0.7:8080   14 August 2031   10:00 to 18:30   Siobhan O'Connor

`grown` takes part of such a value and gives all of it. No model is asked; patterns take linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

_MONTH = (
    r"(?:(?:january|february|march|april|may|june|july|august|september|october|november|december)\b"
    r"|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?\b"
_DATE = rf"(?:(?:the )?{_DAY}(?: of)? {_MONTH}(?:,? \d{{4}}\b)?|{_MONTH} {_DAY}(?:,? \d{{4}}\b)?)"
DATE = re.compile(rf"\b{_DATE}", re.IGNORECASE)
_CLOCK = r"\d{1,2}(?:[:.]\d\d)?(?: ?[ap]\.?m\b\.?)?"
_WEEKDAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
_POINT = rf"(?:{_DATE}|{_WEEKDAY}|{_CLOCK})"
RANGE = re.compile(
    rf"(?<![\w.,]){_POINT}(?: ?- ?| to | until | till | and (?=\d)){_POINT}(?!\w|[.,]\d)", re.IGNORECASE
)
GROUPS = re.compile(r"(?<![\w.])\+?[A-Z]{0,2}\d{2,5}(?: \d{2,}){1,8}(?: \d)?(?![\w:]|[.,]\d)")
PAIR = re.compile(r"-?\d{1,3}\.\d+, ?-?\d{1,3}\.\d+")
PLATE = re.compile(r"\b[A-Z]{1,3}-[A-Z]{1,2} \d{1,4}\b")
LASTING = re.compile(r"\b\d{1,3} ?h(?:ours?)? \d{1,2} ?min(?:utes)?\b")
_UNIT = (
    r"(?:euros?|dollars?|pounds?|cents?|francs?|percent|%|°[CF]?|mg|g|kg|kilos?|grams?|km|cm|mm|m|metres?|meters?"
    r"|miles?|ml|l|litres?|liters?|seconds?|minutes?|hours?|days?|nights?|weeks?|months?|years?|people|persons?"
    r"|cups?|tsp|tbsp|teaspoons?|tablespoons?|oz|ounces?|[kmgt]b|k?wh?|[mg]hz|mph|km/h|inch(?:es)?|feet|ft|lbs?)"
)
AMOUNT = re.compile(
    r"(?<![\w./])(?<!\d,)[-+]?[$€£]?"
    rf"(?:(?:\d{{1,3}} )?\d{{1,3}}/\d{{1,3}}|\d[\d.,]{{0,24}}(?<=\d)) ?{_UNIT}(?!\w)",
    re.IGNORECASE,
)
QUOTED = re.compile(r'"([^"\n]{1,120})"')
FOREIGN = re.compile(
    r"(?<![^\x00-\u02ff\s])[^\x00-\u02ff\s]+(?: [^\x00-\u02ff\s]+){1,5}"
)  # words in another script than Latin
_VALUES = (FOREIGN, DATE, RANGE, GROUPS, PAIR, PLATE, LASTING, AMOUNT)

_NAME = r"[^\W\d_a-zß-ÿ][\w'-]*"
_CAPITALISED = re.compile(rf"\.? (?:(?:de|da|di|del|van|von|der|den|bin|al|el|la|le|y) )*(?=({_NAME}))\1")
_TITLE = re.compile(r"(?:mr|mrs|ms|dr|prof|st|fr|sr)$", re.IGNORECASE)
_NO_NAME = frozenset(
    ("I", "My", "We", "Our", "He", "She", "It", "They", "The", "This", "That", "And", "But", "So", "On", "In",
     "At", "His", "Her", "Their", "Your", "Is", "Are", "Was", "Has", "Or", "With", "From", "To", "For")
)  # fmt: skip
_ITEM = r"[^\s,;!?]+(?: [^\s,;!?]+){0,2}"
_LIST = re.compile(rf"(?:, {_ITEM}){{0,12}},? (?:and|&) ")
_LAST_ITEM = re.compile(rf"{_ITEM}(?=[,;!?]|$)")
_NO_ITEM = frozenset(
    ("a", "an", "the", "my", "our", "his", "her", "your", "i", "we", "he", "she", "it", "they", "is", "are",
     "was", "to", "not")
)  # fmt: skip

_NEAR = 160  # characters on each side in which the rest of a value is looked for
_NAME_WORDS = 6
_ROUNDS = 4  # a date in a range in a quotation
_CORE_OPENS = "([{\"'<*_"
_CORE_ENDS = ".,;:!?)]}\"'>*…。！？、，"
_IDEOGRAPHIC = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")
_SECRET = re.compile(
    r"\b(?:pass\s?(?:word|phrase|code|key)?|pwd?|pin|code|key|token|passwort|kennwort)\b", re.IGNORECASE
)


def grown(text: str, start: int, end: int) -> Span:
    """The whole value around this span; the span itself outside of any value."""
    start, end = _in_chunk(text, start, end)
    for _ in range(_ROUNDS):
        before = start, end
        for first, last in _around(text, start, end):
            start, end = min(start, first), max(end, last)
        end = _named(text, start, end)
        if (start, end) == before:
            break
    return start, _listed(text, start, end)


def whole_number(text: str, value: str) -> str:
    """The number in groups, or the amount, that this is part of ("07700" of "07700 900123"), or itself."""
    if any(map(str.isdigit, value)):
        for pattern in (GROUPS, AMOUNT):
            for found in pattern.finditer(text):
                if found[0].startswith(f"{value} ") or found[0].endswith(f" {value}"):
                    return found[0]
                if value in found[0] and "/" in found[0]:
                    return found[0]
    return value


def whole_secret(text: str, value: str) -> str:
    """A password with the marks that it ends with ("Sup3r!pass!"); words and numbers end without."""
    if " " in value or value.isalpha() or value.isdigit() or _SECRET.search(text) is None:
        return value
    found = re.search(re.escape(value) + r"[!#$%&*+=@~^]+(?=[\s.,;)\"'”]|$)", text)
    return found[0] if found else value


def chunks(text: str) -> Iterator[Span]:
    """Tokens between spaces, without surrounding punctuation."""
    for found in re.finditer(r"\S+", text):
        start, end = _core(text, found.start(), found.end())
        if start < end:
            yield start, end


def unmarked(said: str) -> str:
    """A value without the marks of Markdown around it; the star of a code that is dialled (*100#) stays."""
    bare = said.strip("*_` ")
    if any(map(str.isdigit, bare)):
        opened, ended = said.startswith("*"), said.endswith("*")
        if opened != ended and "**" not in said:
            return f"{'*' if opened else ''}{bare}{'*' if ended else ''}"
    return bare


def _core(text: str, start: int, end: int) -> Span:
    first, last = start, end
    while start < end and text[start] in _CORE_OPENS:
        start += 1
    while start < end and text[end - 1] in _CORE_ENDS:
        end -= 1
    if text[start:end].endswith(("'s", "s'")) and end - start > 2:
        end -= 2 if text[end - 2] == "'" else 1
    if start < end and "*" in text[first:last] and "**" not in text[first:last]:
        code = unmarked(text[max(first, start - 1) : min(last, end + 1)])
        return max(first, start - code.startswith("*")), min(last, end + code.endswith("*"))
    return start, end


def _in_chunk(text: str, start: int, end: int) -> Span:
    first = start
    while first > 0 and not text[first - 1].isspace():
        first -= 1
    last = end
    while last < len(text) and not text[last].isspace():
        last += 1
    first, last = _core(text, first, last)
    if _IDEOGRAPHIC.search(text[max(first, start - 1) : start]):
        first = start  # no spaces between words there
    if (
        "," in text[end:last]
        and not text[end : end + 2].strip(",").isdigit()
        and not text[start:end].isdigit()
    ):
        last = min(last, text.index(",", end))
    return min(start, first), max(end, last)


def _around(text: str, start: int, end: int) -> Iterator[Span]:
    """Values of known forms, in the same line and near, that overlap with this part."""
    line_start = max(text.rfind("\n", 0, start) + 1, start - _NEAR)
    line_end = text.find("\n", end, end + _NEAR)
    line = text[line_start : end + _NEAR if line_end < 0 else line_end]
    for pattern in _VALUES:
        for found in pattern.finditer(line):
            first, last = line_start + found.start(), line_start + found.end()
            if first < end and start < last:
                yield first, last
    for found in QUOTED.finditer(line):
        first, last = line_start + found.start(1), line_start + found.end(1)
        if first <= start and end <= last:
            yield first, last


def _named(text: str, start: int, end: int) -> int:
    """Where a name ends whose beginning this is."""
    if not text[start:end].strip() or not _begins_name(text[start:end]):
        return end
    for _ in range(_NAME_WORDS):
        following = _CAPITALISED.match(text, end)
        if not following or following[1].capitalize() in _NO_NAME or text[end - 1] == ".":
            return end
        if following[0].startswith(".") and not _TITLE.search(text[start:end]):
            return end
        end = _core(text, start, following.end())[1]
    return end


def _begins_name(said: str) -> bool:
    last = said.split()[-1]
    return last[0].isupper() and not any(map(str.isdigit, last))


def _listed(text: str, start: int, end: int) -> int:
    """Where a list ends whose first items this is: "Leo" of "Leo, Mia and Tom"."""
    more = _LIST.match(text, end)
    item = _LAST_ITEM.match(text, more.end()) if more else None
    if more is None or item is None:
        return end
    words = f"{more[0]}{item[0]}".replace(",", " ").split()
    capitals = text[start].isupper()
    alike = item[0][0].isupper() == capitals and (capitals or len(item[0].split()) == 1)
    if not alike or _NO_ITEM.intersection(map(str.casefold, words)):
        return end
    return _core(text, start, item.end())[1]
