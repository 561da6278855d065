"""Where sentences end, and clauses about somebody."""

from __future__ import annotations

import re
from collections.abc import Iterator

# After . ! ? or their kin, closing quotes included, before white space; and at every line break. Linear in
# the text, as every pattern here that reads what a caller sent: no run is read from each of its characters.
_END = re.compile(r"""(?<=[.!?…])["'”’)\]]*+\s++|(?<=[。！？])|\n\s*+""")
_TITLE = re.compile(r"\b(?:mr|mrs|ms|dr|st|prof)\.$", re.IGNORECASE)  # before a name: never an end
_CLAUSE = re.compile(
    r"(?:,|(?<!\s))\s++(?=(?:and|but)\s++(?:I|we|my|our|he|she|they|his|her|their|it|its)\b)"
)
_SHORT = re.compile(r"\b(?:no|vs|etc|ca|[a-z]\.[a-z])\.$", re.IGNORECASE)  # an end before a capital only


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each sentence in text, in order, white space between them left out."""
    start = len(text) - len(text.lstrip())
    for end in _END.finditer(text):
        if "\n" not in end[0] and _abbreviates(text, end.start(), end.end()):
            continue
        stop = end.start() + len(end[0].rstrip())
        while stop > start and text[stop - 1].isspace():
            stop -= 1
        if stop > start:
            yield start, stop
        start = end.end()
    if text[start:].strip():
        yield start, len(text.rstrip())


def _abbreviates(text: str, dot: int, following: int) -> bool:
    word = text[max(0, dot - 8) : dot]
    if _TITLE.search(word):
        return True
    return not text[following : following + 1].isupper() and _SHORT.search(word) is not None


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
