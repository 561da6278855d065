"""The words by which a text is found: what a full-text index keeps of it, and what a query asks it for.

One cutting for every database, so that SQLite, PostgreSQL and the fakes find the same:

- small letters of any script, accents left out ("Zoë" is found by "zoe"), English endings left out;
- codes whole and in parts ("AB-1234" is ab, 1234 and ab1234);
- scripts without spaces in pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from math import log

from hypernet.overlap import stem

LONGEST = 64  # characters of a word; what is longer is cut
ROWS_READ = 2000  # rows looked at for one query, the rarest words first: the others tell nothing apart

_POSSESSIVE = re.compile(r"['’]s\b")
_CODE = re.compile(r"(?<!\w)\w+(?:[-./_]\w+)+")  # looked for where a word begins: linear in a huge word
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+")


def search_words(text: str) -> list[str]:
    """The words of a text, each once, in the order in which they stand there."""
    from memory.text.speakers import (
        unlabelled,
    )  # here, because its rules take as long to compile as a short verb

    plain = _plain(_POSSESSIVE.sub(" ", unlabelled(text)))
    codes = (re.sub(r"\W|_", "", code) for code in _CODE.findall(plain))
    whole = (code for code in codes if any(map(str.isdigit, code)))
    return list(dict.fromkeys(word[:LONGEST] for word in (*_words(plain), *whole) if word))


def worth(texts: int, having: int) -> float:
    """Inverse document frequency of a word that so many texts contain (Spärck Jones, 1972)."""
    return log(1 + texts / (having + 0.5))


def telling(having: Mapping[str, int]) -> list[str]:
    """Of words that so many rows have, the rarest, as long as `ROWS_READ` rows hold them; one at least."""
    chosen: list[str] = []
    rows = 0
    for word in sorted((word for word, n in having.items() if n), key=lambda word: (having[word], word)):
        rows += having[word]
        if chosen and rows > ROWS_READ:
            break
        chosen.append(word)
    return chosen


def ranked(found: Mapping[str, Iterable[str]], texts: int, having: Mapping[str, int]) -> dict[str, float]:
    """Rank ids by the summed worth of the query words they contain; ties go to the newest."""
    scores: dict[str, float] = defaultdict(float)
    for word in sorted(found):
        for memory_id in found[word]:
            scores[memory_id] += worth(texts, having[word])
    best = sorted(scores, key=lambda memory_id: (scores[memory_id], memory_id), reverse=True)
    return {memory_id: scores[memory_id] for memory_id in best}


_LETTER_MARKS = (0, 7, 8, 9)  # combining classes of what changes a letter, as in Devanagari and kana


def _plain(text: str) -> str:
    """Lower case without accents and vowel points."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(c for c in apart if unicodedata.combining(c) in _LETTER_MARKS)
    return unicodedata.normalize("NFC", "".join(c if _carries(c) else " " for c in kept))


def _carries(character: str) -> bool:
    return character.isalnum() or character in "-./_" or unicodedata.category(character)[0] == "M"


def _words(plain: str) -> Iterator[str]:
    for word in re.split(r"[^\w\u0900-\u0dff\u0e00-\u0fff]+|_", plain):
        for unspaced in _UNSPACED.findall(word):
            yield from (unspaced[i : i + 2] for i in range(max(1, len(unspaced) - 1)))
        for spaced in _UNSPACED.sub(" ", word).split():
            yield stem(spaced)
