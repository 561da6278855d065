"""Conversations with an assistant in the form of Schema-Guided Dialogue: slots told, recalled and answered.

    python -m benchmarks.sgd --data sgd/dev.jsonl.gz [--upstream URL]

A line is a dialogue: its turns, and the slots that have one value in it. Ten dialogues, drawn by a seed, are
one user's, each a session of a day of its own. A slot is asked by its description where only one of the ten
has it; one turn that says the value is evidence enough. At most one question in three is about a service of
which none speaks, and has no answer. Answers are scored by token F1.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.field import command
from benchmarks.field.corpus import Corpus, Question, Story, Told, read_text
from benchmarks.field.scoring import token_f1

TOGETHER = 10  # dialogues of a user
USERS = 20
SAID_BY = {"user": "the user said it", "assistant": "the assistant said it"}
NEVER = "never told"
_FIRST_DAY = datetime(2024, 1, 1, 12, tzinfo=UTC)

Dialogue = Mapping[str, Any]


def main() -> int:
    parser = command.parser("sgd", __doc__ or "")
    parser.add_argument("--users", type=int, default=USERS, help=f"who have {TOGETHER} dialogues each")
    given = parser.parse_args()
    code, _ = command.run("sgd", given, lambda: corpus(given.data, given.users))
    return code


def corpus(file: Path, users: int = USERS) -> Corpus:
    """Dialogues by user. Raises OSError, ValueError and LookupError for what is no such file."""
    lines = read_text(file).splitlines()
    drawn = random.Random(0).sample(lines, min(len(lines), users * TOGETHER))
    dialogues = [json.loads(line) for line in drawn]
    groups = [dialogues[start : start + TOGETHER] for start in range(0, len(dialogues), TOGETHER)]
    stories = [_story(n, group, groups[n - 1]) for n, group in enumerate(groups)]
    main_kinds = (*SAID_BY.values(),)
    return Corpus(
        "SGD conversations", stories, "F1", lambda s, asked: token_f1(s, asked.answers[0]), main_kinds
    )


def _story(number: int, group: Sequence[Dialogue], others: Sequence[Dialogue]) -> Story:
    told = tuple(one for day, dialogue in enumerate(group) for one in _turns(day, dialogue))
    answered = [*_answered(group)]
    never = [*_never(group, others)][: len(answered) // 2]
    return Story(f"user {number}", told, (*answered, *never))


def _turns(day: int, dialogue: Dialogue) -> Iterator[Told]:
    at = _FIRST_DAY + timedelta(days=day)
    for turn, (role, said) in enumerate(dialogue["turns"]):
        yield Told(f"{day}/{turn}", said, dialogue["id"], at, role)


def _answered(group: Sequence[Dialogue]) -> Iterator[Question]:
    """Slots that one dialogue alone has, and whose description names no other."""
    slots = Counter(about for dialogue in group for about in {fact["about"] for fact in dialogue["facts"]})
    for day, dialogue in enumerate(group):
        of_this = Counter(fact["about"] for fact in dialogue["facts"])
        for fact in dialogue["facts"]:
            if slots[fact["about"]] == of_this[fact["about"]] == 1 and fact["turns"]:
                role = dialogue["turns"][fact["turns"][0]][0]
                evidence = frozenset(f"{day}/{turn}" for turn in fact["turns"])
                yield Question(SAID_BY[role], _ask(fact["about"]), (fact["value"],), evidence, enough=1)


def _never(group: Sequence[Dialogue], others: Sequence[Dialogue]) -> Iterator[Question]:
    """Slots of services that other users speak of, and none of these."""
    services = {service.partition("_")[0] for dialogue in group for service in dialogue["services"]}
    known = {fact["about"] for dialogue in group for fact in dialogue["facts"]}
    asked = {
        fact["about"]: None
        for dialogue in others
        for fact in dialogue["facts"]
        if fact["service"].partition("_")[0] not in services and fact["about"] not in known
    }
    yield from (Question(NEVER, _ask(about)) for about in asked)


def _ask(about: str) -> str:
    return f"What is the {about[:1].lower()}{about[1:].rstrip('.')}?"


if __name__ == "__main__":
    sys.exit(main())
