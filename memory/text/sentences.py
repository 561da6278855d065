"""Where sentences end, and clauses about somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from sentencex import get_sentence_boundaries

# After . ! ? or their kin, closing quotes included, before white space; and at every line break. Linear in
# the text, as every pattern here that reads what a caller sent: no run is read from each of its characters.
_END = re.compile(r"""(?<=[.!?…؟।])["'”’)\]]*+\s++|(?<=[。！？])|\n\s*+""")
_NEARBY = 40  # characters before and behind an end that say what it is
_LONG = 8  # characters of a word; no abbreviation has more
_NAMING = frozenset(("mr", "mrs", "ms", "mx", "dr", "prof"))  # a name follows: never an end
_TITLES = frozenset(("st", "sra", "sig", "dott", "dhr", "mme", "mlle"))  # an end before a sentence alone
_BEGINS = re.compile(  # a sentence, whatever stands before it
    r"(?:I|He|She|It|We|They|You|My|His|Her|Our|Their|Your|Its|The|This|That|These|There|And|But)\b(?!\.)"
)
# What sentencex does not know to be shortened before a small letter or a figure, and before a figure alone.
_SHORT = re.compile(
    r"""(?:approx|apt|avg|dept|esp|govt|incl|tsp|tbsp|tabl|vs|etc|ca|mon|tue|tues|wed|thu|thurs|fri
      |aprox|av|bzw|np|ud|usw|\w{2,20}str|[a-z]\.[a-z])""",
    re.VERBOSE,
)
_HOURS = ("a.m", "p.m")
_COUNTED = frozenset(("arr", "chap", "dep", "est", "max", "min", "nr", "pág", "ref", "tel", "vol"))
_COUNTABLE = re.compile(
    r"(?:Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
    r"|Stock|Jahrhundert|Geburtstag|Klasse)\b"
)
_OPENING = "\"'“‘«„(["
_NO_QUOTES = str.maketrans(dict.fromkeys("\"'“”‘’«»„()[]", "-"))  # one that is open hides every end behind it
_CLAUSE = re.compile(
    r"(?:,|(?<!\s))\s++(?=(?:and|but)\s++(?:I|we|my|our|he|she|they|his|her|their|it|its)\b)"
)


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence in text, in order, white space between them left out."""
    start = len(text) - len(text.lstrip())
    for end in _END.finditer(text):
        if "\n" not in end[0] and _goes_on(text, end):
            continue
        stop = end.start() + len(end[0].rstrip())
        while stop > start and text[stop - 1].isspace():
            stop -= 1
        if stop > start:
            yield start, stop
        start = end.end()
    if text[start:].strip():
        yield start, len(text.rstrip())


def _goes_on(text: str, end: re.Match[str]) -> bool:
    """Whether a sentence goes on behind what looks like its end: an abbreviation, or a quotation in it."""
    following = text[end.end() : end.end() + _NEARBY]
    if end[0].strip():
        return following[:1].islower()
    before = text[max(0, end.start() - _NEARBY) : end.start()]
    if not before.endswith(".") or before.endswith("..") or not following:
        return False
    *rest, last = before.split()
    word = last[:-1].lstrip(_OPENING).casefold()
    if word in _NAMING:
        return True
    if (len(word) > _LONG and not word.endswith("str")) or _BEGINS.match(following):
        return False
    if word in _HOURS:
        return not following[0].isupper()
    if word.isdigit():
        return _COUNTABLE.match(following) is not None
    if word in _TITLES or (following[0].isdigit() and word in _COUNTED):
        return True
    if (following[0].islower() or following[0].isdigit()) and _SHORT.fullmatch(word):
        return True
    return not _ends(" ".join([*rest[-1:], last]), " ".join(following.split()[:2]))


@lru_cache(maxsize=4096)
def _ends(before: str, following: str) -> bool:
    """Whether sentencex, which knows abbreviations, takes the last of these words for an end."""
    found = get_sentence_boundaries("en", f"{before} {following}".translate(_NO_QUOTES))
    return any(one["end_index"] == len(before) + 1 for one in found)


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text."""
    return [text[start:end] for start, end in spans(text)]


def clauses(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence, or of its clauses where it has several about somebody."""
    for start, end in spans(text):
        for cut in _CLAUSE.finditer(text, start, end):
            if cut.start() > start:
                yield start, cut.start()
            start = cut.end()
        yield start, end
