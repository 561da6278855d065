"""Server-sent events from a generator, which is closed when the client disconnects."""

from __future__ import annotations

import json
import logging
from collections.abc import Generator, Iterator
from itertools import chain
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from memory.api.problems import Problem, openai_error, problem_of
from memory.errors import ParametricMemoryError

_log = logging.getLogger(__name__)


class Events(StreamingResponse):
    """`data: {...}` for each object, and `data: [DONE]`. The source runs in the thread pool."""

    def __init__(self, source: Generator[dict[str, Any], None, None]) -> None:
        """Reads the first object at once: an error before it is answered with its status, as any other."""
        first = next(source)
        self._source = source
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}  # nginx would hold it back
        super().__init__(
            _lines(chain([first], source)), media_type="text/event-stream; charset=utf-8", headers=headers
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):  # the client is gone, and what it asked for is let go of
                await run_in_threadpool(self._source.close)


def _lines(objects: Iterator[dict[str, Any]]) -> Iterator[str]:
    try:
        for one in objects:
            yield _line(one)
    except ParametricMemoryError as error:
        problem = problem_of(error)
        yield _line(openai_error(problem or Problem(500, "internal", str(error))))
        return
    yield "data: [DONE]\n\n"


def _line(one: dict[str, Any]) -> str:
    return f"data: {json.dumps(one, ensure_ascii=False)}\n\n"
