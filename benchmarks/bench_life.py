"""A year of one user's life: what is still known, and what it costs, with and without compaction.

Turns of real conversations (Schema-Guided Dialogue, train) with facts planted among them, some of which
change later. At a few moments of the year every planted fact is asked for: what holds has to be answered, and
what held once must not come back. `python -m benchmarks.bench_life --turns 10000 --plot life.png`.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.bench import Options, Row
from hypernet.world.facts import FactWorld
from hypernet.world.owners import SPEAKER
from hypernet.world.values import Values
from hypernet.world.wording import Kind, kinds
from memory import Memory
from memory.backends.model.local import LocalModel

CONVERSATIONS = Path(__file__).resolve().parents[2] / "shared" / "data" / "sgd" / "train.jsonl.gz"
TURNS = 10_000
LEAST = 8  # turns: four facts, each of which may change
FACTS = 0.05  # of the turns; no more than there are kinds of facts about people
CHANGES = 0.4  # of the facts get another value later
MOMENTS = 4  # of the year at which is asked
ASKED = 80  # facts at most, at each
USER = "ana"
WAYS = ("as told", "compacted")


@dataclass
class Planted:
    """A fact of the user's, with the values it had; the last one holds."""

    kind: Kind
    sentences: list[str]
    values: list[str]
    question: str
    told: int = 0  # how many of the sentences were told so far


@dataclass
class Year:
    """What is told, turn by turn: (session, text), or a planted fact's next value."""

    turns: list[tuple[str, str | Planted]] = field(default_factory=list)
    facts: list[Planted] = field(default_factory=list)


def year(turns: int, seed: int = 0) -> Year:
    """The same year for the same number of turns and seed."""
    rng = random.Random(seed)
    facts = list(_facts(max(4, int(turns * FACTS)), rng))
    tellings = [fact for fact in facts for _ in fact.sentences]
    rng.shuffle(tellings)
    chatter = _chatter(turns - len(tellings), rng)
    places = sorted(rng.sample(range(turns), len(tellings)))
    made = Year(facts=facts)
    for at in range(turns):
        if places and places[0] == at:
            places.pop(0)
            made.turns.append((f"session {at // 50}", tellings.pop()))
        else:
            made.turns.append(next(chatter))
    return made


def _facts(count: int, rng: random.Random) -> Iterator[Planted]:
    """Facts about the user, each of its own kind: held-out values, told in ways that training knows too."""
    world, values = FactWorld("heldout", rng.randrange(10**6)), Values("heldout", rng)
    drawn = [kind for kind in kinds() if "person" in kind.owners]
    rng.shuffle(drawn)
    for kind in drawn[:count]:
        many = 2 if rng.random() < CHANGES else 1
        chosen = [values.draw(kind.pool) for _ in range(many)]
        phrases = [p for p in kind.says.known if p.clause]
        if not phrases or len({value.casefold() for value in chosen}) < many:
            continue
        said = [rng.choice(phrases).about(SPEAKER, value, "of") for value in chosen]
        question = world._narrator.question(kind, SPEAKER)
        yield Planted(kind, [f"{s[0].upper()}{s[1:]}." for s in said], chosen, question)


