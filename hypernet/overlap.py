"""Word overlap between a question and a text, which the embedding of a long text can miss.

Embeddings find what is put in other words. They lose the one sentence of a long passage, and names that they
have never seen; these stand in the question and in the text letter by letter. Weighed together the two find
more than either, which is what search engines call hybrid retrieval.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from math import log

WEIGHT = 0.2
"""What a share of 1 adds to a cosine, unless set otherwise: chosen on held-out facts, docs/benchmarks.md."""

_POSSESSIVE = re.compile(r"['’]s\b")
_WORD = re.compile(r"\w+")
_ENDINGS = ("ing", "ies", "ed", "es", "s", "e")
_STEM = 3  # characters that are left at least


def tokens(text: str) -> list[str]:
    """The words of a text in small letters, the possessive 's left out."""
    return _WORD.findall(_POSSESSIVE.sub(" ", text.casefold()))


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """An English word without its ending; crude, for "bicycles" and "bicycle" to be the same."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word[: -len(ending)]
    return word


def overlap(question: str, texts: Sequence[str]) -> list[float]:
    """The share of the question's words that each text has, from 0 to 1.

    Words that no text has are left out, and a word counts the more the fewer of these texts have it:
    log((N + 1) / (n + 0.5)) for n of N, an inverse document frequency (Spärck Jones, 1972). So among several
    texts "is" and "my" decide little, without a list of such words.
    """
    return shares(words(question), [words(text) for text in texts])


def shares(asked: frozenset[str], told: Sequence[frozenset[str]]) -> list[float]:
    """`overlap` of what `words` gives: for texts that are compared more than once."""
    shared = [asked & one for one in told]
    having = Counter(word for some in shared for word in some)
    worth = {word: log((len(told) + 1) / (n + 0.5)) for word, n in having.items()}
    whole = sum(worth.values())
    return [sum(worth[word] for word in some) / whole if whole else 0.0 for some in shared]


def words(text: str) -> frozenset[str]:
    """The stems of a text's words."""
    return frozenset(map(stem, tokens(text)))
