"""The everyday cases of `python -m benchmarks.said`, and how their answers are scored."""

from __future__ import annotations

import gzip
import json
from datetime import date
from pathlib import Path

import pytest

from benchmarks.said.cases import Case, Value, asked_of_texts, cases, kinds
from benchmarks.said.scoring import score

SATURDAY = date(2026, 11, 28)


def test_there_are_enough_cases_of_each_kind() -> None:
    """300 in all; each says something that has a right answer, or that must be refused."""
    found = list(cases())
    assert len(found) >= 300
    assert {case.kind for case in found} == set(kinds())
    assert all(case.ask.strip() for case in found)
    assert len({repr(case) for case in found}) == len(found)


def test_a_file_of_cases_is_read_by_kind(tmp_path: Path) -> None:
    """Its name is the kind."""
    line = {"tell": ["I live in Lima."], "ask": "Where do I live?", "right": ["Lima"]}
    (tmp_path / "homes.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    assert list(cases("homes", tmp_path)) == [
        Case("homes", "Where do I live?", ("Lima",), tell=("I live in Lima.",))
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "answer", "expected"),
    [
        (["Biscuit"], [], "It's Biscuit.", "right"),
        (["Biscuit"], [], "biscuits", "wrong"),
        (["42"], [], "42.5", "wrong"),
        (["42.5"], [], "42", "wrong"),
        (["jo"], [], "jo.smith@example.com", "wrong"),
        (["Biscuit"], [], "I don’t know.", "refused"),
        ([], ["Berlin"], "I don't know.", "right"),
        ([], ["Berlin"], "Berlin", "wrong"),
        ([["Leo", "Mia"]], [], "Leo", "wrong"),
        ([["Leo", "Mia"]], [], "Mia and Leo", "right"),
        ([""], [], "Noted.", "right"),
        ([""], [], "I don't know.", "refused"),
        (["Biscuit"], ["*"], "**Biscuit**", "wrong"),
        (["{day +1}"], [], "on 29 November 2026", "right"),
        (["{next monday}"], [], "2026-11-30", "right"),
        (["{last friday}"], [], "November 27th", "right"),
    ],
)
def test_answers_are_right_wrong_or_refused(
    right: list[Value], wrong: list[str], answer: str, expected: str
) -> None:
    """A value counts as a whole; a day counts in words or figures; nothing told wants a refusal."""
    case = Case("any", "?", tuple(right), tuple(wrong))
    assert score(case, answer, SATURDAY) == expected


@pytest.mark.parametrize("name", ["texts.jsonl", "texts.jsonl.gz"])
def test_texts_with_questions_are_cases_too(name: str, tmp_path: Path) -> None:
    """Drawn by the seed, each told its own text, right by any of its answers."""
    lines = [
        {"context": "Ana keeps bees.", "qa": [{"question": "Who keeps bees?", "answer": "Ana"}]},
        {"text": ["Bo left.", "Cy came."], "qa": [{"question": "Who is here?", "answers": ["Cy", "Cyril"]}]},
    ]
    data = "\n".join(map(json.dumps, lines)).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    asked = {case.ask: case for case in asked_of_texts(path, 5)}
    assert asked["Who keeps bees?"].tell == ("Ana keeps bees.",)
    assert asked["Who is here?"].tell == ("Bo left.", "Cy came.")
    assert score(asked["Who is here?"], "Cyril", date(2026, 1, 5)) == "right"
    assert score(asked["Who is here?"], "Bo", date(2026, 1, 5)) == "wrong"
    assert len(asked_of_texts(path, 1)) == 1
