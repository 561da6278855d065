"""/v1/responses: OpenAI's newer form, answered from weights as /v1/chat/completions is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from fastapi import APIRouter, Request, Response

from memory.api.callers import TenantDep
from memory.api.chat_out import MemoryUseOut
from memory.api.events import Events
from memory.api.incoming import Parsed
from memory.api.once import Answer
from memory.api.responses_in import ResponsesIn
from memory.api.responses_out import Cut, Event, ResponseOut, ResponseUsageOut, Writing
from memory.api.routes.chat import ANSWERED, adapters_used, begun
from memory.api.routes.models import model_name
from memory.api.shared import SharedDep
from memory.api.turn import Pieces
from memory.api.wire import RESPONSES
from memory.records import ChatReply

router = APIRouter(route_class=Parsed, prefix="/v1/responses", tags=["openai"])


@router.post("", response_model=ResponseOut, responses=ANSWERED)
def respond(request: Request, tenant: TenantDep, parts: SharedDep, given: ResponsesIn) -> Response:
    """Answer a conversation, whole or as a stream; remember what its last message tells."""
    turn = begun(request, tenant, parts, given)
    settings = parts.memory.settings
    longest = given.longest or settings.max_new_tokens
    writing = Writing(given.model_dump(mode="json", exclude_none=True), model_name(settings))
    if given.stream:
        return Events(turn.events(lambda streams: _started(writing, streams[0], longest)), RESPONSES)
    [reply] = turn.replies()
    *_, last = _written(writing, [reply.text, reply], longest)
    return Answer(ResponseOut(**last["response"]), headers=adapters_used(reply)).response()


def _started(writing: Writing, pieces: Pieces, longest: int) -> Iterator[Event]:
    """The events of a stream. What fails before the first piece is answered with its status."""
    first = next(pieces)
    yield from writing.begin()
    yield from _written(writing, chain([first], pieces), longest)


def _written(writing: Writing, pieces: Iterable[str | ChatReply], longest: int) -> Iterator[Event]:
    for piece in pieces:
        if isinstance(piece, str):
            yield from writing.text(piece)
            continue
        read, written = piece.prompt_tokens, piece.completion_tokens
        usage = ResponseUsageOut(
            input_tokens=read,
            output_tokens=written,
            total_tokens=read + written,
            memory_tokens=piece.memory_tokens,
        )
        cut: Cut | None = "max_output_tokens" if written >= longest else None
        yield from writing.end(cut, usage=usage, memory=MemoryUseOut.of(piece))
