"""BlobStore in an object store (S3, GCS, Azure): <prefix>/<tenant's digest>/<sha256>.safetensors.

Needs the extra `objectstore`. Who may read and write is said by the variables of the cloud's own tools. No
error quotes what a client of the store says: that may hold a signed address or a key.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from memory.backends.blobs import names
from memory.errors import InvalidSettings, StoreReadOnly, StoreUnavailable

if TYPE_CHECKING:
    from obstore.store import ObjectStore

RETRIES = 3
_AT_ONCE = 16  # requests of one call that are under way together
_PROBE = "versions-are-off"  # the name of an object that is put and taken away again


class ObjectBlobStore:
    """Adapters as objects of one bucket, below one prefix. Safe to share between threads and servers."""

    def __init__(self, store: ObjectStore) -> None:
        """Take a store of `obstore`; see `open`."""
        self.store = store  # for what lies beside the adapters
        self._may_write = False  # known once

    @classmethod
    def open(cls, url: str, *, timeout_s: float) -> ObjectBlobStore:
        """The store at `s3://bucket/prefix`; asks nothing of it yet. Raises InvalidSettings.

        A request may take `timeout_s`, and begins anew, up to RETRIES times, within as long.
        """
        with _needed():
            from obstore.exceptions import BaseError
            from obstore.store import from_url
        limit = timedelta(seconds=timeout_s)
        options: dict[str, Any] = {"config": {"checksum_algorithm": "SHA256"}} if url[:3] == "s3:" else {}
        try:
            store = from_url(
                url,
                # http only where somebody has set such an endpoint: the clouds' own are https
                client_options={"timeout": limit, "connect_timeout": limit, "allow_http": True},
                retry_config={"max_retries": RETRIES, "retry_timeout": limit},
                **options,
            )
        except (BaseError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise InvalidSettings(
                f"setting 'blobs' (MEMORY_BLOBS): {reason}; see docs/object-store.md"
            ) from None
        return cls(store)

    def put(self, tenant_id: str, data: bytes) -> str:
        import obstore

        digest = names.digest_of(data)
        self.check_versions()
        with translated(), bucket_is_there():
            obstore.put(self.store, _key(tenant_id, digest), data, use_multipart=False)
        return digest

    def get(self, tenant_id: str, digest: str) -> bytes:
        import obstore

        key = _key(tenant_id, digest)
        try:
            with translated():
                data = bytes(obstore.get(self.store, key).bytes())
        except FileNotFoundError as error:
            if _no_bucket(error):
                raise _bucket_missing() from None
            raise names.missing(key) from None
        return names.checked(data, digest, key)

    def missing(self, tenant_id: str, digests: Collection[str]) -> set[str]:
        with ThreadPoolExecutor(_AT_ONCE, "blobs") as threads:
            there = threads.map(lambda digest: self._has(tenant_id, digest), digests)
            return {digest for digest, found in zip(digests, there, strict=True) if not found}

    def delete(self, tenant_id: str, digest: str) -> None:
        import obstore

        if not names.is_digest(digest):  # as a damaged row has it: erasing that row goes on
            return
        with translated(), contextlib.suppress(FileNotFoundError):
            obstore.delete(self.store, _key(tenant_id, digest))

    def digests(self, tenant_id: str, *, older_than: timedelta = timedelta(0)) -> list[str]:
        with translated(), bucket_is_there():
            found = self._listed(names.tenant_name(tenant_id), older_than)
            return sorted(key.rpartition("/")[2].removesuffix(names.SUFFIX) for key in found)

    def clean(self, *, tenants: Collection[str], older_than: timedelta) -> int:
        import obstore

        known = {names.tenant_name(tenant) for tenant in tenants}
        removed = 0
        with translated(), bucket_is_there():
            for folder in obstore.list_with_delimiter(self.store)["common_prefixes"]:
                if names.TENANT.fullmatch(folder) and folder not in known:
                    old = list(self._listed(folder, older_than))
                    obstore.delete(self.store, old)
                    removed += len(old)
        return removed

    def _has(self, tenant_id: str, digest: str) -> bool:
        import obstore

        if not names.is_digest(digest):
            return False
        try:
            with translated():
                obstore.head(self.store, _key(tenant_id, digest))
        except FileNotFoundError:
            return False
        return True

    def _listed(self, folder: str, older_than: timedelta) -> Iterator[str]:
        """The keys of blobs below a folder that were put before that; never of what we did not put there."""
        import obstore

        newest = datetime.now(UTC) - older_than
        for page in obstore.list(self.store, f"{folder}/"):
            for found in page:
                old = not older_than or found["last_modified"] <= newest  # the store's clock may be ahead
                if old and names.BLOB.fullmatch(found["path"].rpartition("/")[2]):
                    yield found["path"]

    def check_versions(self) -> None:
        """Refuse a bucket that keeps versions of what is deleted: nothing could be erased from it."""
        import obstore

        if self._may_write:
            return
        with translated(), bucket_is_there():
            done = obstore.put(self.store, _PROBE, b"", use_multipart=False)
            obstore.delete(self.store, _PROBE)
        keeps = done.get("version") is not None and type(self.store).__name__ != "GCSStore"  # always has one
        if keeps:
            raise StoreReadOnly(
                "the bucket of adapters keeps old versions, so nothing could be erased from it; "
                "suspend versioning, or set MEMORY_BLOBS to another"
            )
        self._may_write = True


def _key(tenant_id: str, digest: str) -> str:
    return f"{names.tenant_name(tenant_id)}/{names.blob_name(digest)}"


@contextlib.contextmanager
def _needed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise InvalidSettings(
            "setting 'blobs' (MEMORY_BLOBS): an object store needs the extra `objectstore`; "
            "run: pip install 'parametric-memory[objectstore]'"
        ) from error


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raise what the client raises as ours, without its words; what is not there is FileNotFoundError."""
    from obstore.exceptions import BaseError

    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError, ValueError) as error:
        raise _unavailable(str(error)) from None


def _unavailable(said: str) -> StoreUnavailable:
    status = re.search(r"status code: (\d{3})", said)
    if status is None:
        return StoreUnavailable("the object store of adapters does not answer; try again later")
    if status[1] in ("401", "403"):
        return StoreUnavailable(
            "the object store of adapters refuses our credentials, or they may not do this; check them"
        )
    if status[1] == "404":
        return _bucket_missing()
    return StoreUnavailable(f"the object store of adapters answered {status[1]}; try again later")


@contextlib.contextmanager
def bucket_is_there() -> Iterator[None]:
    """Where no single object is asked for, it is the bucket that is not found."""
    try:
        yield
    except FileNotFoundError:
        raise _bucket_missing() from None


def _bucket_missing() -> StoreUnavailable:
    return StoreUnavailable("the bucket of adapters does not exist; make it, or correct MEMORY_BLOBS")


def _no_bucket(error: FileNotFoundError) -> bool:
    return any(code in str(error) for code in ("NoSuchBucket", "ContainerNotFound"))
