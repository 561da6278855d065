"""Retry of changes that conflict with other writers."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from memory.errors import StoreConflict

ATTEMPTS = 3

T = TypeVar("T")


def retried(attempt: Callable[[], T], otherwise: str, attempts: int = ATTEMPTS) -> T:
    """Call `attempt` until no StoreConflict occurs; it must read what it changes on each call.

    Raises StoreConflict, which says `otherwise`, where every attempt was crossed.
    """
    for _ in range(attempts):
        with suppress(StoreConflict):
            return attempt()
    raise StoreConflict(otherwise)
