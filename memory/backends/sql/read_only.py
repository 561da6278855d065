"""A SQLite file in a folder that cannot be written: a home on a read-only disk, or somebody else's.

With write-ahead logging even a reader makes files beside the database. Where it may not, SQLite reads the
database only when told that nothing changes it (`immutable`). That is so while no log lies beside it: whoever
writes makes one. Connections are not pooled, so that each looks anew.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, NullPool, create_engine, event


def only_read(path: Path) -> bool:
    """Whether the database is there, and nothing can be made beside it."""
    return path.is_file() and not os.access(path.parent, os.W_OK)


def read_only_engine(url: URL) -> Engine:
    """An engine that reads the file; what writes is refused as for any database without permission."""
    engine = create_engine(url, poolclass=NullPool, hide_parameters=True)
    path = Path(str(url.database)).absolute()

    def connecting(*given: Any) -> sqlite3.Connection | None:
        if Path(f"{path}-wal").exists():
            return None  # somebody writes, and SQLite reads along
        return sqlite3.connect(f"{path.as_uri()}?immutable=1", uri=True, **given[-1])

    event.listen(engine, "do_connect", connecting)
    return engine
