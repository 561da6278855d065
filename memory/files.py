"""Atomic file writes, and OS errors translated to ours."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from memory.errors import DiskFull, StoreError, StoreReadOnly, StoreUnavailable
from memory.records import new_id

TEMPORARY = ".tmp-"  # begins the name of a file half written

_OS_ERRORS: dict[int, tuple[type[StoreError], str]] = {
    errno.ENOSPC: (DiskFull, "the disk is full; make room and try again (nothing stored is lost)"),
    errno.EDQUOT: (DiskFull, "the disk quota is used up; make room and try again (nothing stored is lost)"),
    errno.EROFS: (StoreReadOnly, "the folder is on a read-only disk; set MEMORY_HOME to another"),
    errno.EACCES: (StoreReadOnly, "the folder cannot be written; check its permissions"),
    errno.EPERM: (StoreReadOnly, "the folder cannot be written; check its permissions"),
}


@contextmanager
def translated(folder: Path) -> Iterator[None]:
    """Raise the operating system's errors as StoreError or one of its children."""
    try:
        yield
    except OSError as error:
        kind, message = _OS_ERRORS.get(error.errno or 0, (StoreUnavailable, str(error.strerror)))
        raise kind(f"{folder}: {message}") from error


def write_whole(path: Path, data: bytes) -> None:
    """Make a file with these bytes, durable when this returns. Raises OSError; see `translated`.

    Written to a temporary file beside it, flushed to the disk, renamed, and the folder flushed too: a
    crash leaves the old file or the new one, and at worst a temporary one.
    """
    make_folders(path.parent)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=TEMPORARY)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


@contextmanager
def written(path: Path) -> Iterator[BinaryIO]:
    """A file of its owner's alone to write: whole and durable at the end, or not there. Raises StoreError."""
    temporary = path.with_name(f"{TEMPORARY}{new_id()}")
    with translated(path.parent):
        try:
            temporary.touch(mode=0o600, exist_ok=False)
            with temporary.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        flush_folder(path.parent)


def make_folders(folder: Path) -> None:
    """Make the folder and its parents, each durable in its own parent."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    flush_folder(folder.parent)


def private(path: str, flags: int) -> int:
    """An opener for files that only their owner may read."""
    return os.open(path, flags, 0o600)


def flush_folder(folder: Path) -> None:
    """Make names in a folder durable. Windows has no such call, and needs none."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
