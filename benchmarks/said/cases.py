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

import gzip
import json
import random
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


def asked_of_texts(path: Path, questions: int, seed: int = 0) -> list[Case]:
    """Questions drawn from texts in the form of training data (docs/training.md), each with its text told.

    Of a question with several "answers" any is right.
    """
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()
    found = [(line, one) for line in map(json.loads, lines) for one in line["qa"]]
    drawn = random.Random(seed).sample(found, min(questions, len(found)))
    kind = path.name.split(".")[0]
    return [_of_text(kind, line.get("text") or line["context"], one) for line, one in drawn]


def _of_text(kind: str, told: str | list[str], one: dict[str, Any]) -> Case:
    right = tuple(one.get("answers") or [one["answer"]])
    return Case(kind, one["question"], right, tell=(told,) if isinstance(told, str) else tuple(told))


def kinds(folder: Path = FOLDER) -> list[str]:
    """The names of all kinds."""
    return sorted(path.stem for path in folder.glob("*.jsonl"))


def _case(kind: str, given: dict[str, Any]) -> Case:
    lists = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
    return Case(kind, **lists)
