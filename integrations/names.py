"""Detects a user's file that shadows one of our top-level packages, and says so."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("memory", "hypernet")
_ROOT = Path(__file__).resolve().parents[1]  # where all packages of the distribution lie side by side


def require_packages() -> None:
    """Raise ImportError, naming the file, where something else shadows a package of ours."""
    for name in PACKAGES:
        found = find_spec(name)
        where = found.origin if found and found.origin else f"a folder without {name}/__init__.py"
        if where != str(_ROOT / name / "__init__.py"):
            raise ImportError(
                f"`import {name}` finds {where}, which hides the package {name!r} of parametric-memory; "
                "rename it, or run from another folder"
            )
