"""A change that other writers cross is made again, on top of theirs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from memory.errors import StoreConflict

ATTEMPTS = 3

T = TypeVar("T")


def retried(attempt: Callable[[], T], otherwise: str, attempts: int = ATTEMPTS) -> T:
    """What `attempt` returns, made again after a StoreConflict; it has to read what it changes each time.

    Raises StoreConflict, which says `otherwise`, where every attempt was crossed.
    """
    for _ in range(attempts):
        with suppress(StoreConflict):
            return attempt()
    raise StoreConflict(otherwise)
