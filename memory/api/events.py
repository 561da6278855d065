"""Server-sent events from a generator, which is closed when the client disconnects."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing
from typing import Any, TypeVar

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from memory.api.problems import Problem, openai_error, problem_of
from memory.api.wire import Wire
from memory.errors import ParametricMemoryError

KEEP_ALIVE_S = 15.0  # of silence, after which a comment is sent: proxies close what says nothing for a minute
KEEP_ALIVE = ": keep-alive\n\n"  # a comment, which clients pass over
_END = object()
T = TypeVar("T")


class Events(StreamingResponse):
    """One event for each object. The source runs in the thread pool."""

    def __init__(self, source: Generator[dict[str, Any], None, None], wire: Wire) -> None:
        self._source = source
        self._wire = wire
        self._asked: asyncio.Future[Any] | None = None  # the object that is waited for
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # nginx would hold it back
        super().__init__(iter(()), media_type="text/event-stream; charset=utf-8", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wait for an object, or silence: what fails until then is answered with its status."""
        try:
            async with aclosing(unless_silent(self._objects())) as heard:
                first = await anext(heard, None)
                self.body_iterator = _lines(first, heard, self._wire)
                await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):  # the client is gone, and what it asked for is let go of
                await self._close()

    async def _objects(self) -> AsyncIterator[dict[str, Any]]:
        """One after the other, each asked for when it is waited for."""
        while True:
            self._asked = asyncio.ensure_future(run_in_threadpool(next, self._source, _END))
            one = await asyncio.shield(self._asked)  # a thread cannot be stopped; `_close` waits for it
            if one is _END:
                return
            yield one

    async def _close(self) -> None:
        if self._asked is not None:
            await asyncio.gather(self._asked, return_exceptions=True)
        await run_in_threadpool(self._source.close)


async def unless_silent(source: AsyncIterator[T]) -> AsyncGenerator[T | None, None]:
    """What a source gives, and None each time that it gave nothing for KEEP_ALIVE_S."""
    asked: asyncio.Future[Any] | None = None
    try:
        while True:
            asked = asyncio.ensure_future(_next(source))
            while not asked.done():
                if not (await asyncio.wait({asked}, timeout=KEEP_ALIVE_S))[0]:
                    yield None
            if (one := asked.result()) is _END:
                return
            yield one
    finally:
        if asked is not None and not asked.done():
            asked.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.gather(asked, return_exceptions=True)


async def _next(source: AsyncIterator[Any]) -> Any:
    return await anext(source, _END)


async def _lines(
    first: dict[str, Any] | None, heard: AsyncIterator[dict[str, Any] | None], wire: Wire
) -> AsyncIterator[str]:
    yield _line(first, wire)
    events = int(first is not None)
    try:
        async for one in heard:
            events += one is not None
            yield _line(one, wire)
    except ParametricMemoryError as error:
        problem = problem_of(error)
        yield wire.failed(openai_error(problem or Problem(500, "internal", str(error))), events)
        return
    if wire.end:
        yield wire.end


def _line(one: dict[str, Any] | None, wire: Wire) -> str:
    return KEEP_ALIVE if one is None else wire.line(one)
