"""Long text -> passages small enough for one adapter each, cut where sentences end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice

from memory.text.passage import Passage
from memory.text.sentences import clauses

Count = Callable[[Sequence[str]], list[int]]
"""Texts -> tokens of each."""

_COUNTED_AT_ONCE = 512
LEANING_BUDGETS = 2  # a sentence stays with the one it leans on up to so many budgets
CLAUSE_BUDGETS = 4  # a clause is kept whole up to so many budgets: half a fact is none

_LEANS = re.compile(  # begins with what stands for something named before, or takes it back
    r"""(?:\w++:\s++)?(?:(?:and|but|so|also|then|by\s+the\s+way|well|actually)\b,?\s++)*+
    (?:(?:he|she|it|they|him|her|his|hers|its|their|theirs|that|this)\b
      |(?:make|scratch|forget)\s+(?:that|it)\b
      |(?:no|sorry|wait|correction|rather|i\s+mean|i\s+meant)\b[,.:!\s]
      |(?:an|the)\s+earlier\b)""",
    re.IGNORECASE | re.VERBOSE,
)
_GOES_ON = re.compile(
    r"(?:oh,?\s+)?(?:and|but)\s|(?:there\s+(?:are|were)|about|all)\s+(?:\w+\s+){0,2}of\s+(?:them|it)\b",
    re.IGNORECASE,
)
_CLOSING = "\"'”’)"  # what may stand behind a question mark


def leans(text: str) -> bool:
    """Whether a text goes on about something named before it: "He is a vet.", "No, sorry, Friday."."""
    return _LEANS.match(text) is not None or _GOES_ON.match(text) is not None


def split(text: str, count: Count, budget: int) -> Iterator[str]:
    """Cut a text into passages of about `budget` tokens; only white space at the cuts is dropped.

    A passage ends where a sentence, a line or a clause about somebody does ("..., and we live in Lisbon"),
    and rather at a blank line once it is half full. What leans on the sentence before ("She ...", "No, sorry,
    ...", the answer to a question) stays with it up to two budgets: by itself it says nothing of anybody. A
    clause is kept whole up to four budgets; a longer one is cut between words, a longer word anywhere.
    """
    start = end = used = 0
    for first, last, tokens in _pieces(text, count, budget):
        leans = used and (_asked(text, start, end) or _LEANS.match(text, first, last))
        full = used + tokens > budget * (LEANING_BUDGETS if leans else 1)
        new_paragraph = 2 * used >= budget and text[end:first].count("\n") > 1
        if used and (full or new_paragraph):
            yield text[start:end]
            used = 0
        if not used:
            start = first
        end, used = last, used + tokens
    if used:
        yield text[start:end]


def split_text(text: str, count: Count, budget: int) -> Iterator[Passage]:
    """Cut a text into passages; where it names speakers, each part repeats its speaker's name."""
    whole, end = Passage(text), 0
    for part in split(text, count, budget):
        start = text.index(part, end)
        end = start + len(part)
        yield Passage(whole.label_at(start) + part)


def _pieces(text: str, count: Count, budget: int) -> Iterator[tuple[int, int, int]]:
    """Sentences, or parts of those over the budget: start, end, tokens."""
    sentences = clauses(text)
    while some := list(islice(sentences, _COUNTED_AT_ONCE)):
        tokens = count([text[start:end] for start, end in some])
        yield from chain.from_iterable(
            [(start, end, n)] if n <= CLAUSE_BUDGETS * budget else _halves(text, start, end, count, budget)
            for (start, end), n in zip(some, tokens, strict=True)
        )


def _asked(text: str, start: int, end: int) -> bool:
    """Whether a question mark ends this part of the text."""
    while end > start and text[end - 1].isspace():
        end -= 1
    while end > start and text[end - 1] in _CLOSING:
        end -= 1
    return end > start and text[end - 1] == "?"


def halves(passage: Passage) -> list[Passage]:
    """Halve a passage near its middle, before a clause that stands alone; whole without one.

    The second begins with its speaker's label, where the line that was cut does.
    """
    text = passage.text
    found = list(clauses(text))
    starts, ends = [start for start, _ in found], [end for _, end in found]
    places = [
        i
        for i in range(1, len(starts))
        if not _LEANS.match(text, starts[i], ends[i]) and not _asked(text, starts[i - 1], ends[i - 1])
    ]
    if not places:
        return [passage]
    at = min(places, key=lambda i: abs(starts[i] - len(text) / 2))
    second = passage.label_at(starts[at]) + text[starts[at] :]
    return [replace(passage, text=part) for part in (text[: ends[at - 1]], second)]


def _halves(text: str, start: int, end: int, count: Count, budget: int) -> Iterator[tuple[int, int, int]]:
    """Halve a text until each part is within the budget or a single character."""
    [tokens] = count([text[start:end]])
    if tokens <= budget or end - start < 2:
        yield start, end, max(tokens, 1)
        return
    left, right = _cut(text, start, end)
    yield from _halves(text, start, left, count, budget)
    yield from _halves(text, right, end, count, budget)


def _cut(text: str, start: int, end: int) -> tuple[int, int]:
    """Where to cut: the white space nearest the middle, else the middle."""
    middle = (start + end) // 2
    before = max(text.rfind(" ", start + 1, middle), text.rfind("\t", start + 1, middle))
    after = text.find(" ", middle, end - 1)
    near = min((at for at in (before, after) if at >= 0), key=lambda at: abs(at - middle), default=middle)
    left, right = near, near
    while right < end and text[right].isspace():
        right += 1
    while left > start and text[left - 1].isspace():
        left -= 1
    return (left, right) if start < left and right < end else (middle, middle)
