"""Cases from real text: conversations, needles in prose, questions about articles.

The data is not part of the package. Conversations and articles come in the forms of Schema-Guided Dialogue
(``training/dialogues.py``) and SQuAD; prose is plain text, a paragraph a line.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from hypernet.evaluation.trials import SEED, Case, Trial
from hypernet.world.dialogues import windows
from hypernet.world.facts import FactWorld

WINDOWS = (4, 16, 64)
POSITIONS = (0.0, 0.25, 0.5, 0.75, 1.0)
_WORDS_A_WINDOW = 320  # about 512 tokens of prose in the reference model's tokens
_WORDS_A_CHUNK = 80


def conversations(path: Path) -> Case:
    """Whole conversations, cut into windows as in training; one slot of each is asked by its description."""

    def draw(count: int) -> Sequence[Trial]:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            lines = list(file)
        rng = random.Random(SEED)
        trials = (_conversation(json.loads(line), rng) for line in rng.sample(lines, len(lines)))
        return tuple(trial for trial, _ in zip(filter(None, trials), range(count), strict=False))

    return Case("SGD conversations, slot values", draw)


def _conversation(dialogue: dict[str, object], rng: random.Random) -> Trial | None:
    contexts = list(windows(dialogue, 90, rng))
    asked = [qa for context in contexts for qa in context.qa]
    if not asked:
        return None
    qa = rng.choice(asked)
    return Trial(tuple(context.text for context in contexts), qa.question, qa.answer)


def articles(path: Path) -> Case:
    """A paragraph, and a question with its first answer."""

    def draw(count: int) -> Sequence[Trial]:
        data = json.loads(path.read_text(encoding="utf-8"))["data"]
        paragraphs = [p for article in data for p in article["paragraphs"]]
        rng = random.Random(SEED)
        rng.shuffle(paragraphs)
        return tuple(_article(p, rng) for p in paragraphs[:count])

    return Case("XQuAD paragraphs", draw)


def _article(paragraph: dict[str, Any], rng: random.Random) -> Trial:
    qa = rng.choice(paragraph["qas"])
    chunks = tuple(_cut(paragraph["context"].split(), _WORDS_A_CHUNK))
    return Trial(chunks, qa["question"], qa["answers"][0]["text"])


def needles(path: Path) -> Iterator[Case]:
    """One told fact in 4, 16 and 64 windows of prose, and at five places of the middle length."""
    for length in WINDOWS:
        yield _needle(path, f"needle in {length} windows", length, None, "windows of history", length)
    for at in POSITIONS:
        yield _needle(path, f"needle at {at:.0%}", WINDOWS[1], at, "position of the needle", at)


def _needle(path: Path, name: str, length: int, at: float | None, axis: str, x: float) -> Case:
    def draw(count: int) -> Sequence[Trial]:
        world, rng = FactWorld("heldout", SEED), random.Random(f"{SEED}/{name}")
        prose = _prose(path)
        start = rng.randrange(len(prose) - length * _WORDS_A_WINDOW)
        hay = list(_cut(prose[start : start + length * _WORDS_A_WINDOW], _WORDS_A_CHUNK))
        trials = []
        for _ in range(count):
            (context,) = world.group(1, 1, same_kind=False).contexts
            place = round((rng.random() if at is None else at) * (len(hay) - 1))
            told = [*hay[:place], f"{hay[place]} {context.text}", *hay[place + 1 :]]
            trials.append(Trial(tuple(told), context.qa[0].question, context.qa[0].answer))
        return tuple(trials)

    return Case(name, draw, axis, x)


@cache
def _prose(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split()


def _cut(words: Sequence[str], size: int) -> Iterator[str]:
    for start in range(0, len(words), size):
        yield " ".join(words[start : start + size])
