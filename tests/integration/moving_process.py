"""For test_moving.py, in a process of its own: moves a memory, and kills itself on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import alembic.command  # noqa: F401 - loaded before it is forked, not in each fork

from memory import bootstrap
from memory.backends.sql import moving
from memory.settings import Settings
from tests.faults import Faulty, kill_at


def main(source: dict[str, Any], target: dict[str, Any], step: str, visit: int) -> None:
    """Source and target are settings; it dies the n-th time at the step."""
    fault = kill_at(step, visit)
    rows, blobs = watched(moving.RowsMove, fault), bootstrap._blobs
    moving.BATCH = 3
    moving.RowsMove = lambda *databases: Faulty(rows(*databases), "rows", fault)
    bootstrap._blobs = lambda settings: Faulty(blobs(settings), "blobs", fault)
    bootstrap.move(Settings.load(**source), Settings.load(**target))


def watched(rows: type[Any], fault: Callable[[str], None]) -> type[Any]:
    """The same, where taking away what differs is a step too."""

    class Watched(rows):
        def _remove(self, *given: Any) -> None:
            fault("before removing")
            super()._remove(*given)
            fault("after removing")

    return Watched
