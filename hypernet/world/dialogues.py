"""Real conversations with known slots (Schema-Guided Dialogue form) as contexts with questions."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypernet.world.facts import QA, Context

_SPEAKER = {"user": "User", "assistant": "Assistant"}
_FRAMES = (
    "What is the {}?",
    "What was the {}?",
    "{}?",
    "Can you tell me the {}?",
    "Remind me, what is the {}?",
)
_BY_NAME = 0.3  # share of slots asked by name: descriptions alone are few, and others' are worded otherwise
_NAME_FRAMES = (
    "What is the {n}?",
    "What was the {n} again?",
    "Which {n} is it?",
    "I forgot the {n}.",
    "Do you remember the {n}?",
    "And the {n}, what was it?",
    "What {n} did we say?",
    "What is the {n} ({s})?",
)


def read_dialogues(path: Path, *, max_words: int = 90, seed: int = 0) -> list[Context]:
    """Every dialogue cut into windows of whole turns, each with a question for each slot told in it.

    A slot is asked by its description ("Phone number of the restaurant"), here and there by its bare name.
    Windows without one are left out.
    """
    rng = random.Random(seed)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        contexts = [context for line in file for context in windows(json.loads(line), max_words, rng)]
    return [
        replace(context, qa=tuple(_by_name(qa, rng) if rng.random() < _BY_NAME else qa for qa in context.qa))
        for context in contexts
    ]


def _by_name(qa: QA, rng: random.Random) -> QA:
    service, slot = qa.kind.split("/")
    name = slot.replace("_", " ")
    return replace(qa, question=rng.choice(_NAME_FRAMES).format(n=name, s=service.split("_")[0].lower()))


def windows(dialogue: dict[str, Any], max_words: int, rng: random.Random) -> Iterator[Context]:
    turns, start = dialogue["turns"], 0
    while start < len(turns):
        end, words = start, 0
        while end < len(turns) and (end == start or words + len(turns[end][1].split()) <= max_words):
            words += len(turns[end][1].split())
            end += 1
        context = _context(dialogue, start, end, rng)
        if context.qa and words <= 2 * max_words:
            yield context
        start = max(end - 1, start + 1)  # one turn of overlap: an answer keeps its question


def _context(dialogue: dict[str, Any], start: int, end: int, rng: random.Random) -> Context:
    text = "\n".join(f"{_SPEAKER[role]}: {said}" for role, said in dialogue["turns"][start:end])
    told = [fact for fact in dialogue["facts"] if fact["value"].lower() in text.lower()]
    told = [f for f in told if any(start <= turn < end for turn in f["turns"])]
    return Context(text, tuple(_ask(fact, rng) for fact in told if fact["value"] in text))


def _ask(fact: dict[str, Any], rng: random.Random) -> QA:
    about = fact["about"].rstrip(".")
    about = about[0].lower() + about[1:]
    question = rng.choice(_FRAMES).format(about)
    return QA(question[0].upper() + question[1:], fact["value"], f"{fact['service']}/{fact['slot']}")
