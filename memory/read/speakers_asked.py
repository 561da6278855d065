"""Whom of those that speak in what is remembered a question names.

A name draws an embedding to all that its bearer ever said, and away from what is asked; it says who speaks,
and nothing of about what. So a question is embedded without such a name, and what that speaker says counts
for more.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypernet.overlap import tokens
from memory.text.passage import Passage
from memory.text.speakers import addresses, first_person, may_be_name

_LOOKED_AT = 20  # passages, to tell a speaker from what else stands before a colon
_OFTEN = 5  # passages of a name that we have never heard, most of them speech, for it to be a speaker's
_WORD = r"[^\W\d_][\w.'’-]{0,30}"
_LABEL = re.compile(rf"^(?:User: |Assistant: )?({_WORD})(?: {_WORD}){{0,2}}:[ \t]+(?=\S)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question without the speakers that it names, and what the one it is about says."""

    query: str
    named: bool  # whether it names any
    spoken: frozenset[str] = frozenset()  # ids of the passages in which the only one that it names speaks


def asked_of(query: str, passages: Mapping[str, Passage]) -> Asked:
    """Read a question against the passages that may answer it, by their ids."""
    words = set(tokens(query))
    said: dict[str, list[str]] = defaultdict(list)
    for memory_id, passage in passages.items():
        for name in {found.casefold() for found in _LABEL.findall(passage.text)} & words:
            said[name].append(memory_id)
    names = [name for name, ids in said.items() if _speaker(name, [passages[i] for i in ids[:_LOOKED_AT]])]
    if not names or not (bare := _without(names, query)):
        return Asked(query, named=False)
    return Asked(bare, named=True, spoken=frozenset(said[names[0]] if len(names) == 1 else ()))


def _speaker(name: str, labelled: Sequence[Passage]) -> bool:
    """Whether these are a speaker's, and not notes like "Car: I drive a Volvo."."""
    if any(line.name.casefold().split(" ")[0] == name for one in labelled for line in one.lines):
        return True
    speech = sum(first_person(one.bare) or addresses(one.bare) for one in labelled)
    return len(labelled) >= _OFTEN and 2 * speech > len(labelled) and may_be_name(name)


def _without(names: list[str], query: str) -> str:
    said = re.sub(rf"\b(?:{'|'.join(map(re.escape, names))})\b(?:['’]s\b)?", " ", query, flags=re.IGNORECASE)
    return " ".join(said.split()) if re.search(r"\w", said) else ""
