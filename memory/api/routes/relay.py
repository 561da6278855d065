"""/v1/chat/completions, /v1/responses and /v1/models in front of another LLM (MEMORY_UPSTREAM_URL).

What is recalled goes into the request; the reply comes back as it is, a stream byte by byte. Afterwards what
the user told is remembered. Where no whole reply came it is remembered all the same, and no reply is.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from memory.api.as_chat import chat_request
from memory.api.callers import CallingTenant, TenantDep
from memory.api.events import KEEP_ALIVE, unless_silent
from memory.api.extraction import Extraction
from memory.api.foreign import off_loop, read, written
from memory.api.from_chat import FromChat
from memory.api.incoming import Parsed
from memory.api.relay_forms import CHAT_COMPLETIONS, RESPONSE, Form
from memory.api.relayed import Relayed
from memory.api.routes.chat import may_tell
from memory.api.routes.jobs import submitted
from memory.api.shared import Shared, SharedDep
from memory.api.upstream import Answer, Upstream, UpstreamError, failed, unreachable
from memory.errors import ParametricMemoryError
from memory.ports.asker import to_the_end
from memory.read.recalled import Recall
from memory.records.inputs import scope_in

router = APIRouter(route_class=Parsed, prefix="/v1", tags=["openai"])

_log = logging.getLogger(__name__)

Opened = Answer | FromChat  # the beginning of an upstream's answer


@router.post("/chat/completions", response_model=None)
async def complete(request: Request, tenant: TenantDep, parts: SharedDep, given: dict[str, Any]) -> Response:
    """Answer a conversation by the upstream model, from what memory knows; remember what its user tells."""
    return await _relay(CHAT_COMPLETIONS, request, tenant, parts, given)


@router.post("/responses", response_model=None)
async def respond(request: Request, tenant: TenantDep, parts: SharedDep, given: dict[str, Any]) -> Response:
    """The same in OpenAI's newer form, also where the upstream has chat completions alone."""
    return await _relay(RESPONSE, request, tenant, parts, given)


@router.get("/models", response_model=None)
async def models(request: Request, tenant: TenantDep) -> Response:  # noqa: ARG001 - who calls is checked
    """The models that the upstream offers."""
    try:
        response = await _upstream(request).open("models", None)
    except UpstreamError as error:
        return JSONResponse(error.body, error.status, headers=dict(error.headers))
    try:
        return Response(await response.aread(), media_type="application/json")
    except httpx.HTTPError as error:
        wrong = unreachable(error)
        return JSONResponse(wrong.body, wrong.status)
    finally:
        await response.aclose()


