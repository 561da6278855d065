"""LoCoMo (Maharana et al., 2024): what long conversations told, recalled and answered.

    python -m benchmarks.locomo --data locomo10.json [--upstream URL]

Each conversation is one user, told session by session with its dates, a turn as "Speaker: text
[photo: caption]". Answers are scored as LoCoMo does, without its stemmer: token F1; of multi-hop questions
the mean over what their answer lists; of open-domain ones up to a semicolon. An adversarial question has no
answer, and a refusal is right; its evidence is the turn that misleads.

Conversations 0 and 4 chose the weights of recall, and are left out unless they are asked for.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.field import command
from benchmarks.field.corpus import Corpus, Question, Story, Told, read_text
from benchmarks.field.scoring import listed_f1, token_f1

KINDS = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop", 5: "adversarial"}
CHOSEN_ON = (0, 4)  # set aside for choosing the weights of recall, and not reported


def main() -> int:
    parser = command.parser("locomo", __doc__ or "")
    parser.add_argument("--conversations", type=int, nargs="+", help="by number; by default all but 0 and 4")
    parser.add_argument(
        "--one-user",
        type=int,
        metavar="N",
        help="who has all of them, told again until there are N memories",
    )
    given = parser.parse_args()

    def read() -> Corpus:
        found = corpus(given.data, given.conversations)
        return found if given.one_user is None else of_one_user(found, given.one_user)

    code, _ = command.run("locomo", given, read)
    return code


def of_one_user(found: Corpus, memories: int) -> Corpus:
    """All stories as one user's, told again as of years before until there are so many memories."""
    told = [
        replace(one, id=f"{n} {one.id}", session=f"{n} {one.session}")
        for n, story in enumerate(found.stories)
        for one in story.told
    ]
    asked = [
        replace(one, evidence=frozenset(f"{n} {evidence}" for evidence in one.evidence))
        for n, story in enumerate(found.stories)
        for one in story.questions
    ]
    for i in range(memories - len(told)):
        year, one = 1 + i // len(told), told[i % len(told)]
        again = replace(one, id=f"{year} before {one.id}", session=f"{year} before {one.session}")
        told.append(replace(again, at=one.at - year * timedelta(365)))
    return replace(found, stories=[Story("one user", tuple(told), tuple(asked))])


def corpus(file: Path, chosen: Sequence[int] | None = None) -> Corpus:
    """The conversations by number. Raises OSError, ValueError and LookupError for what is no such file."""
    samples = json.loads(read_text(file))
    numbers = chosen or [n for n in range(len(samples)) if n not in CHOSEN_ON]
    stories = [_story(number, samples[number]) for number in numbers]
    main_kinds = tuple(KINDS[category] for category in (1, 2, 3, 4))
    return Corpus("LoCoMo", stories, "F1", score, main_kinds, "1 to 4")


def score(said: str, asked: Question) -> float:
    """Token F1, as LoCoMo has it for the question's category."""
    [right] = asked.answers
    return listed_f1(said, right) if asked.kind == KINDS[1] else token_f1(said, right)


def _story(number: int, sample: Mapping[str, Any]) -> Story:
    told = tuple(_turns(sample["conversation"]))
    ids = {one.id for one in told}
    return Story(f"conversation {number}", told, tuple(_question(one, ids) for one in sample["qa"]))


def _turns(conversation: Mapping[str, Any]) -> Iterator[Told]:
    number = 1
    while date := conversation.get(f"session_{number}_date_time"):
        at = datetime.strptime(date, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for one in conversation.get(f"session_{number}") or ():
            photo = f" [photo: {one['blip_caption']}]" if one.get("blip_caption") else ""
            said = f"{one['speaker']}: {one['text']}{photo}"
            yield Told(one["dia_id"], said, f"session {number}", at)
        number += 1


def _question(given: Mapping[str, Any], ids: set[str]) -> Question:
    kind = KINDS[given["category"]]
    right = str(given.get("answer", ""))
    right = right.partition(";")[0].strip() if kind == KINDS[3] else right
    evidence = ids.intersection(re.findall(r"D\d+:\d+", " ".join(given.get("evidence", ()))))
    answers = () if kind == KINDS[5] else (right,)
    return Question(kind, given["question"], answers, frozenset(evidence))


if __name__ == "__main__":
    sys.exit(main())
