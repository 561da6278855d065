"""The client of an event loop: each verb is awaited, and the loop does other things meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing
from functools import partial, update_wrapper
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

import anyio
import anyio.to_thread
import httpx

from memory.client import adding, chatting, failures, upkeep, verbs
from memory.client.calls import Call, Pause, Server, Steps, connection
from memory.files import written
from memory.records import ChatReply

P = ParamSpec("P")
T = TypeVar("T")

_PIECE = 64 * 1024  # bytes of a file that are sent at once


def _awaits(
    verb: Callable[Concatenate[Server, P], Steps[T]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    """The verb as a coroutine that returns what comes of it."""

    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.run(verb(self.server, *args, **kwargs))

    update_wrapper(method, verb)
    return method


def _streams(
    verb: Callable[P, chatting.Turn],
) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[str | ChatReply]]:
    """The verb as a method that gives pieces of text, and then the whole reply."""

    def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[str | ChatReply]:
        return self.stream(verb(*args, **kwargs))

    update_wrapper(method, verb)
    return method


def _replies(
    verb: Callable[P, chatting.Turn],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, ChatReply]]:
    """The verb as a coroutine that returns the whole reply."""

    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> ChatReply:
        *_, reply = [piece async for piece in self.stream(verb(*args, **kwargs))]
        return cast(ChatReply, reply)

    update_wrapper(method, verb)
    return method


class AsyncClient:
    """A memory on a server, for one event loop. Close it, or use it as an asynchronous context manager."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout_s: float = 60.0,
        retries: int = 2,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """As `Client` takes it. Raises InvalidInput for what is no URL or key."""
        self.server = Server(url, retries)
        self._http = httpx.AsyncClient(**connection(self.server, key, timeout_s), transport=transport)

    add = _awaits(adding.add)
    append = _awaits(adding.append)
    add_skill = _awaits(adding.add_skill)
    search = _awaits(verbs.search)
    select = _awaits(verbs.select)
    explain = _awaits(verbs.explain)
    recall = _awaits(verbs.recall)
    get = _awaits(verbs.get)
    list = _awaits(verbs.list_)
    update = _awaits(verbs.update)
    pin = _awaits(verbs.pin)
    delete = _awaits(verbs.delete)
    forget = _awaits(verbs.forget)
    history = _awaits(verbs.history)
    turns = _awaits(verbs.turns)
    sessions = _awaits(verbs.sessions)
    holdings = _awaits(verbs.holdings)
    status = _awaits(verbs.status)
    stats = _awaits(verbs.stats)
    count_tokens = _awaits(verbs.count_tokens)
    compact = _awaits(upkeep.compact)
    export = _awaits(upkeep.export)
    import_ = _awaits(upkeep.import_)

    chat = _replies(chatting.chat)
    chat_stream = _streams(chatting.chat)
    ask = _replies(chatting.ask)
    answer = _replies(chatting.answer)
    answer_stream = _streams(chatting.answer)

    async def run(self, steps: Steps[T]) -> T:
        """Take the steps of a verb; returns what comes of them."""
        go: Callable[[], Call | Pause] = partial(next, steps)
        while True:
            try:
                step = go()
            except StopIteration as end:
                return cast(T, end.value)
            try:
                go = partial(steps.send, await self._take(step))
            except httpx.TransportError as error:
                go = partial(steps.throw, error)

    async def stream(self, turn: chatting.Turn) -> AsyncIterator[str | ChatReply]:
        """The pieces of a reply, and then the whole; ended early, the server stores nothing of it."""
        response = await self.run(chatting.opened(self.server, turn))
        reply = chatting.Reply(self.server, turn)
        try:
            async with aclosing(response):
                async for line in response.aiter_lines():
                    for piece in reply.read(line):
                        yield piece
        except httpx.TransportError as error:
            raise failures.unreachable(error, self.server.url) from error
        yield reply.whole()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"AsyncClient({self.server.url!r})"

    async def _take(self, step: Call | Pause) -> httpx.Response | None:
        if isinstance(step, Pause):
            await anyio.sleep(step.seconds)
            return None
        sent: dict[str, Any] = {} if step.upload is None else {"content": _pieces(step.upload)}
        streamed = step.streamed or step.into is not None
        request = self._http.build_request(**step.request(), **sent)
        response = await self._http.send(request, stream=streamed)
        if streamed and not response.is_success:
            await response.aread()
        elif step.into is not None:
            async with aclosing(response):
                with written(step.into) as file:
                    async for piece in response.aiter_bytes():
                        await anyio.to_thread.run_sync(file.write, piece)
        return response


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    """What a file holds, read beside the loop."""
    async with await anyio.open_file(path, "rb") as file:
        while piece := await file.read(_PIECE):
            yield piece
