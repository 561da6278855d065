"""Scores of free answers, each a share from 0 to 1."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Iterable
from statistics import mean

_REFUSAL = re.compile(
    r"\bno (?:such )?information|not (?:been )?mention|(?:do(?:es)? not|don['’]t|doesn['’]t) know|\bunknown\b"
    r"|not (?:say|specif|provid|state)|^\W*none\W*$",
    re.IGNORECASE,
)
_ARTICLES = re.compile(r"\b(?:a|an|the|and)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def refuses(said: str) -> bool:
    """Whether an answer says that it is not known, or nothing."""
    return not said.strip() or _REFUSAL.search(said) is not None


def token_f1(said: str, right: str) -> float:
    """Harmonic mean of precision and recall over words as LoCoMo counts it, without its stemmer."""
    a, b = (Counter(_words(text)) for text in (said, right))
    shared = sum((a & b).values())
    return 2 * shared / (a.total() + b.total()) if shared else 0.0


def listed_f1(said: str, right: str) -> float:
    """Of answers that list things between commas: the best F1 of each thing, averaged (LoCoMo, multi-hop)."""
    return mean(max(token_f1(one, wanted) for one in said.split(",")) for wanted in right.split(","))


def found(said: str, values: Iterable[str]) -> float:
    """The share of values that stand in an answer, case aside (RULER's string match)."""
    shown = said.casefold()
    return mean(value.casefold() in shown for value in values)


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()
