"""BlobStore in a folder: <folder>/<tenant's digest>/<2 hex>/<sha256>.safetensors.

A blob appears under its name whole and durable, or not at all. Reading verifies the digest in the name.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path

from memory.backends.blobs import names
from memory.errors import StoreError
from memory.files import TEMPORARY, flush_folder, translated, write_whole


class FileBlobStore:
    """Adapter files under one folder. Safe to share between threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, tenant_id: str, data: bytes) -> str:
        digest = names.digest_of(data)
        path = self._path(tenant_id, digest)
        with translated(self._folder):
            if _holds(path, data):
                os.utime(path)  # young again: a sweep that saw it unused will pass it by
            else:
                write_whole(path, data)
        return digest

    def get(self, tenant_id: str, digest: str) -> bytes:
        path = self._path(tenant_id, digest)
        try:
            with translated(self._folder):
                data = path.read_bytes()
        except StoreError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                raise names.missing(path) from error
            raise
        return names.checked(data, digest, path)

    def missing(self, tenant_id: str, digests: Collection[str]) -> set[str]:
        named = {digest for digest in digests if names.is_digest(digest)}
        there = {digest for digest in named if self._path(tenant_id, digest).is_file()}
        return set(digests) - there

    def delete(self, tenant_id: str, digest: str) -> None:
        if not names.is_digest(digest):  # as a damaged row has it: erasing that row goes on
            return
        path = self._path(tenant_id, digest)
        with translated(self._folder), contextlib.suppress(FileNotFoundError):
            path.unlink()
            flush_folder(path.parent)

    def digests(self, tenant_id: str, *, older_than: timedelta = timedelta(0)) -> list[str]:
        with translated(self._folder):
            files = _own_files(self._tenant_folder(tenant_id), older_than)
            return sorted(path.stem for path in files if not path.name.startswith(TEMPORARY))

    def clean(self, *, tenants: Collection[str], older_than: timedelta) -> int:
        known = {names.tenant_name(tenant) for tenant in tenants}
        with translated(self._folder):
            left_behind = [
                path
                for folder in self._folder.glob("*")
                if names.TENANT.fullmatch(folder.name)
                for path in _own_files(folder, older_than)
                if path.name.startswith(TEMPORARY) or folder.name not in known
            ]
            for path in left_behind:
                path.unlink(missing_ok=True)
        return len(left_behind)

    def _tenant_folder(self, tenant_id: str) -> Path:
        return self._folder / names.tenant_name(tenant_id)

    def _path(self, tenant_id: str, digest: str) -> Path:
        return self._tenant_folder(tenant_id) / digest[:2] / names.blob_name(digest)


def _holds(path: Path, data: bytes) -> bool:
    """Whether the file is there with these very bytes; a damaged one is to be written again."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except FileNotFoundError:
        return False


def _own_files(tenant_folder: Path, older_than: timedelta) -> Iterator[Path]:
    """Blobs and half-written ones not touched within that time; never a file that we did not make."""
    newest = time.time() - older_than.total_seconds()
    for path in tenant_folder.glob("[0-9a-f][0-9a-f]/*"):
        if path.name.startswith(TEMPORARY) or names.BLOB.fullmatch(path.name):
            with contextlib.suppress(FileNotFoundError):  # taken away by another process meanwhile
                if path.stat().st_mtime <= newest:
                    yield path
