"""What one skill and two do to recall, and whether they show: `python -m benchmarks.skills`.

Every user is told four facts and asked for one, without a skill, under one skill of each style, and under
two that were set one after the other. Values, owners and descriptions are such as training never used.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, permutations
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.said.__main__ import opened
from benchmarks.tables import markdown_table, rich_table, write_between_markers
from hypernet.evaluation.scoring import wilson
from hypernet.training.data.examples import share
from hypernet.training.data.styles import STYLES
from hypernet.world.facts import FactWorld
from memory import Memory
from memory.errors import InvalidInput

SEED = 78_000
TOLD = 4  # facts of a user
HELD_OUT = 0.2  # of the descriptions, as the network was trained


@dataclass(frozen=True, slots=True)
class Asker:
    """A user who was told something, and what is asked."""

    user: str
    question: str
    value: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What was said of a value, and how, under the styles that were set, the newest last."""

    text: str
    value: str
    styles: tuple[str, ...]

    @property
    def recalled(self) -> bool:
        """The value is in it, whatever the style and the case."""
        return self.value.casefold() in self.text.casefold()

    def shows(self, place: int) -> bool:
        """It is, word for word, what the style set at that place makes of the value."""
        return self.text == STYLES[self.styles[place]].say(self.value)


def main() -> int:
    given = _arguments()
    with (
        tempfile.TemporaryDirectory(prefix="memory-skills-") as folder,
        opened(Path(folder), given.model) as memory,
    ):
        rows = list(measured(memory, given.users))
    wide = None if sys.stdout.isatty() else 120
    Console(width=wide).print(rich_table("Skills and recall, in %", rows))
    if given.markdown is not None:
        write_between_markers(given.markdown, {"skills": markdown_table(rows)})
    return 0


def measured(memory: Memory, users: int) -> Iterator[Row]:
    """A row without skills, one for each style, and one for two styles, over all their pairs in turn."""
    askers = told(memory, users)
    conditions: dict[str, Sequence[tuple[str, ...]]] = {"none": [()]}
    conditions |= {name: [(name,)] for name in STYLES}
    conditions["two, one after the other"] = list(permutations(STYLES, 2))
    bare: list[Reply | None] = []
    for condition, styles in conditions.items():
        bar = tqdm(askers, desc=condition, unit="user", disable=not sys.stderr.isatty())
        replies = [asked(memory, one, some) for one, some in zip(bar, cycle(styles), strict=False)]
        bare = bare or replies
        yield row(condition, replies, bare)


def told(memory: Memory, users: int) -> list[Asker]:
    """Users who have been told a group of facts each."""
    world = FactWorld("heldout", SEED)
    found = []
    for i in range(users):
        group = world.group(TOLD, 1, same_kind=False)
        for context in group.contexts:
            memory.add(context.text, user_id=f"user {i}")
        [qa] = group.contexts[i % TOLD].qa
        found.append(Asker(f"user {i}", qa.question, qa.answer))
    return found


def asked(memory: Memory, asker: Asker, styles: tuple[str, ...]) -> Reply | None:
    """The reply under the styles, each by one of its descriptions; None where one is refused."""
    made = []
    try:
        for style in styles:
            text = described(style)[int(asker.user.split()[1]) % len(described(style))]
            made.append(memory.add_skill(text, user_id=asker.user))
        text = memory.ask(asker.question, user_id=asker.user).text
    except InvalidInput:
        return None
    finally:
        for skill in made:
            memory.delete(skill.id, user_id=asker.user)
    return Reply(text, asker.value, styles)


def described(style: str) -> list[str]:
    """The descriptions of a style that training did not have."""
    return [text for text in STYLES[style].descriptions if share(text) < HELD_OUT]


def row(condition: str, replies: Sequence[Reply | None], bare: Sequence[Reply | None]) -> Row:
    """How many were taken, recall the value, and show the style set last and the one before.

    `bare` are the replies to the same questions without skills: lost is what only these recall.
    """
    pairs = [(one, base) for one, base in zip(replies, bare, strict=True) if one and base]
    taken = [one for one, _ in pairs]

    def part(shown: Callable[[Reply], bool], styles: int) -> str:
        some = [one for one in taken if len(one.styles) >= styles]
        return in_percent(sum(map(shown, some)), len(some)) if some else ""

    return {
        "skills": condition,
        "questions": float(len(replies)),
        "refused": float(len(replies) - len(taken)),
        "recalled": part(lambda reply: reply.recalled, 0),
        "lost": float(sum(base.recalled and not one.recalled for one, base in pairs)),
        "won": float(sum(one.recalled and not base.recalled for one, base in pairs)),
        "the newest shows": part(lambda reply: reply.shows(-1), 1),
        "the older shows": part(lambda reply: reply.shows(-2), 2),
    }


def in_percent(right: int, total: int) -> str:
    """With its 95 % interval, whole percents."""
    low, high = wilson(right, total)
    return f"{100 * right / total:.1f} ({100 * low:.0f}-{100 * high:.0f})"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.skills", description="Skills and recall.")
    parser.add_argument("--users", type=int, default=200, help="questions under each condition")
    parser.add_argument("--model", default="reference", help="as the setting MEMORY_MODEL")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
