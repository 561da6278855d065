"""Whether only what its teller told can answer a question, and whether a reply is made of what was told.

    Where do I work?                  only who told it can know
    How do I boil an egg?             anybody may know
    Why do we dream?                  anybody may know

A language model that nothing was told to replies all the same, and makes somebody up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from memory.backends.reader.answer.words import content
from memory.text.speakers import first_person

# What is asked of the replier's own sense, of people in general, or for a case that is supposed.
_ADVICE = re.compile(
    r"\b(?:should|could|can|can't|may|might|would|shall|if|how\s+(?:do|does|to)|what\s+do\s+(?:i|we)\s+do"
    r"|best\s+way|you|your|yours)\b|^\s*(?:why|how)\b.*\b(?:we|us|our)\b",
    re.IGNORECASE,
)


def personal(question: str) -> bool:
    """Whether only what was told can answer."""
    return first_person(question) and _ADVICE.search(question) is None


def grounded(reply: str, question: str, texts: Iterable[str]) -> bool:
    """Whether at least half of what a reply adds to the question's words is in the texts."""
    said = content(reply) - content(question)
    known: frozenset[str] = frozenset().union(*map(content, texts))
    return 0 < len(said) <= 2 * len(said & known)
