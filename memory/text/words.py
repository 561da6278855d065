"""The words of a text, whatever its punctuation, capitals and speakers."""

from __future__ import annotations

import re

from memory.text.passage import Passage

_WORD = re.compile(r"\w+")


def wording(said: Passage | str) -> tuple[str, ...]:
    """A key that passages with the same words share; a text without words is its own key."""
    text = said if isinstance(said, str) else said.bare
    found = tuple(_WORD.findall(text.casefold()))
    return found or (text if isinstance(said, str) else said.text,)
