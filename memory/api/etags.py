"""ETags of memories, for conditional reads and updates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Annotated

from fastapi import Header
from starlette.exceptions import HTTPException

from memory.api.schemas.memories import MemoryOut
from memory.errors import StoreConflict
from memory.records import MemoryRecord

IfNoneMatch = Annotated[
    str | None, Header(description="ETags known already: 304 where it is still one of these.")
]
IfMatch = Annotated[str | None, Header(description="Change it only while it has one of these ETags.")]

_TAG = re.compile(r'(?:W/)?("[^"]*")')


class Changed(HTTPException):
    """The memory is no longer as whoever changes it has seen it."""

    def __init__(self) -> None:
        super().__init__(412, "the memory has changed since it was read; read it again")


def etag(memory: MemoryOut) -> str:
    """Another one whenever anything of the memory is another; that it was used changes nothing."""
    said = memory.model_dump_json(exclude={"uses", "used_at"})
    return f'"{sha256(said.encode()).hexdigest()[:32]}"'


def matches(given: str, tag: str) -> bool:
    """Whether the tag is among those of a header, or the header takes any."""
    return given.strip() == "*" or tag in _TAG.findall(given)


@contextmanager
def expected(if_match: str | None, read: Callable[[], MemoryRecord]) -> Iterator[MemoryRecord | None]:
    """What a memory has to be still when it is changed: what `read` gives; None where any will do.

    Refuses with 412 where that has none of the ETags, and where the memory is another by the time of the
    change, whoever's change came between.
    """
    if if_match is None or if_match.strip() == "*":
        yield None
        return
    record = read()
    if not matches(if_match, etag(MemoryOut.of(record))):
        raise Changed
    try:
        yield record
    except StoreConflict as error:
        raise Changed from error
