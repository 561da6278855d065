"""What all the facts of one person give for many questions: the right value or none, never another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.said.cases import Case
from benchmarks.said.scoring import score
from memory.backends.reader.english import EnglishReader
from memory.records import now
from memory.text.passage import Passage

HOUSEHOLDS = sorted((Path(__file__).parent / "households").glob("*.json"))
READ = EnglishReader().read


@pytest.mark.parametrize("path", HOUSEHOLDS, ids=lambda path: path.stem)
def test_a_household_is_asked_about(path: Path) -> None:
    """Some 40 facts, told at once; most of what was told is given, and nothing of what was not."""
    household = json.loads(path.read_text(encoding="utf-8"))
    told = [(READ(Passage(text)), None) for text in household["told"]]
    scores = {}
    for asked in household["asked"]:
        turn = READ(asked["ask"])
        value, _ = turn.value_in([one for one in told if one[0].answers(turn)])
        case = Case("", asked["ask"], tuple(asked["right"]))
        scores[asked["ask"]] = score(case, value, now().date())
    assert [ask for ask, scored in scores.items() if scored == "wrong"] == []
    assert sum(scored == "right" for scored in scores.values()) >= 0.8 * len(scores)
