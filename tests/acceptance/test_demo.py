"""The demonstration: what it shows is true, and it touches nothing of the user's."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

import memory.cli.demo.demonstration
from memory.cli.demo import texts
from memory.cli.demo.demonstration import Demonstration, demonstrate, is_right
from tests.command import echoes


@pytest.fixture
def echoing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`memory demo` without models."""
    monkeypatch.setattr(memory.cli.demo.demonstration, "demonstrate", partial(demonstrate, **echoes()))


def assert_honest(found: Demonstration) -> None:
    """The model read the question alone; with the adapters taken away nothing that was told is known."""
    for answer in found.answers:
        assert answer.read == answer.question
        assert answer.prompt_tokens.adapters == answer.prompt_tokens.none < answer.prompt_tokens.full_context
        assert answer.right == is_right(answer.answer, answer.expected)
    assert found.right["taken_away"] == 0


def test_the_prompt_holds_nothing_that_was_told() -> None:
    """Answers come out of adapters: the prompt is the question, and without adapters nothing is known."""
    found = demonstrate(**echoes())
    assert_honest(found)
    assert found.right["adapters"] > 0
    assert found.right["told"] + found.right["never_told"] == len(texts.QUESTIONS)


def test_the_users_own_memory_is_not_touched(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the home nor the database that the settings name is opened."""
    monkeypatch.setenv("MEMORY_DATABASE_URL", f"sqlite:///{tmp_path / 'own.db'}")
    demonstrate(**echoes())
    assert not home.exists()
    assert not (tmp_path / "own.db").exists()


def test_progress_is_told_step_by_step() -> None:
    """It rises to the end."""
    steps: list[tuple[int, int]] = []
    demonstrate(progress=lambda done, total: steps.append((done, total)), **echoes())
    assert [done for done, _ in steps] == list(range(1, len(texts.QUESTIONS) + 3))
    assert steps[-1][0] == steps[-1][1]


@pytest.mark.parametrize(
    ("answer", "expected", "right"),
    [
        ("Biscuit", "Biscuit", True),
        ("Your dog is called biscuit.", "Biscuit", True),
        ("Biscuits", "Biscuit", False),
        ("14", "4", False),
        ("", "4", False),
        ("I don't know.", None, True),
        ("I don’t know.", None, True),
        ("Biscuit", None, False),
    ],
)
def test_what_counts_as_right(answer: str, expected: str | None, right: bool) -> None:
    """The told value as whole words, whatever the case; or that it is not known."""
    assert is_right(answer, expected) is right


@pytest.mark.usefixtures("echoing")
def test_the_command_shows_it_three_ways(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON with everything, a line a question in a pipe, and tables with what to try next in a terminal."""
    found = run("demo", "--json").json
    assert found["right"]["taken_away"] == 0
    assert found["bytes_per_adapter"] > 0
    assert set(found["answers"][0]["milliseconds"]) == {"embed", "select", "merge", "generate"}
    lines = run("demo").lines
    assert [line[0] for line in lines] == [question for question, _ in texts.QUESTIONS]
    monkeypatch.setenv("FORCE_COLOR", "1")
    drawn = run("demo").out
    for words in ("taken away", "internalize a passage", "What to try next", "embed, median"):
        assert words in drawn


@pytest.mark.usefixtures("reference")
def test_the_packaged_model_answers_the_demonstration(process: Any) -> None:
    """As `make demo` runs it: most of what was told comes back, and none of it without the adapters."""
    run = process("demo", "--json")
    assert (run.code, run.err) == (0, "")
    right = run.json["right"]
    assert right["taken_away"] == 0
    assert right["adapters"] >= right["told"] - 2
    assert [answer["read"] for answer in run.json["answers"]] == [question for question, _ in texts.QUESTIONS]