def _chatter(turns: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """What users said in real conversations; where these are not there, sentences of our own."""
    if not CONVERSATIONS.is_file():
        print(
            f"{CONVERSATIONS} is not there: the chatter is made up, and no year like any other",
            file=sys.stderr,
        )
        for at in range(turns):
            yield f"session {at // 50}", f"Please note that thing {rng.randrange(10**6)} is in box {at}."
        return
    at = 0
    with gzip.open(CONVERSATIONS, "rt", encoding="utf-8") as lines:
        for line in lines:
            for who, text in json.loads(line)["turns"]:
                if who == "user":
                    yield f"session {at // 50}", text
                    at += 1
                    if at >= turns:
                        return


def lived(
    made: Year, embedder: Any, d2l: Any, *, compacting: bool, moments: int = MOMENTS, asked: int = ASKED
) -> Iterator[Row]:
    """The year told to a fresh memory; a row for each moment."""
    model = LocalModel(lambda: d2l)  # of its own, because a memory closes its model
    parts = {"embedder": embedder, "internalizer": model, "generator": model}
    with (
        tempfile.TemporaryDirectory(prefix="memory-life-") as folder,
        Memory(home=Path(folder), database_url=None, **parts) as memory,
    ):
        stops = {len(made.turns) * (i + 1) // moments for i in range(moments)}
        for fact in made.facts:
            fact.told = 0
        adding, compacting_s = 0.0, 0.0
        for at, (session, said) in enumerate(made.turns, 1):
            began = time.perf_counter()
            memory.add({"role": "user", "content": _text(said)}, user_id=USER, session_id=session)
            adding += time.perf_counter() - began
            if at in stops:
                report = None
                if compacting:
                    report = memory.compact(user_id=USER, min_adapters=4)
                    compacting_s += report.seconds
                yield {
                    "memory": WAYS[compacting],
                    "turns": float(at),
                    **_looked(memory, made, asked),
                    "ms to add a turn": 1000 * adding / at,
                    "s spent compacting": compacting_s,
                    "memories kept as too dense": float(report.kept if report is not None else 0),
                }


def _text(said: str | Planted) -> str:
    if isinstance(said, str):
        return said
    said.told += 1
    return said.sentences[said.told - 1]


def _looked(memory: Memory, made: Year, asked: int) -> dict[str, float]:
    told = [fact for fact in made.facts if fact.told][:asked]
    right = wrong = 0
    took = []
    for fact in told:
        began = time.perf_counter()
        memory.select(fact.question, user_id=USER)
        took.append(1000 * (time.perf_counter() - began))
        answer = memory.ask(fact.question, user_id=USER, mode="adapters").text
        right += answer == fact.values[fact.told - 1]
        wrong += answer in fact.values[: fact.told - 1]
    changed = sum(fact.told > 1 for fact in told)
    stats = memory.stats(user_id=USER)
    return {
        "facts asked": float(len(told)),
        "right %": 100 * right / max(1, len(told)),
        "changed": float(changed),
        "old value said %": 100 * wrong / max(1, changed),
        "adapters": float(stats.memories),
        "MiB": stats.adapter_bytes / 2**20,
        "ms to select": mean(took) if took else 0.0,
    }


def plot(found: Sequence[Row], path: Path) -> None:
    """Recall, old values, adapters, bytes and selection over the year. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = ("right %", "old value said %", "adapters", "MiB", "ms to select")
    figure, axes = plt.subplots(1, len(columns), figsize=(15, 3), layout="constrained")
    for axis, column in zip(axes, columns, strict=True):
        for name in WAYS:
            those = [row for row in found if row["memory"] == name]
            axis.plot([row["turns"] for row in those], [row[column] for row in those], "o-", label=name)
        axis.set(title=column, xlabel="turns", ylim=(0, 101 if column.endswith("%") else None))
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--moments", type=int, default=MOMENTS)
    parser.add_argument("--asked", type=int, default=ASKED)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", choices=WAYS, help="one of the two years only")
    parser.add_argument("--plot", type=Path)
    given = parser.parse_args()
    if given.turns < LEAST or not 1 <= given.moments <= given.turns or given.asked < 1:
        parser.error(
            f"a year has {LEAST} turns or more, and a moment or more, at which a fact or more is asked"
        )
    made = year(given.turns, given.seed)
    parts = Options().parts()
    models = parts["embedder"], parts["generator"].d2l
    found = []
    for compacting in (False, True):
        if given.only is not None and given.only != WAYS[compacting]:
            continue
        for row in lived(made, *models, compacting=compacting, moments=given.moments, asked=given.asked):
            found.append(row)
            print(json.dumps(row), flush=True)
    if given.plot is not None:
        plot(found, given.plot)


if __name__ == "__main__":
    main()
