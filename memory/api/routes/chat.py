"""/v1/chat/completions: OpenAI's API, answered from weights.

What of a conversation is recalled and remembered:

- `user` and `metadata.session_id`, `metadata.agent_id` say whose memory; with none of them nothing is
  recalled and nothing remembered, and the base model answers.
- The last message is answered, and what it tells is remembered, as `Memory.chat` does it; with a session,
  it and the reply become turns. `store: false` remembers nothing.
- A picture in it is a memory before the reply is written, so that the reply knows it.
- The messages before it are read, and not remembered. Those that the session has as turns already are in
  weights: of them only the newest (MEMORY_HOT_WINDOW_TURNS) stay in the prompt.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from memory.api.callers import CallingTenant, TenantDep
from memory.api.chat_in import ChatIn
from memory.api.chat_out import ChatOut, Completion
from memory.api.events import Events
from memory.api.incoming import Parsed
from memory.api.once import Answer
from memory.api.rights import CHAT_REMEMBERS
from memory.api.routes.memories import check_quotas
from memory.api.routes.models import check_model, model_name
from memory.api.shared import Shared, SharedDep
from memory.api.turn import Turn
from memory.api.turn_in import TurnIn
from memory.api.wire import CHAT
from memory.records import ChatReply

router = APIRouter(route_class=Parsed, prefix="/v1/chat", tags=["openai"])

# How a reply is described beside its body.
ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {
        "headers": {
            "X-Memory-Adapters": {
                "description": "Ids of the memories whose adapters answered; of a whole reply.",
                "schema": {"type": "string"},
            }
        },
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.post("/completions", response_model=ChatOut, responses=ANSWERED)
def complete(request: Request, tenant: TenantDep, parts: SharedDep, given: ChatIn) -> Response:
    """Answer a conversation, whole or as a stream; remember what its last message tells."""
    turn = begun(request, tenant, parts, given)
    settings = parts.memory.settings
    completion = Completion(model_name(settings), given.longest or settings.max_new_tokens)
    if given.stream:
        options = given.stream_options
        with_usage = bool(options and options.include_usage)
        return Events(turn.events(partial(completion.chunks, with_usage=with_usage)), CHAT)
    replies = turn.replies()
    return Answer(completion.whole(replies), headers=adapters_used(replies[0])).response()


def begun(request: Request, tenant: CallingTenant, parts: Shared, given: TurnIn) -> Turn:
    """The turn that is asked for. Raises NotFound, BadBody, Forbidden, QuotaExceeded.

    A picture in it is remembered here, before anything is sent; raises for it as `Memory.add` does.
    """
    check_model(parts.memory.settings, given.model)
    turn = Turn.of(parts, tenant, given, request.state.gone)
    if turn.remembers:
        may_tell(request, tenant, parts, turn.said[-1].text)
    turn.look()
    return turn


def may_tell(request: Request, tenant: CallingTenant, parts: Shared, text: str) -> None:
    """Let a chat be remembered, and put on record. Raises Forbidden, QuotaExceeded."""
    tenant.caller.require(CHAT_REMEMBERS)
    request.state.writes = True
    check_quotas(parts, tenant, len(text.encode()))


def adapters_used(reply: ChatReply) -> dict[str, str]:
    """The header that names the memories whose adapters answered."""
    return {"X-Memory-Adapters": ",".join(choice.memory_id for choice in reply.adapters)}
