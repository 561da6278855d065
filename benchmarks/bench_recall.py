"""How often a user's question is answered right, through the whole of `Memory`: select, merge, answer.

Users tell single facts, each a message of its own, with held-out values, owners and (half of the time)
phrasings; then each fact is asked for, from adapters alone, and so are facts that nobody told. Settings are
varied about their defaults, so that the defaults can be read off the table. With ``prose``, documents of it
are told too, with facts as needles in them.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.bench import Bench, Options, Row, UnusableInput
from hypernet.evaluation.scoring import wilson
from hypernet.world.facts import QA, UNKNOWN, FactWorld
from memory import Memory
from memory.backends.model.local import LocalModel
from memory.records import ChatReply
from memory.settings import Settings

USERS, MEMORIES, UNTOLD = 2, 100, 40
SIZES = (10, 100, 400)
WINDOWS = (4, 16, 64)  # of the base model's, that a document with needles fills
NEEDLES, READERS = 20, 5  # facts in each document, and how many documents there are of a length
_WORDS_A_WINDOW = 320  # about 512 tokens of prose
TOGETHER = 8  # facts in one message, where it is not one
Setting = Mapping[str, float]
SWEEPS: tuple[Setting, ...] = (
    *({"merge_budget": budget} for budget in (1, 2, 4, 8, 16)),
    *({"lexical_weight": weight} for weight in (0.0, 0.1, 0.2, 0.4)),
    *({"score_margin": margin} for margin in (0.0, 0.05, 0.1, 0.2, 2.0)),
    *({"score_margin": 2.0, "weight_power": power} for power in (1, 2, 4, 8)),
    *({"score_threshold": least} for least in (0.0, 0.15, 0.25, 0.35, 0.45)),
    *({"passage_tokens": tokens} for tokens in (12, 30, 60)),
    *({"together": TOGETHER, "passage_tokens": tokens} for tokens in (12, 30, 60, 240)),
)


@dataclass(frozen=True)
class Told:
    """What one user told, message by message, and what can be asked of it; ``untold`` was never told."""

    user: str
    messages: Sequence[str]
    told: Sequence[QA]
    untold: Sequence[QA]


def rows(options: Options) -> Iterator[Row]:
    """The defaults among few and many memories, then each setting varied."""
    sizes, users, sweeps = ((5,), 1, ()) if options.quick else (SIZES, USERS, SWEEPS)
    untold = 5 if options.quick else UNTOLD
    parts = options.parts()
    models = parts["embedder"], parts["generator"].d2l
    documents = {} if options.prose is None else _documents(options.prose)
    for size in sizes:
        yield _row(f"{size} memories", [_told(user, size, untold) for user in range(users)], *models, {})
    for windows, readers in documents.items():
        yield _row(f"{NEEDLES} needles in {windows} windows of prose", readers, *models, {})
    people = [_told(user, MEMORIES) for user in range(users)]
    for setting in sweeps:
        named = ", ".join(f"{name} {value:g}" for name, value in setting.items())
        yield _row(named, people, *models, setting)


def _told(user: int, size: int, untold: int = UNTOLD) -> Told:
    """Facts of which no two answer one question; the last are kept back."""
    group = FactWorld("heldout", seed=500 + user).group(size + untold, 1, same_kind=False)
    asked, unknown = ([c.qa[0] for c in some] for some in (group.contexts[:size], group.contexts[size:]))
    return Told(f"user {user}", [context.text for context in group.contexts[:size]], asked, unknown)


def _documents(prose: Path) -> dict[int, list[Told]]:
    """Readers by the windows of their document. Raises UnusableInput before anything is measured."""
    try:
        words = prose.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableInput(f"cannot read the prose: {error}") from error
    return {windows: [_reader(user, words, windows) for user in range(READERS)] for windows in WINDOWS}


def _reader(user: int, words: Sequence[str], windows: int) -> Told:
    """One document: prose, in which facts stand at random places between words, as sentences of their own."""
    facts, rng = _told(user, NEEDLES), random.Random(f"{user}/{windows}")
    if len(words) <= windows * _WORDS_A_WINDOW:
        raise UnusableInput(
            f"{windows} windows take more than {windows * _WORDS_A_WINDOW} words, the prose has {len(words)}"
        )
    start = rng.randrange(len(words) - windows * _WORDS_A_WINDOW)
    hay = list(words[start : start + windows * _WORDS_A_WINDOW])
    ends = [i for i, word in enumerate(hay) if word == "."]  # where a sentence ends
    if len(ends) < NEEDLES:
        raise UnusableInput(
            f"{NEEDLES} needles stand behind full stops with spaces around them; "
            f"{windows} windows of the prose have {len(ends)}"
        )
    for place, fact in zip(sorted(rng.sample(ends, NEEDLES), reverse=True), facts.messages, strict=True):
        hay.insert(place + 1, fact)
    return replace(facts, messages=[" ".join(hay)])


def _row(name: str, people: Sequence[Told], embedder: Any, d2l: Any, setting: Setting) -> Row:
    setting = dict(setting)
    together = int(setting.pop("together", 1))
    passage = int(setting.get("passage_tokens", Settings.load().passage_tokens))
    model = LocalModel(lambda: d2l, passage_tokens=passage)
    ports = {"embedder": embedder, "internalizer": model, "generator": model}
    with (
        tempfile.TemporaryDirectory(prefix="memory-bench-") as folder,
        Memory(home=Path(folder), database_url=None, **ports, **setting) as memory,
    ):
        for person in people:
            for start in range(0, len(person.messages), together):
                message = "\n".join(person.messages[start : start + together])
                memory.add(message, user_id=person.user)
        return {"varied": name, **_recalled(memory, people)}


def _recalled(memory: Memory, people: Sequence[Told]) -> Row:
    told = [(qa, _ask(memory, person, qa)) for person in people for qa in person.told]
    untold = [_ask(memory, person, qa) for person in people for qa in person.untold]
    right = [reply.text == qa.answer for qa, reply in told]
    low, high = wilson(sum(right), len(right))
    return {
        "asked": float(len(right)),
        "right %": 100 * mean(right),
        "95 % interval": f"{100 * low:.0f}-{100 * high:.0f}",
        "adapters merged": mean(len(reply.adapters) for _, reply in told),
        "never told: asked": float(len(untold)),
        "refused %": 100 * mean(reply.text == UNKNOWN for reply in untold),
    }


def _ask(memory: Memory, person: Told, qa: QA) -> ChatReply:
    return memory.ask(qa.question, user_id=person.user, mode="adapters")


BENCH = Bench("recall", "Recall through selection and merge", rows)
