"""Copies of blobs save requests, stay within their bounds, and outlive no erasure."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from memory.backends.blobs.copies import CopiedBlobs
from memory.errors import MissingBlob, StoreUnavailable
from memory.fakes import InMemoryBlobs
from tests.faults import Faulty


class Watched:
    """A blob store whose calls are counted, and the copies over it."""

    def __init__(self, folder: Path, max_bytes: int = 1000, kept_for: timedelta = timedelta(hours=1)) -> None:
        self.steps: list[str] = []
        self.folder = folder
        self.blobs = InMemoryBlobs()
        faulty = Faulty(self.blobs, "blobs", self.steps.append)
        self.copied = CopiedBlobs(faulty, folder, max_bytes, kept_for)

    @property
    def reads(self) -> int:
        return self.steps.count("before blobs.get")

    def copies(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if path.is_file()]


def test_a_second_read_asks_nothing(tmp_path: Path) -> None:
    """Nor does one after a restart; and where the store is away, what was read before is there."""
    watched = Watched(tmp_path)
    digest = watched.copied.put("acme", b"x")
    assert [watched.copied.get("acme", digest) for _ in range(3)] == [b"x"] * 3
    assert watched.reads == 1
    again = Watched(tmp_path)
    assert again.copied.get("acme", digest) == b"x"
    assert again.reads == 0


def test_a_damaged_copy_is_read_anew(tmp_path: Path) -> None:
    """And mended by that."""
    watched = Watched(tmp_path)
    digest = watched.copied.put("acme", b"x")
    watched.copied.get("acme", digest)
    [copy] = watched.copies()
    copy.write_bytes(b"y")
    assert watched.copied.get("acme", digest) == b"x"
    assert copy.read_bytes() == b"x"


def test_copies_stay_within_their_bytes(tmp_path: Path) -> None:
    """The oldest make room, and what is larger than all of it is not kept."""
    watched = Watched(tmp_path, max_bytes=1000)
    digests = [watched.copied.put("acme", bytes([n]) * 300) for n in range(10)]
    for age, digest in enumerate(digests):
        watched.copied.get("acme", digest)
        for path in watched.folder.rglob(f"{digest}*"):
            os.utime(path, (age + time.time() - 100,) * 2)
        assert sum(path.stat().st_size for path in watched.copies()) <= 1000
    assert any(digests[-1] in path.name for path in watched.copies())
    large = watched.copied.put("acme", b"x" * 1001)
    assert watched.copied.get("acme", large) == b"x" * 1001
    assert not any(large in path.name for path in watched.copies())


def test_an_erasure_takes_the_copy_too(tmp_path: Path) -> None:
    """And no file of it stays."""
    watched = Watched(tmp_path)
    digest = watched.copied.put("acme", b"x")
    watched.copied.get("acme", digest)
    watched.copied.delete("acme", digest)
    assert watched.copies() == []
    with pytest.raises(MissingBlob):
        watched.copied.get("acme", digest)


def test_what_is_erased_while_it_is_read_is_not_kept(tmp_path: Path) -> None:
    """The read began before; its copy would stay behind."""
    blobs = InMemoryBlobs()
    digest = blobs.put("acme", b"x")

    def erase(step: str) -> None:
        if step == "after blobs.get":
            copied.delete("acme", digest)

    copied = CopiedBlobs(Faulty(blobs, "blobs", erase), tmp_path, 1000)
    assert copied.get("acme", digest) == b"x"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_another_server_erased_goes_with_time(tmp_path: Path) -> None:
    """Also where nobody asks for anything, and over a restart."""
    watched = Watched(tmp_path / "idle", kept_for=timedelta(milliseconds=50))
    digest = watched.copied.put("acme", b"x")
    watched.copied.get("acme", digest)
    until = time.monotonic() + 20
    while watched.copies() and time.monotonic() < until:
        time.sleep(0.02)
    assert watched.copies() == []
    old = Watched(tmp_path / "restarted")
    old.copied.get("acme", old.copied.put("acme", b"x"))
    [copy] = old.copies()
    os.utime(copy, (0, 0))
    assert Watched(tmp_path / "restarted").copies() == []


def test_a_folder_that_cannot_be_written_costs_nothing_but_requests(tmp_path: Path) -> None:
    """The store has the bytes; and its own errors are passed on."""
    (tmp_path / "taken").write_bytes(b"")
    watched = Watched(tmp_path / "taken" / "copies")
    digest = watched.copied.put("acme", b"x")
    assert [watched.copied.get("acme", digest) for _ in range(2)] == [b"x"] * 2
    assert watched.reads == 2

    def away(_: str) -> None:
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        CopiedBlobs(Faulty(watched.blobs, "blobs", away), tmp_path / "other", 1000).get("acme", digest)
