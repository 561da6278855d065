"""How blob stores name things: a tenant by a digest of its name, a blob by the sha256 of its bytes."""

from __future__ import annotations

import hashlib
import re

from memory.errors import CorruptBlob, MissingBlob

SUFFIX = ".safetensors"
TENANT = re.compile(r"[0-9a-f]{32}")
BLOB = re.compile(r"[0-9a-f]{64}" + re.escape(SUFFIX))


def digest_of(data: bytes) -> str:
    """What a blob of these bytes is called."""
    return hashlib.sha256(data).hexdigest()


def tenant_name(tenant_id: str) -> str:
    """Named by digest, so that no tenant's name can lead out of the store or into another's."""
    return hashlib.sha256(tenant_id.encode()).hexdigest()[:32]


def is_digest(name: str) -> bool:
    """Whether a blob can be called that; a damaged row may say otherwise."""
    return BLOB.fullmatch(f"{name}{SUFFIX}") is not None


def blob_name(digest: str) -> str:
    """Raises MissingBlob for what is no digest."""
    if not is_digest(digest):
        raise MissingBlob(f"{digest!r} names no adapter file; a name is 64 hex digits")
    return f"{digest}{SUFFIX}"


def missing(where: object) -> MissingBlob:
    """The error of a blob that is not there."""
    return MissingBlob(f"adapter file {where} is missing; restore it, or make it again")


def checked(data: bytes, digest: str, where: object) -> bytes:
    """The bytes, if they are those of the digest. Raises CorruptBlob."""
    if digest_of(data) != digest:
        raise CorruptBlob(f"adapter file {where} is damaged; restore it, or make it again")
    return data
