"""The client of threads: each verb waits for its answer."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial, update_wrapper
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar, cast

import httpx

from memory.client import adding, chatting, failures, upkeep, verbs
from memory.client.calls import Call, Pause, Server, Steps, connection
from memory.files import written
from memory.records import ChatReply

P = ParamSpec("P")
T = TypeVar("T")


def _waits(verb: Callable[Concatenate[Server, P], Steps[T]]) -> Callable[Concatenate[Client, P], T]:
    """The verb as a method that returns what comes of it."""

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.run(verb(self.server, *args, **kwargs))

    update_wrapper(method, verb)
    return method


def _streams(
    verb: Callable[P, chatting.Turn],
) -> Callable[Concatenate[Client, P], Iterator[str | ChatReply]]:
    """The verb as a method that gives pieces of text, and then the whole reply."""

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[str | ChatReply]:
        return self.stream(verb(*args, **kwargs))

    update_wrapper(method, verb)
    return method


def _replies(verb: Callable[P, chatting.Turn]) -> Callable[Concatenate[Client, P], ChatReply]:
    """The verb as a method that returns the whole reply."""

    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> ChatReply:
        [reply] = deque(self.stream(verb(*args, **kwargs)), maxlen=1)
        return cast(ChatReply, reply)

    update_wrapper(method, verb)
    return method


class Client:
    """A memory on a server. Safe to share between threads; close it, or use it as a context manager."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        *,
        timeout_s: float = 60.0,
        retries: int = 2,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Take the address of a server, and a key of it where it asks for one. Connects when first used.

        `timeout_s` bounds each silence of the server, `retries` how often a call is sent again; `transport`
        stands in for the network. Raises InvalidInput for what is no URL or key.
        """
        self.server = Server(url, retries)
        self._http = httpx.Client(**connection(self.server, key, timeout_s), transport=transport)

    add = _waits(adding.add)
    append = _waits(adding.append)
    add_skill = _waits(adding.add_skill)
    search = _waits(verbs.search)
    select = _waits(verbs.select)
    explain = _waits(verbs.explain)
    recall = _waits(verbs.recall)
    get = _waits(verbs.get)
    list = _waits(verbs.list_)
    update = _waits(verbs.update)
    pin = _waits(verbs.pin)
    delete = _waits(verbs.delete)
    forget = _waits(verbs.forget)
    history = _waits(verbs.history)
    turns = _waits(verbs.turns)
    sessions = _waits(verbs.sessions)
    holdings = _waits(verbs.holdings)
    status = _waits(verbs.status)
    stats = _waits(verbs.stats)
    count_tokens = _waits(verbs.count_tokens)
    compact = _waits(upkeep.compact)
    export = _waits(upkeep.export)
    import_ = _waits(upkeep.import_)

    chat = _replies(chatting.chat)
    chat_stream = _streams(chatting.chat)
    ask = _replies(chatting.ask)
    answer = _replies(chatting.answer)
    answer_stream = _streams(chatting.answer)

    def run(self, steps: Steps[T]) -> T:
        """Take the steps of a verb; returns what comes of them."""
        go: Callable[[], Call | Pause] = partial(next, steps)
        while True:
            try:
                step = go()
            except StopIteration as end:
                return cast(T, end.value)
            try:
                go = partial(steps.send, self._take(step))
            except httpx.TransportError as error:
                go = partial(steps.throw, error)

    def stream(self, turn: chatting.Turn) -> Iterator[str | ChatReply]:
        """The pieces of a reply, and then the whole; ended early, the server stores nothing of it."""
        response = self.run(chatting.opened(self.server, turn))
        reply = chatting.Reply(self.server, turn)
        try:
            for line in response.iter_lines():
                yield from reply.read(line)
        except httpx.TransportError as error:
            raise failures.unreachable(error, self.server.url) from error
        finally:
            response.close()
        yield reply.whole()

    def close(self) -> None:
        """Let go of the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.server.url!r})"

    def _take(self, step: Call | Pause) -> httpx.Response | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        if step.upload is not None:
            with step.upload.open("rb") as file:
                return self._http.send(self._http.build_request(**step.request(), content=file))
        streamed = step.streamed or step.into is not None
        response = self._http.send(self._http.build_request(**step.request()), stream=streamed)
        if streamed and not response.is_success:
            response.read()
        elif step.into is not None:
            with closing(response), written(step.into) as file:
                for piece in response.iter_bytes():
                    file.write(piece)
        return response
