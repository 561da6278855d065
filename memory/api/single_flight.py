"""Collapses identical concurrent calls into one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Whoever asks while an answer is on its way shares it. Used from the event loop alone."""

    def __init__(self, limiter: CapacityLimiter) -> None:
        self._limiter = limiter
        self._running: asyncio.Task[T] | None = None

    async def __call__(self, ask: Callable[[], T]) -> T:
        """What `ask`, run in a thread, gives."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._asked(ask))
        return await asyncio.shield(self._running)

    async def _asked(self, ask: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(ask, limiter=self._limiter)
