"""What running the `memory` command needs: parts that load no model, and what a run left behind."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hypernet import reference_path
from memory.fakes import EchoGenerator, EchoInternalizer, EchoSkills, WordEmbedder

COMMAND = Path(sys.executable).parent / "memory"


@dataclass(frozen=True)
class Result:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[list[str]]:
        """The lines of a pipe, cut into cells."""
        return [line.split("\t") for line in self.out.splitlines()]


Run = Callable[..., Result]


def echoes() -> dict[str, Any]:
    """Parts that answer with the sentence they were told, and load no model."""
    return {
        "embedder": WordEmbedder(),
        "internalizer": EchoInternalizer(),
        "generator": EchoGenerator(),
        "skills": EchoSkills(),
    }


def packaged_model() -> Path:
    """The model that comes with the package; a test that needs it is skipped without, except in CI."""
    path = reference_path()
    if not (path / "hypernet.json").is_file():
        assert os.environ.get("CI") != "true", f"the packaged model is missing: {path}"
        pytest.skip("the packaged model is not there: hypernet/reference/hypernet.json")
    return path
