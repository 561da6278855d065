"""Names of adapters, as both sides know them. Imports nothing: vLLM's process has no need of the rest."""

from __future__ import annotations

import re

PREFIX = "memory-"
_NAME = re.compile(rf"{PREFIX}[0-9a-f]{{40}}")


def is_ours(name: str) -> bool:
    """Whether a name is one that we give; no other leads to a file."""
    return _NAME.fullmatch(name) is not None


def number_of(name: str) -> int:
    """The number under which vLLM keeps an adapter: 60 bits of its name, and never another's."""
    return int(name.removeprefix(PREFIX)[:15], 16) + 1
