"""Idempotent appends: turn ids derived from the idempotency key."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import count

from memory.records import SCOPE_FIELDS, Scope


def turn_ids(scope: Scope, key: str, turns: int) -> Iterator[list[str]]:
    """The ids of so many turns of a call with this key; then of the next call that has it, and so on."""
    whose = "\0".join([scope.tenant_id, *(getattr(scope, field) or "" for field in SCOPE_FIELDS)])
    for call in count():
        yield [sha256(f"{whose}\0{key}\0{call}\0{n}".encode()).hexdigest()[:32] for n in range(turns)]
