"""The examples of a memory in front of another LLM run, against a second server of ours as that LLM."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent.parent / "examples" / "upstream"
SAID = {
    "openai_client": ["> Where does my sister live?", "model> Lisbon", "(memory took "],
    "langchain_chat": ["ana> Where does my sister live?", "model> Lisbon", "bob> Where does my sister live?"],
    "agents_form": ["you> Good morning!", "you> Where does my sister live?", "agent> Lisbon"],
}


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("name", SAID)
def test_an_example_runs(name: str, home: Path) -> None:
    """As a user runs it; Lisbon is known to Ana alone, and to a model that was told it in no conversation."""
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py"],
        capture_output=True,
        text=True,
        env={**os.environ, "MEMORY_HOME": str(home)},
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    rest = done.stdout
    for part in SAID[name]:
        assert part in rest, done.stdout
        rest = rest.split(part, 1)[1]
    assert "Lisbon" not in rest


def test_every_example_is_run_and_short() -> None:
    """A new user reads one at a glance: under 40 lines."""
    found = {path.stem: len(path.read_text().splitlines()) for path in FOLDER.glob("*.py")}
    assert found.keys() == {*SAID, "two_servers"}
    assert max(found.values()) < 40
