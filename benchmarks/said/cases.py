"""Cases: what is told, what is asked, and which answers are right and wrong. One JSON object a line.

    tell       texts, each added by itself       chat      messages said to `Memory.chat`, in one session
    messages   a conversation, added at once     document  a text, added under a name
    ask        the question                      via       "chat": it is said in the chat, else asked
    right      values, any of which is an answer; of a list in it, all; "" is anything but a refusal;
               none at all: only a refusal is right ("I don't know.")
    wrong      what must not be in an answer

The file's name is the kind. "{day +1}", "{next monday}", "{last friday}" stand for days counted from the run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
Value = str | list[str]


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that somebody said and wants to know later."""

    kind: str
    ask: str
    right: tuple[Value, ...]
    wrong: tuple[str, ...] = ()
    tell: tuple[str, ...] = ()
    chat: tuple[str, ...] = ()
    messages: tuple[dict[str, str], ...] = ()
    document: str | None = None
    via: str = "ask"


def cases(kind: str | None = None, folder: Path = FOLDER) -> Iterator[Case]:
    """All cases, or those of one kind, by kind and in the order of the file."""
    for path in sorted(folder.glob("*.jsonl")):
        if kind in (None, path.stem):
            for line in path.read_text(encoding="utf-8").splitlines():
                yield _case(path.stem, json.loads(line))


def kinds(folder: Path = FOLDER) -> list[str]:
    """The names of all kinds."""
    return sorted(path.stem for path in folder.glob("*.jsonl"))


def _case(kind: str, given: dict[str, Any]) -> Case:
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return Case(kind, **lists)
