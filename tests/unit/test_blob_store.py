"""Adapter files are whole or not there, and what a crash leaves is found."""

from __future__ import annotations

import errno
import os
from datetime import timedelta
from pathlib import Path

import pytest

from memory.backends.blobs.folder import FileBlobStore
from memory.errors import CorruptBlob, DiskFull, StoreReadOnly, StoreUnavailable

AT_ONCE = timedelta(0)


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobStore:
    return FileBlobStore(tmp_path)


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_blob_is_a_safetensors_file_named_by_its_digest(blobs: FileBlobStore, tmp_path: Path) -> None:
    """Two letters of it make a folder; the tenant's name appears nowhere, whatever it is."""
    digest = blobs.put("../../acme", b"x")
    [path] = files(tmp_path)
    assert path.parts[-2:] == (digest[:2], f"{digest}.safetensors")
    assert len(path.relative_to(tmp_path).parts) == 3
    assert "acme" not in str(path.relative_to(tmp_path))
    assert path.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("damage", [b"", b"x", b"X" * 100])
def test_a_damaged_blob_is_never_returned(blobs: FileBlobStore, tmp_path: Path, damage: bytes) -> None:
    """Cut short or altered, it is refused, and putting it again mends it."""
    data = b"x" * 100
    digest = blobs.put("acme", data)
    files(tmp_path)[0].write_bytes(damage)
    with pytest.raises(CorruptBlob, match="make it again"):
        blobs.get("acme", digest)
    assert blobs.put("acme", data) == digest
    assert blobs.get("acme", digest) == data


@pytest.mark.parametrize(
    ("number", "kind", "message"),
    [
        (errno.ENOSPC, DiskFull, "make room"),
        (errno.EDQUOT, DiskFull, "quota"),
        (errno.EROFS, StoreReadOnly, "read-only disk"),
        (errno.EACCES, StoreReadOnly, "permissions"),
        (errno.EIO, StoreUnavailable, "Input/output error"),
    ],
)
def test_a_disk_that_refuses_leaves_nothing_behind(
    blobs: FileBlobStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[Exception],
    message: str,
) -> None:
    """The error says what to do, and neither a blob nor half of one is there."""
    blobs.put("acme", b"before")

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(kind, match=message):
        blobs.put("acme", b"after")
    monkeypatch.undo()
    assert len(files(tmp_path)) == 1
    assert len(blobs.digests("acme")) == 1


def test_a_half_written_file_is_no_blob_and_is_cleaned_away(blobs: FileBlobStore, tmp_path: Path) -> None:
    """It is listed nowhere, stays while young, and goes when old."""
    digest = blobs.put("acme", b"x")
    left = files(tmp_path)[0].parent / ".tmp-abc"
    left.write_bytes(b"half")
    assert blobs.digests("acme") == [digest]
    assert blobs.clean(tenants=["acme"], older_than=timedelta(hours=1)) == 0
    os.utime(left, (0, 0))
    assert blobs.clean(tenants=["acme"], older_than=timedelta(hours=1)) == 1
    assert blobs.digests("acme") == [digest]


def test_putting_a_blob_again_makes_it_young(blobs: FileBlobStore, tmp_path: Path) -> None:
    """So that a sweep passes by what a new row is about to use."""
    digest = blobs.put("acme", b"x")
    os.utime(files(tmp_path)[0], (0, 0))
    assert blobs.digests("acme", older_than=timedelta(hours=1)) == [digest]
    blobs.put("acme", b"x")
    assert blobs.digests("acme", older_than=timedelta(hours=1)) == []


def test_a_store_without_a_folder_is_empty(tmp_path: Path) -> None:
    """Looking makes nothing."""
    blobs = FileBlobStore(tmp_path / "none")
    assert blobs.digests("acme") == []
    assert blobs.clean(tenants=[], older_than=AT_ONCE) == 0
    assert not (tmp_path / "none").exists()


def test_only_our_own_files_are_ever_cleaned_away(blobs: FileBlobStore, tmp_path: Path) -> None:
    """A database, a note or a copy in the same folder is nobody's leftover."""
    blobs.put("ghost", b"x")
    [blob] = files(tmp_path)
    strangers = [tmp_path / "memory.db", tmp_path / "notes" / "a" / "b", blob.parent / "copy of blob"]
    for stranger in strangers:
        stranger.parent.mkdir(parents=True, exist_ok=True)
        stranger.touch()
    assert blobs.clean(tenants=[], older_than=AT_ONCE) == 1
    assert sorted(files(tmp_path)) == sorted(strangers)
    assert blobs.digests("ghost") == []
