"""Pairs of statements that go together, as facts of one text do by construction.

SQuAD    two sentences of one paragraph
QAMR     two answers to questions about one sentence, each as a statement
SGD      two turns of one user, or two slots of one conversation
"""

from __future__ import annotations

import gzip
import itertools
import json
import random
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[\"'(A-Z0-9])")
_SUBJECT = re.compile(
    r"(?:Who|What)\s+((?:is|was|are|were|has|had|(?!does\b)[a-z]+s|(?!happened\b)[a-z]+ed)\s[^?]{8,90}"
    r"(?<!\bof)(?<!\bto)(?<!\bin)(?<!\bby)(?<!\bas)(?<!\bon)(?<!\bfor)(?<!\bfrom)(?<!\bwith))\?"
)
_CHANGES = re.compile(  # what may take back what was said before
    r"\b(?:chang\w*|instead|actually|another|other|else|no|not|n't|wait|rather|different|prefer|sorry"
    r"|make it)\b",
    re.IGNORECASE,
)
_PARTS = 4


def natural(data: Path, *, each: int, seed: int = 0) -> list[tuple[str, str]]:
    """At most so many pairs of each source under `data`, where it is; of half of the texts."""
    rng = random.Random(seed)
    made = (
        _sentences(data / "qa" / "squad.jsonl.gz"),
        _statements(data / "qa" / "qamr.jsonl.gz", rng),
        _turns(data / "sgd" / "train.jsonl.gz", rng),
        _slots(data / "sgd" / "train.jsonl.gz", rng),
    )
    found = []
    for pairs in made:
        some = list(dict.fromkeys(itertools.islice(pairs, 4 * each)))
        rng.shuffle(some)
        found += some[:each]
    return found


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                given = json.loads(line)
                if zlib.crc32(given["id"].encode()) % _PARTS >= _PARTS // 2:
                    yield given


def _sentences(path: Path) -> Iterator[tuple[str, str]]:
    for given in _lines(path):
        told = [part for part in _SENTENCE.split(given["context"]) if 20 < len(part) < 180]
        yield from itertools.pairwise(told)


def _statements(path: Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    for given in _lines(path):
        said: dict[str, str] = {}
        for qa in given["qa"]:
            asked = _SUBJECT.fullmatch(qa["question"])
            if asked and len(qa["answer"]) < 60:
                said.setdefault(qa["answer"], f"{qa['answer'][:1].upper()}{qa['answer'][1:]} {asked[1]}.")
        told = list(said.values())
        rng.shuffle(told)
        yield from zip(told[:8:2], told[1:8:2], strict=False)


def _turns(path: Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    for given in _lines(path):
        slots: dict[str, set[str]] = {}
        for fact in given["facts"]:
            for turn in fact["turns"]:
                role, text = given["turns"][turn]
                if role == "user" and "?" not in text and not _CHANGES.search(text):
                    slots.setdefault(text, set()).add(fact["slot"])
        apart = [(a, b) for a, b in itertools.combinations(slots, 2) if not slots[a] & slots[b]]
        if apart:
            yield rng.choice(apart)


def _slots(path: Path, rng: random.Random) -> Iterator[tuple[str, str]]:
    for given in _lines(path):
        told = {(f["service"], f["slot"]): _slot(f) for f in given["facts"] if len(f["value"]) < 50}
        if len(told) > 1:
            one, other = rng.sample(list(told.values()), 2)
            yield one, other


def _slot(fact: dict[str, Any]) -> str:
    about = re.sub(r"^the\s", "", fact["about"].rstrip("."), flags=re.IGNORECASE)
    return f"The {about[0].lower()}{about[1:]} is {fact['value']}."
