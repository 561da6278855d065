"""Where the reference values are: ``MEMORY_GOLDEN``, or ``../shared/golden`` beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[2].parent / "shared" / "golden"


def golden() -> Path:
    """The folder of reference values. Missing ones skip the test, and fail it where ``CI`` is true."""
    folder = Path(os.environ.get("MEMORY_GOLDEN", _BESIDE))
    if not folder.is_dir():
        reason = f"no reference values at {folder}: set MEMORY_GOLDEN"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return folder
