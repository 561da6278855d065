"""A process of its own for test_moving.py: moves a memory, and kills itself on the way.

python -m tests.integration.moving_process SOURCE TARGET STEP N

Source and target are settings as JSON; it dies the n-th time at the step.
"""

from __future__ import annotations

import json
import sys

from memory import bootstrap
from memory.backends.sql import moving
from memory.settings import Settings
from tests.faults import Faulty, kill_at


def main(source: str, target: str, step: str, visit: str) -> None:
    fault = kill_at(step, int(visit))
    rows, blobs = moving.RowsMove, bootstrap._blobs
    moving.BATCH = 3
    moving.RowsMove = lambda *databases: Faulty(rows(*databases), "rows", fault)
    bootstrap._blobs = lambda settings: Faulty(blobs(settings), "blobs", fault)
    bootstrap.move(Settings.load(**json.loads(source)), Settings.load(**json.loads(target)))


if __name__ == "__main__":
    main(*sys.argv[1:])
