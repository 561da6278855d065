"""ETags of memories: what a client has seen, so that it need not read or overwrite blindly."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Annotated

from fastapi import Header
from starlette.exceptions import HTTPException

from memory.api.schemas import MemoryOut

IfNoneMatch = Annotated[
    str | None, Header(description="ETags known already: 304 where it is still one of these.")
]
IfMatch = Annotated[str | None, Header(description="Change it only while it has one of these ETags.")]

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def etag(memory: MemoryOut) -> str:
    """Another one whenever anything of the memory is another."""
    return f'"{sha256(memory.model_dump_json().encode()).hexdigest()[:32]}"'


def matches(given: str, tag: str) -> bool:
    """Whether the tag is among those of a header, or the header takes any."""
    return given.strip() == "*" or tag in _TAG.findall(given)


def check_unchanged(given: str | None, memory: MemoryOut) -> None:
    """Refuse with 412 where the memory is no longer what the client has seen."""
    if given is not None and not matches(given, etag(memory)):
        raise HTTPException(412, "the memory has changed since it was read; read it again")
