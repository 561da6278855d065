"""The `memory` command as a user runs it: in this process with echoes for models, or as a real process."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import memory
from memory.cli import main
from tests.command import COMMAND, Result, Run, echoes, packaged_model


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home that every command uses."""
    monkeypatch.setenv("MEMORY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MEMORY_USER", "ana")
    return tmp_path / "home"


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process; each call opens the memory anew, as a new process would."""

    def run(*args: str, stdin: str | bytes = b"") -> Result:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))
        capfd.readouterr()
        code = main(args, open_memory=lambda **given: memory.open(**{"home": home, **echoes(), **given}))
        return Result(code, *capfd.readouterr())

    return run


@pytest.fixture
def process(home: Path) -> Run:
    """Runs the installed command as a real process."""

    def process(*args: str, stdin: str = "", **environment: str) -> Result:
        done = subprocess.run(
            [COMMAND, *args],
            input=stdin,
            capture_output=True,
            text=True,
            env={**os.environ, "MEMORY_HOME": str(home), **environment},
            timeout=280,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return process


@pytest.fixture(scope="session")
def reference() -> Path:
    """The model that comes with the package."""
    return packaged_model()
