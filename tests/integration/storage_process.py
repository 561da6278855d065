"""A process of its own for test_storage_crash.py: writes memories, and may kill itself on the way.

python -m tests.integration.storage_process FOLDER URL STEP       adds "acknowledged", then dies at STEP
python -m tests.integration.storage_process FOLDER URL write N    adds N memories, some also added by others
"""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from memory import files
from memory.backends.blobs.folder import FileBlobStore
from memory.backends.sql.store import SqlStore
from tests.tiny_memories import record, vectors


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, url: str, step: str, *count: str) -> None:
    store, blobs = SqlStore.open(url, busy_timeout_s=30), FileBlobStore(folder)
    if step == "write":
        for n in range(int(count[0])):
            add(store, blobs, f"by {os.getpid()}: {n}")
            add(store, blobs, f"by all: {n}")
        return
    add(store, blobs, "acknowledged")
    print("acknowledged", flush=True)
    if step == "half a blob":
        files.os.fsync = lambda handle: stat.S_ISREG(os.fstat(handle).st_mode) and die()
    if step == "a blob without a name":
        files.Path.replace = lambda *_: die()
    if step == "a blob that is not durable":
        files.flush_folder = lambda folder: any(folder.glob("*.safetensors")) and die()
    if step == "a folder without a blob":
        files.flush_folder = lambda _: die()
    add(
        store,
        blobs,
        "interrupted",
        after_blob=die if step == "a blob without a row" else None,
        before_commit=die if step == "a row without a commit" else None,
    )
    die()  # after the commit, before anything is said or indexed


def add(
    store: SqlStore,
    blobs: FileBlobStore,
    text: str,
    *,
    after_blob: Callable[[], None] | None = None,
    before_commit: Callable[[], None] | None = None,
) -> None:
    """The write path: blob, row, and the blob once more while the lock is held."""

    def put() -> None:
        blobs.put("default", text.encode())

    def check() -> None:
        put()
        if before_commit is not None:
            before_commit()

    put()
    if after_blob is not None:
        after_blob()
    store.add([record(text)], vectors(1), before_commit=check)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
