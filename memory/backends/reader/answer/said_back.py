"""What somebody told, said back: "What do you know about me?", "What did I say about the move?".

The teller's own sentences are the answer, which are true in any case; a value out of them is not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from memory.backends.reader.answer.words import content
from memory.text.sentences import sentences

_ASKS = re.compile(
    r"""(?:(?:so|and|ok|okay|hey|hi|please)[,!]?\s+)*(?:(?:can|could)\s+you\s+)?(?:tell\s+me\s+)?(?:again\s+)?
    (?:what|everything|all)\s+(?:(?:do|did|have|else\s+do)\s+)?(?:all\s+)?(?:that\s+)?
    (?:you\s+(?:know|remember)|(?:did\s+)?i(?:\s+have|['’]ve)?\s+(?:say|said|tell\s+you|told\s+you|tell|mention|mentioned))
    \s+(?:so\s+far\s+)?(?:about|of|on)\s+(?P<what>[^?.!]{1,60}?)(?:\s+so\s+far)?\s*[?.!]*$""",
    re.IGNORECASE | re.VERBOSE,
)
_MYSELF = re.compile(r"(?:me|myself|us)(?:\s+so\s+far)?$", re.IGNORECASE)
_MOST = 600  # characters that are said back
_TOLD = "You told me: {}"


def asked_back(question: str) -> str:
    """What a question wants all that was told about: "me", "the move"; "" where it asks something else."""
    found = _ASKS.match(question.strip())
    return found["what"].strip() if found else ""


def told_about(what: str, texts: Sequence[str]) -> tuple[str, list[int]]:
    """The sentences about a thing in the order in which they were told, and the places of their texts."""
    named = frozenset() if _MYSELF.match(what) else content(what)
    said: dict[str, int] = {}
    for place, text in enumerate(texts):
        for sentence in sentences(text):
            if named <= content(sentence) and sentence.strip():
                said.setdefault(" ".join(sentence.split()), place)
    kept: list[str] = []
    length = 0
    for sentence in reversed(said):  # where there is more than can be said, the newest
        length += len(sentence)
        if kept and length > _MOST:
            break
        kept.append(sentence)
    kept.reverse()
    told = " ".join(f"“{sentence}”" for sentence in kept)
    return (_TOLD.format(told) if kept else ""), sorted({said[sentence] for sentence in kept})
