"""ArchiveStore in the object store of adapters: <prefix>/archives/<tenant's digest>/<name>.zip."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from memory.backends.blobs import names
from memory.backends.blobs.objects import ObjectBlobStore, bucket_is_there, translated
from memory.errors import NotFound
from memory.files import translated as disk

FOLDER = "archives"  # no digest: blobs are swept by tenants' digests alone
LONGEST_S = 600.0  # that one request may take, however large its archive
_PIECE = 2**20  # bytes
_AT_ONCE = 1000  # objects of one deletion


class ObjectArchives:
    """Archives as objects beside the adapters. Safe to share between threads and servers."""

    def __init__(self, blobs: ObjectBlobStore) -> None:
        """Keep them where these blobs are; requests last as long as theirs."""
        self._blobs = blobs

    @classmethod
    def open(cls, url: str) -> ObjectArchives:
        """In the store at that address. Raises InvalidSettings."""
        return cls(ObjectBlobStore.open(url, timeout_s=LONGEST_S))

    def put(self, tenant_id: str, name: str, path: Path) -> None:
        import obstore

        self._blobs.check_versions()
        with translated(), bucket_is_there():
            obstore.put(self._blobs.store, _key(tenant_id, name), path)

    def get(self, tenant_id: str, name: str, path: Path) -> None:
        import obstore

        try:
            with translated():
                pieces = obstore.get(self._blobs.store, _key(tenant_id, name)).stream(min_chunk_size=_PIECE)
        except FileNotFoundError:
            raise NotFound("there is no such archive any more") from None
        with disk(path.parent):
            path.touch(mode=0o600)
        with disk(path.parent), path.open("wb") as file:
            for piece in _translated(pieces):
                file.write(piece)

    def delete(self, tenant_id: str, name: str) -> None:
        import obstore

        with translated(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._blobs.store, _key(tenant_id, name))

    def drop(self, tenant_id: str) -> None:
        self._delete(found["path"] for found in self._listed(f"{FOLDER}/{names.tenant_name(tenant_id)}/"))

    def size(self, tenant_id: str) -> int:
        return sum(found["size"] for found in self._listed(f"{FOLDER}/{names.tenant_name(tenant_id)}/"))

    def purge(self, older_than: timedelta) -> None:
        newest = datetime.now(UTC) - older_than
        old = (found for found in self._listed(f"{FOLDER}/") if found["last_modified"] <= newest)
        self._delete(found["path"] for found in old)

    def _listed(self, prefix: str) -> Iterator[Any]:
        import obstore

        with translated(), bucket_is_there():
            for page in obstore.list(self._blobs.store, prefix):
                yield from page

    def _delete(self, keys: Iterator[str]) -> None:
        import obstore

        gone = list(keys)
        for start in range(0, len(gone), _AT_ONCE):
            with translated(), contextlib.suppress(FileNotFoundError):
                obstore.delete(self._blobs.store, gone[start : start + _AT_ONCE])


def _translated(pieces: Iterator[Any]) -> Iterator[Any]:
    """The pieces, where a failing store raises as it does elsewhere."""
    with translated():
        yield from pieces


def _key(tenant_id: str, name: str) -> str:
    return f"{FOLDER}/{names.tenant_name(tenant_id)}/{name}.zip"
