"""Request bodies: limited in bytes, values and time, and parsed off the event loop where they are large."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from threading import Event
from typing import Any

import anyio
import anyio.to_thread
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from memory.api.strict_json import Bounds, parsed
from memory.errors import TextTooLarge, TooSlow

GRACE_S = 20.0  # for the beginning of a body,
SLOWEST = 16 * 1024  # and from then on at least so many bytes a second
_SMALL = 4 * 1024  # bytes of a body that are parsed within a millisecond, whatever they are


class Incoming:
    """What a client sends of one request, and whether it is still there."""

    def __init__(self, receive: Receive) -> None:
        self.gone = Event()  # set once the client has gone, for whoever works for it
        self._receive = receive
        self._began = time.monotonic()
        self._received = 0
        self._body: bytes | None = None
        self._ended = anyio.Event()

    async def __call__(self) -> Message:
        """As ASGI's `receive`. A body that was read is given once, and then what becomes of the client.

        Raises TooSlow.
        """
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        if self._ended.is_set():
            return {"type": "http.disconnect"}
        left = self._began + GRACE_S + self._received / SLOWEST - time.monotonic()
        try:
            with anyio.fail_after(max(0.0, left)):
                message = await self._receive()
        except TimeoutError as error:
            raise TooSlow("the body comes too slowly; send it again, in parts") from error
        self._received += len(message.get("body", b""))
        if message["type"] == "http.disconnect":
            self.gone.set()
            raise ClientDisconnect
        return message

    async def read(self, headers: Headers, most: int) -> bytes:
        """All of a body. Raises TextTooLarge as soon as it is, BadBody, TooSlow, ClientDisconnect."""
        too_large = TextTooLarge(f"the body is larger than {most:,} bytes; send it in parts")
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            raise too_large
        bounds = Bounds() if is_json(headers) else None
        pieces, more = [], True
        while more:
            message = await self()
            piece, more = message.get("body", b""), message.get("more_body", False)
            if self._received > most:
                raise too_large
            if bounds is not None:
                bounds.feed(piece)
            pieces.append(piece)
        return b"".join(pieces)

    async def watch(self) -> None:
        """Wait until the client has gone; from now on nothing else asks it."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone.set()
        self._ended.set()

    def replay(self, body: bytes) -> Receive:
        """`receive` for the app: the body again, and then nothing until the client goes."""
        self._body = body

        async def receive() -> Message:
            if self._body is not None:
                return await self()
            await self._ended.wait()
            return {"type": "http.disconnect"}

        return receive


async def read(incoming: Incoming, scope: Scope, most: int) -> bytes:
    """The body of a request, its JSON parsed and its digest taken. Raises as above.

    In another thread where it is large: of a small one a thread costs more than it saves.
    """
    headers = Headers(scope=scope)
    body = await incoming.read(headers, most)

    def take() -> None:
        scope["state"]["body_sha256"] = sha256(body).hexdigest()
        if is_json(headers):
            scope["state"]["json"] = parsed(body)
            scope["state"]["is_large"] = len(body) > _SMALL

    if len(body) > _SMALL:
        await anyio.to_thread.run_sync(take)
    elif body:
        take()
    return body


def is_json(headers: Headers) -> bool:
    """Whether a body says that it is."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


class Parsed(APIRoute):
    """A route that takes the values that were made of the body already.

    What a large body has to be is checked in another thread too: models of thousands of values take longer
    than a step of the loop may.
    """

    def get_route_handler(self) -> Callable[[Request], Any]:
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            state = request.scope["state"]
            if "json" in state:
                large = state["is_large"] and len(self.dependant.body_params) == 1
                request._json = await anyio.to_thread.run_sync(self._model, state) if large else state["json"]
            answer: Response = await handle(request)
            return answer

        return handled

    def _model(self, state: dict[str, Any]) -> Any:
        """What the route takes, which the framework then leaves as it is. Raises RequestValidationError."""
        made, wrong = self.dependant.body_params[0].validate(state.pop("json"), {}, loc=("body",))
        if wrong:
            raise RequestValidationError(wrong)
        return made
