"""Real recall, with the reference model that ships: an agent over a restart, and users side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hypernet
from integrations.langchain import ParametricMemory, shared

ROOT = Path(__file__).parents[3]
TALK = "tests/integration/langchain/agent_process.py"
OWNERS = {"ana": "Biscuit", "ben": "Rocket", "cleo": "Pepper"}
QUESTION = "What is my dog called?"


@pytest.fixture(autouse=True)
def _reference() -> None:
    """The trained weights; in CI their absence is a failure."""
    there = (ROOT / "hypernet" / "reference" / "hypernet.json").exists()
    if not there and os.environ.get("CI") == "true":
        pytest.fail("the reference weights are not in hypernet/reference")
    if not there:
        pytest.skip("the reference weights are not in hypernet/reference")


@pytest.fixture
def anybody(tmp_path: Path) -> Iterator[ParametricMemory]:
    memory = ParametricMemory(service=shared.shared(home=tmp_path / "home"))
    yield memory
    memory.close()


def test_twenty_turns_and_a_restart(tmp_path: Path) -> None:
    """Turn 1 is recalled in turn 20, by another process, with no old turn in the prompt."""
    first = talk(tmp_path, "--first")
    second = talk(tmp_path)
    assert len(first) + len(second) == 20
    assert any(turn["tools"] for turn in first)
    last = second[-1]
    assert "Biscuit" in last["reply"]
    assert last["read"] == ["user: What is my dog called?"]
    assert last["adapters"] >= 1


def talk(home: Path, *arguments: str) -> list[dict[str, Any]]:
    """One process's part of the conversation: a JSON object a turn."""
    environment = {**os.environ, "MEMORY_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, TALK, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_users_side_by_side(anybody: ParametricMemory) -> None:
    """A batch with a user in each row: each hears the own dog's name and nobody else's."""
    for user, dog in OWNERS.items():
        anybody.add(f"My dog is called {dog}.", user_id=user)
    configs = [{"configurable": {"user_id": user}} for user in OWNERS]
    replies = anybody.as_chat_model().batch([QUESTION] * len(OWNERS), configs)
    for dog, reply in zip(OWNERS.values(), replies, strict=True):
        assert [name for name in OWNERS.values() if name in reply.text] == [dog]


def test_the_bare_model_knows_nothing(anybody: ParametricMemory) -> None:
    """The name is in the adapter and nowhere else."""
    anybody.add("My dog is called Biscuit.", user_id="ana")
    model = anybody.as_chat_model()
    ana = {"configurable": {"user_id": "ana"}}
    assert "Biscuit" in model.invoke(QUESTION, ana).text
    assert "Biscuit" not in model.invoke(QUESTION, ana, adapters=[]).text


def test_the_reference_is_where_it_is_looked_for() -> None:
    """These tests skip by the file that the package itself looks for."""
    assert Path(hypernet.reference_path()) == ROOT / "hypernet" / "reference"
