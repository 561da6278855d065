"""What a line of a passage tells, and whom it may answer."""

from __future__ import annotations

from memory.backends.reader import asking
from memory.backends.reader.quoting import reported
from memory.backends.reader.rivals import words
from memory.text.passage import Line, Passage
from memory.text.speakers import first_person


def teller(passage: Passage) -> str:
    """What the user himself says in a text."""
    return "\n".join(line.text for line in passage.lines if line.role != "assistant") or passage.text


def by_name(line: Line, said: str) -> str:
    return reported(said, line.name) if line.name else said


def told_in(line: Line) -> str:
    """What a line tells: all of it, where the text says who says it."""
    return line.label + line.text if line.transcribed else asking.statements(line.text)


def may_answer(line: Line, turn: str) -> bool:
    """Whether a turn may be answered by what a line says: about who asks by nobody else's "I"."""
    if not line.name or not first_person(turn) or words(line.name) & words(turn):
        return True
    return not (first_person(line.text) or asking.small_talk(line.text))
