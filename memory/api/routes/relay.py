"""/v1/chat/completions and /v1/models in front of another LLM (MEMORY_UPSTREAM_URL).

What is recalled goes into the request; the reply comes back as it is, a stream byte by byte. Afterwards what
the user told is remembered. Where no whole reply came it is remembered all the same, and no reply is.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import anyio
import httpx
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from memory.api.callers import TenantDep
from memory.api.events import KEEP_ALIVE, unless_silent
from memory.api.incoming import Parsed
from memory.api.relayed import Heard, Relayed, whole_text
from memory.api.rights import CHAT_REMEMBERS
from memory.api.routes.memories import check_quotas
from memory.api.shared import SharedDep
from memory.api.upstream import Upstream, UpstreamError, error_body, unreachable

router = APIRouter(route_class=Parsed, prefix="/v1", tags=["openai"])


@router.post("/chat/completions", response_model=None)
async def complete(request: Request, tenant: TenantDep, parts: SharedDep, given: dict[str, Any]) -> Response:
    """Answer a conversation by the upstream model, from what memory knows; remember what its user tells."""
    settings, upstream = parts.memory.settings, _upstream(request)
    header = settings.upstream_user_header
    turn = Relayed.of(parts.memory, given, tenant.id, request.headers.get(header) if header else None)
    if turn.remembers and turn.new is not None:
        tenant.caller.require(CHAT_REMEMBERS)
        request.state.writes = True
        await run_in_threadpool(check_quotas, parts, tenant, len(turn.new.text.encode()))
    recalled = await run_in_threadpool(turn.recall)
    headers = {"X-Memory-Tokens": str(recalled.tokens), "X-Memory-Recalled": str(len(recalled))}
    body = turn.body(recalled, upstream.model(str(given.get("model", ""))))
    from_memory = bool(recalled)
    try:
        response = await upstream.open("chat/completions", body)
    except UpstreamError as error:
        await _remember(turn, "", from_memory)
        return JSONResponse(error.body, error.status, headers={**error.headers, **headers})
    if given.get("stream"):
        media = response.headers.get("Content-Type", "text/event-stream")
        headers |= {"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "Content-Type": media}
        return StreamingResponse(_streamed(response, turn, from_memory), headers=headers)
    return await _whole(response, turn, recalled.tokens, headers)


@router.get("/models", response_model=None)
async def models(request: Request, tenant: TenantDep) -> Response:  # noqa: ARG001 - who calls is checked
    """The models that the upstream offers."""
    try:
        response = await _upstream(request).open("models", None)
    except UpstreamError as error:
        return JSONResponse(error.body, error.status, headers=dict(error.headers))
    try:
        return Response(await response.aread(), media_type="application/json")
    finally:
        await response.aclose()


async def _whole(
    response: httpx.Response, turn: Relayed, memory_tokens: int, headers: dict[str, str]
) -> Response:
    """The reply, whose usage says how many tokens memory took."""
    try:
        data = await response.aread()
        reply = json.loads(data)
    except httpx.HTTPError as error:
        await _remember(turn, "", memory_tokens > 0)
        failed = unreachable(error)
        return JSONResponse(failed.body, failed.status, headers=headers)
    except ValueError:
        await _remember(turn, "", memory_tokens > 0)
        body = error_body("the upstream model answers with something that is not JSON", "server_error")
        return JSONResponse(body, 502, headers=headers)
    finally:
        await response.aclose()
    await _remember(turn, whole_text(reply), memory_tokens > 0)
    if isinstance(reply, dict) and isinstance(reply.get("usage"), dict):
        reply["usage"]["memory_tokens"] = memory_tokens
    return JSONResponse(reply, headers=headers)


async def _streamed(response: httpx.Response, turn: Relayed, from_memory: bool) -> AsyncIterator[bytes]:
    """The bytes as they come, comments between events while none do.

    One that breaks off ends with an error event in place of `[DONE]`.
    """
    heard = Heard()
    whole, between = False, True
    try:
        async with aclosing(unless_silent(response.aiter_raw())) as pieces:
            async for data in pieces:
                if data is not None:
                    heard.feed(data)
                    between = data.endswith((b"\n\n", b"\r\n\r\n"))
                    yield data
                elif between:
                    yield KEEP_ALIVE.encode()
        whole = heard.ended
        if not whole:
            yield _error_event(httpx.RemoteProtocolError("ended early"))
    except httpx.HTTPError as error:
        yield _error_event(error)
    finally:
        with anyio.CancelScope(shield=True):  # also when the client has gone
            await response.aclose()
            await _remember(turn, heard.text if whole else "", from_memory)


async def _remember(turn: Relayed, reply: str, from_memory: bool) -> None:
    await run_in_threadpool(lambda: turn.remember(reply, from_memory=from_memory))


def _error_event(error: httpx.HTTPError) -> bytes:
    return b"\n\ndata: " + json.dumps(unreachable(error).body).encode() + b"\n\n"


def _upstream(request: Request) -> Upstream:
    found: Upstream = request.app.state.upstream
    return found
