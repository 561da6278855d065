"""Which descriptions of skills are taken, and done: `python -m benchmarks.skill_descriptions [--show]`.

Each is set for a user who was told four facts, and asked. Half of them were looked at when the bound for
taking them was chosen (`bound`); nothing was chosen by the others.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.said.__main__ import opened
from benchmarks.tables import markdown_table, rich_table, write_between_markers
from hypernet.training.data.many_tasks import KINDS
from hypernet.training.data.styles import STYLES
from memory import Memory
from memory.errors import InvalidInput

FILE = Path(__file__).with_suffix(".jsonl")
FACTS = (  # told, asked, the value
    ("My dog is called Biscuit.", "What is my dog called?", "Biscuit"),
    ("My door code is 4821.", "What is my door code?", "4821"),
    ("I live in Lisbon.", "Where do I live?", "Lisbon"),
    ("My sister is called Emma Cole.", "What is my sister called?", "Emma Cole"),
)
USER = "ana"


@dataclass(frozen=True, slots=True)
class Described:
    """A description, the learned task that it means, if any, and whether the bound was chosen by it."""

    description: str
    task: str | None
    bound: bool

    def wanted(self, value: str) -> tuple[str, ...]:
        """What does the task: five are in two files, which put them alike or in two ways."""
        kinds = (STYLES.get(self.task or ""), KINDS.get(self.task or ""))
        return tuple(kind.say(value) for kind in kinds if kind is not None)


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of it: None where it was refused, else each answer."""

    given: Described
    answers: Sequence[str] | None

    @property
    def done(self) -> bool:
        """At least half of the answers are what the task makes of the value."""
        right = [
            said in self.given.wanted(value)
            for said, (*_, value) in zip(self.answers or (), FACTS, strict=False)
        ]
        return 2 * sum(right) >= len(FACTS)


def described() -> list[Described]:
    """Those of the file."""
    return [Described(**json.loads(line)) for line in FILE.read_text(encoding="utf-8").splitlines()]


def tried(memory: Memory, some: Sequence[Described]) -> Iterator[Tried]:
    """Each, set and asked."""
    for told, *_ in FACTS:
        memory.add(told, user_id=USER)
    for one in tqdm(some, unit="description", disable=not sys.stderr.isatty()):
        try:
            skill = memory.add_skill(one.description, user_id=USER)
        except InvalidInput:
            yield Tried(one, None)
            continue
        yield Tried(one, [memory.ask(asked, user_id=USER).text for _, asked, _ in FACTS])
        memory.delete(skill.id, user_id=USER)


def rows(found: Sequence[Tried]) -> list[Row]:
    """For each half, those that mean a learned task, and the others."""
    return [
        {
            "descriptions": f"{'of a learned task' if meant else 'of something else'}{of}",
            "all": float(len(some)),
            "taken": float(sum(one.answers is not None for one in some)),
            "taken and done": float(sum(one.done for one in some)) if meant else "",
        }
        for bound, of in ((True, ", the bound was chosen by"), (False, ", nothing was chosen by"))
        for meant in (True, False)
        for some in [
            [one for one in found if (one.given.bound, one.given.task is not None) == (bound, meant)]
        ]
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.skill_descriptions", description=__doc__)
    parser.add_argument("--model", default="reference", help="as the setting MEMORY_MODEL")
    parser.add_argument("--show", action="store_true", help="also each that is refused or not done")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this page")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="memory-skills-") as folder,
        opened(Path(folder), given.model) as memory,
    ):
        found = list(tried(memory, described()))
    for one in found if given.show else ():
        if (one.given.task is None) != (one.answers is None) or not (one.given.task is None or one.done):
            print(f"{one.given.description!r} ({one.given.task}): {one.answers}")
    Console(width=None if sys.stdout.isatty() else 120).print(
        rich_table("Descriptions of skills", rows(found))
    )
    if given.markdown is not None:
        write_between_markers(given.markdown, {"descriptions": markdown_table(rows(found))})
    return 0


if __name__ == "__main__":
    sys.exit(main())
