"""Questions of yes or no: which they are, and what a reading model says to them.

Is the dentist on Tuesday?     "the dentist moved to Wednesday"     No
Do I like tea?                 "coffee is all I drink"              the teller's own sentence, in doubt
Are you a robot?               nothing told answers
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memory.backends.reader.answer.gloss import glossed
from memory.backends.reader.answer.spans import (
    MOST_TEXTS,
    NEVER,
    SURE,
    ReadOut,
    Spans,
    fitting,
    names_options,
)
from memory.backends.reader.answer.words import content, normal
from memory.text.sentences import sentences

CERTAIN = 10.0  # log odds against neither from which on yes or no is said
_SAID_BACK = SURE + 1  # of a sentence that has all that the question names
_LIGHT = frozenset(map(normal, ("like", "want", "still", "allowed", "love", "enjoy", "already", "yet")))
_TOLD = "I can't say yes or no, but you told me: “{}”"
_AUX = (
    r"(?:is|are|was|were|am|do|does|did|can|could|will|would|shall|should|has|have|had|may|must)(?:n['’]?t)?"
)
# "Don't tell anybody", not "Don't we have milk?".
_TO_DO = r"don['’]?t\s+(?!(?:i|we|you|they|my|our|your|his|her|their|the|these|those|any|all|both)\b)"
_YES_NO = re.compile(
    rf"(?:(?:hi|hey|ok|okay|so|and|but|by\s+the\s+way)[,!]?\s+)?(?!{_TO_DO}){_AUX}\b"
    rf"|.*,\s*(?:right|correct|yes|no|{_AUX}\s+(?:i|we|he|she|it|they))\s*\?*$",
    re.IGNORECASE,
)
_OF_YOU = re.compile(rf"\b{_AUX}\s+you\b", re.IGNORECASE)


def readable(question: str) -> bool:
    """Whether words of a text can answer: not with yes or no."""
    return bool(question) and (_YES_NO.match(glossed(question).text) is None or names_options(question))


def decidable(question: str) -> bool:
    """Whether texts can answer with yes or no; what the assistant itself does or is they do not tell."""
    return bool(question) and not readable(question) and _OF_YOU.search(question) is None


def decision(
    spans: Spans, question: str, texts: Sequence[str], nearest: Sequence[int], doubts: Sequence[float]
) -> ReadOut | None:
    """Yes or no by the nearest texts that can be read at once; its place is the nearest one.

    Where that is less than certain, the newest sentence about it is said instead: it is true in any case. So
    it is where all that would say yes is denied, supposed or quoted (of endless doubt).
    """
    order = nearest or range(len(texts) - 1, -1, -1)
    chosen = sorted(fitting(texts, order))
    found = spans.decide(question, [texts[place] for place in chosen])
    if found is None:
        return None
    stands = any(doubts[place] < NEVER for place in chosen)
    if found.margin > CERTAIN and (stands or not found.yes):
        return ReadOut("Yes" if found.yes else "No", order[0], found.margin)
    asked = content(question)
    about = [
        (len(asked & content(sentence)), place, sentence)
        for place in order[:MOST_TEXTS]
        for sentence in sentences(texts[place])
    ]
    shared, place, sentence = max(about, default=(0, 0, ""))
    if not shared:
        return None
    named = asked - _LIGHT
    margin = max(found.margin, _SAID_BACK) if named and named <= content(sentence) else found.margin
    return ReadOut(_TOLD.format(sentence.strip()), place, margin)
