"""Where the reference values are: in ``tests/golden``, else in ``MEMORY_GOLDEN`` or ``../shared/golden``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_OURS = Path(__file__).parents[1] / "golden"
_SHARED = Path(__file__).parents[2].parent / "shared"


def golden(case: str) -> Path:
    """The folder of a case. A missing one skips the test, and fails it where ``CI`` is true."""
    ours = _OURS / case
    return ours if ours.is_dir() else _required("MEMORY_GOLDEN", "golden", "reference values") / case


def data() -> Path:
    """The folder of real conversations and text, ``MEMORY_DATA`` or ``../shared/data``; as for ``golden``."""
    return _required("MEMORY_DATA", "data", "real text")


def _required(variable: str, beside: str, what: str) -> Path:
    folder = Path(os.environ.get(variable, _SHARED / beside))
    if not folder.is_dir():
        reason = f"no {what} at {folder}: set {variable}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return folder
