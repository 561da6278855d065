"""Questions with known answers, made from the very text that is remembered, without asking a model.

A statement is cut before the value that it tells, and what stands before it is the question:

    "My dog is called Biscuit."                      My dog is called?    Biscuit
    "Assistant: For which day?" "User: Friday."      For which day?       Friday
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from itertools import islice

from memory.backends.reader.quoting import reported
from memory.text.passage import Passage

MAX_QUESTIONS = 4  # questions of one passage

_CAPITAL = r"[^\W\d_a-zß-ÿ][\w'’-]*"  # a word with a capital
_VALUE = re.compile(
    rf"(?:[$€£]|(?<!\w))\w*\d[\w.,:%/€$-]*\w(?:\s(?:am|pm|euros?|dollars?|percent)\b)?|[$€£]?\d%?"
    rf"|\b{_CAPITAL}(?:\s(?:of|de|da|van|von)\s{_CAPITAL}|\s{_CAPITAL})*"
)
_WORD = re.compile(r"\w[\w'’-]*")
_COMMON = re.compile(
    r"(?:I|I['’]\w+|The|A|An|My|We|Our|It|He|She|They|This|That|You|Please|And|But|Yes|No)\b"
)


def questions(passage: Passage) -> list[tuple[str, str]]:
    """What one can ask about a passage, each with its answer."""
    return list(islice(_asked(passage), MAX_QUESTIONS))


def _clauses(passage: Passage) -> Iterator[str]:
    """What is said; by name, where the text itself says by whom."""
    for line in passage.lines:
        for clause in line.clauses:
            yield reported(clause.strip(), line.name) if line.name else clause.strip()


def _asked(passage: Passage) -> Iterator[tuple[str, str]]:
    asked = ""  # by the line before
    for clause in _clauses(passage):
        if clause.endswith("?"):
            asked = clause
            continue
        value = _value(clause, answers=bool(asked))
        if value is not None:
            before = clause[: value.start()].strip(" ,:;-")
            if before:
                yield before + "?", value[0]
            elif asked:
                yield asked, value[0]
            else:
                yield "What" + clause[value.end() :].rstrip(" .!") + "?", value[0]
        asked = ""


def _value(clause: str, *, answers: bool) -> re.Match[str] | None:
    """The last thing in the clause that looks like a value; else its last word."""
    found = [match for match in _VALUE.finditer(clause) if not _COMMON.fullmatch(match[0])]
    inside = [match for match in found if match.start() > 0]
    chosen = inside or (found if answers or len(clause.split()) > 2 else [])
    if chosen:
        return chosen[-1]
    if not answers and len(clause.split()) < 3:
        return None
    return next(iter(deque(_WORD.finditer(clause), maxlen=1)), None)
