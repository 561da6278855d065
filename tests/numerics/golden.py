"""Where the reference values are: ``MEMORY_GOLDEN``, or ``../shared/golden`` beside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SHARED = Path(__file__).parents[2].parent / "shared"


def golden() -> Path:
    """The folder of reference values. Missing ones skip the test, and fail it where ``CI`` is true."""
    return _required("MEMORY_GOLDEN", "golden", "reference values")


def data() -> Path:
    """The folder of real conversations and text, ``MEMORY_DATA`` or ``../shared/data``; as for ``golden``."""
    return _required("MEMORY_DATA", "data", "real text")


def _required(variable: str, beside: str, what: str) -> Path:
    folder = Path(os.environ.get(variable, _SHARED / beside))
    if not folder.is_dir():
        reason = f"no {what} at {folder}: set {variable}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return folder