async def _relay(
    form: Form, request: Request, tenant: CallingTenant, parts: Shared, given: Mapping[str, Any]
) -> Response:
    header = parts.memory.settings.upstream_user_header
    user = request.headers.get(header) if header else None
    turned = partial(Relayed.of, form, parts.memory, given, tenant.id, user)
    prepared = await run_in_threadpool(_prepared, request, tenant, parts, turned)
    turn, recalled = prepared.turn, prepared.recalled
    headers = {"X-Memory-Tokens": str(recalled.tokens), "X-Memory-Recalled": str(len(recalled))}
    remember = partial(_remember, parts, turn, recalled)
    async with AsyncExitStack() as waiting:
        try:
            await waiting.enter_async_context(parts.places.lent(tenant.id))
            response = await _opened(_upstream(request), prepared)
            if given.get("stream"):
                return Passed(response, form, remember, headers, waiting.pop_all())
            reply = await _read(response, recalled.tokens)
        except UpstreamError as error:
            await waiting.aclose()
            await remember("")
            return JSONResponse(error.body, error.status, headers={**error.headers, **headers})
    await remember(form.text(reply.said))
    return Response(reply.sent, media_type="application/json", headers=headers)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A turn with what is recalled for it, and the request for the upstream."""

    turn: Relayed
    recalled: Recall
    body: Mapping[str, Any]
    as_sent: bytes
    as_chat: bool  # and not in the form in which it came


def _prepared(
    request: Request, tenant: CallingTenant, parts: Shared, turned: Callable[[], Relayed]
) -> _Prepared:
    """All that is made of a body, which may be large, before the upstream is asked.

    Raises BadBody, and Forbidden or QuotaExceeded where what it tells may not be told.
    """
    turn, upstream = turned(), _upstream(request)
    if turn.remembers and turn.new is not None:
        may_tell(request, tenant, parts, turn.new.text)
    recalled = turn.recall()
    body = turn.body(recalled, upstream.model(str(turn.given.get("model", ""))))
    as_chat = turn.form is not CHAT_COMPLETIONS and upstream.chat_only
    return _Prepared(turn, recalled, body, written(chat_request(body) if as_chat else body), as_chat)


async def _opened(upstream: Upstream, prepared: _Prepared) -> Opened:
    """The beginning of the upstream's answer. Raises UpstreamError.

    One that has no /v1/responses is asked by its chat completions, from then on.
    """
    turn, as_sent = prepared.turn, prepared.as_sent
    if not prepared.as_chat:
        try:
            return await upstream.open(turn.form.path, as_sent)
        except UpstreamError as error:
            if turn.form is CHAT_COMPLETIONS or not error.no_route:
                raise
        as_sent = await run_in_threadpool(lambda: written(chat_request(prepared.body)))
    response = await upstream.open(CHAT_COMPLETIONS.path, as_sent)
    upstream.chat_only = True
    return FromChat(response, turn.given, prepared.recalled.tokens)


@dataclass(frozen=True, slots=True)
class _Reply:
    """A whole one, and as our client gets it."""

    said: Any
    sent: bytes

    @classmethod
    def of(cls, memory_tokens: int, data: bytes) -> _Reply:
        """Raises ValueError for what is no JSON."""
        said = read(data)
        if isinstance(said, dict) and isinstance(said.get("usage"), dict):
            said["usage"]["memory_tokens"] = memory_tokens
        return cls(said, written(said))


async def _read(response: Opened, memory_tokens: int) -> _Reply:
    """The whole reply. Raises UpstreamError."""
    try:
        return await off_loop(partial(_Reply.of, memory_tokens), await response.aread())
    except httpx.HTTPError as error:
        raise unreachable(error) from error
    except ValueError as error:
        raise failed(502, "the upstream model answers with something that is no reply") from error
    finally:
        await response.aclose()


class Passed(StreamingResponse):
    """A stream, passed on as it comes. When it has ended, or its client has gone, the turn is remembered."""

    def __init__(
        self,
        response: Opened,
        form: Form,
        remember: Callable[[str], Awaitable[None]],
        headers: dict[str, str],
        waiting: AsyncExitStack,
    ) -> None:
        """`remember` is given the reply, and `waiting` is left before."""
        self._response = response
        self._form = form
        self._remember = remember
        self._waiting = waiting
        self._heard = form.heard()
        media = response.headers["Content-Type"]
        headers |= {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "Content-Type": media}
        super().__init__(self._bytes(), headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self._response.aclose()
                await self._waiting.aclose()
                await self._remember(self._heard.reply)

    async def _bytes(self) -> AsyncIterator[bytes]:
        """The bytes as they come, comments between events while none do.

        One that breaks off ends with an error event in place of what is missing.
        """
        heard, between = self._heard, True
        try:
            async with aclosing(unless_silent(self._response.aiter_raw())) as pieces:
                async for data in pieces:
                    if data is not None:
                        heard.feed(data)
                        between = data.endswith((b"\n\n", b"\r\n\r\n"))
                        yield data
                    elif between:
                        yield KEEP_ALIVE.encode()
            if not (heard.ended or heard.failed):
                yield self._error(httpx.RemoteProtocolError("ended early"))
        except httpx.HTTPError as error:
            heard.failed = True
            yield self._error(error)

    def _error(self, error: httpx.HTTPError) -> bytes:
        """An event, also where the bytes before it ended within one."""
        event = self._form.wire.failed(unreachable(error).body, self._heard.events)
        return b"\n\n" + event.encode()


async def _remember(parts: Shared, turn: Relayed, recalled: Recall, reply: str) -> None:
    with to_the_end():
        await run_in_threadpool(_kept, parts, turn, recalled, reply)


def _kept(parts: Shared, turn: Relayed, recalled: Recall, reply: str) -> None:
    told = turn.remember(reply, from_memory=bool(recalled))
    if not told or turn.new is None or turn.whose is None or not Extraction(parts.memory.settings).on:
        return
    try:
        submitted(parts, "extract", scope_in(turn.whose, ""), {"text": turn.new.text}, None)
    except ParametricMemoryError as error:  # the turn is kept, and the reply is the client's
        _log.warning("no statements will be drawn out of a turn: %s", type(error).__name__)


def _upstream(request: Request) -> Upstream:
    found: Upstream = request.app.state.upstream
    return found
