"""The words of a text, whatever its punctuation, capitals and speakers."""

from __future__ import annotations

import re

from memory.text.conversation import unlabelled


def wording(text: str) -> tuple[str, ...]:
    """What two passages have in common that say the same; a text without words is its own."""
    found = tuple(re.findall(r"\w+", unlabelled(text).casefold()))
    return found or (text,)
