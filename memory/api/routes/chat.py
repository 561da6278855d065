"""/v1/chat/completions: OpenAI's API, answered from weights.

What of a conversation is recalled and remembered:

- `user` and `metadata.session_id`, `metadata.agent_id` say whose memory; with none of them nothing is
  recalled and nothing remembered, and the base model answers.
- The last message is answered, and what it tells is remembered, as `Memory.chat` does it; with a session,
  it and the reply become turns. `store: false` remembers nothing.
- The messages before it are read, and not remembered. Those that the session has as turns already are in
  weights: of them only the newest (MEMORY_HOT_WINDOW_TURNS) stay in the prompt.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from threading import Event
from typing import Any, cast

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
from memory.inputs import Whose
from memory.read.options import AskOptions, Sampling
from memory.records import AdapterChoice, ChatReply, Message, new_id

router = APIRouter(route_class=Parsed, prefix="/v1/chat", tags=["openai"])

Pieces = Iterator[str | ChatReply]


@router.post(
    "/completions",
    response_model=ChatOut,
    responses={
        200: {
            "headers": {
                "X-Memory-Adapters": {
                    "description": "Ids of the memories whose adapters answered; of a whole reply.",
                    "schema": {"type": "string"},
                }
            },
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
)
def complete(request: Request, tenant: TenantDep, parts: SharedDep, given: ChatIn) -> Response:
    """Answer a conversation, whole or as a stream; remember what its last message tells."""
    check_model(parts.memory.settings, given.model)
    turn = _Turn.of(parts, tenant, given, request.state.gone)
    if turn.remembers:
        tenant.caller.require(CHAT_REMEMBERS)
        request.state.writes = True
        check_quotas(parts, tenant, len(turn.said[-1].text.encode()))
    settings = parts.memory.settings
    completion = Completion(model_name(settings), given.longest or settings.max_new_tokens)
    if given.stream:
        options = given.stream_options
        with_usage = bool(options and options.include_usage)
        return Events(turn.events(completion, with_usage=with_usage))
    replies = turn.replies()
    used = ",".join(choice.memory_id for choice in replies[0].adapters)
    return Answer(completion.whole(replies), headers={"X-Memory-Adapters": used}).response()


@dataclass(frozen=True, slots=True)
class _Turn:
    """One request's conversation, and how it is to be answered."""

    parts: Shared
    given: ChatIn
    said: list[Message]  # what the model reads; the last one is answered
    dropped: list[Message]  # what weights hold in place of the prompt
    asking: AskOptions
    remembers: bool
    recalls: bool

    @classmethod
    def of(cls, parts: Shared, tenant: CallingTenant, given: ChatIn, gone: Event) -> _Turn:
        said, whose = given.said(), given.whose(tenant.id)
        dropped: list[Message] = []
        if whose is None:
            whose = Whose(tenant_id=tenant.id, user_id=new_id())  # nobody: a name without memories
        elif whose.get("session_id") is not None:
            said, dropped = _without_told(parts, said, whose)
        sampling = Sampling(temperature=given.temperature or 0.0, seed=given.seed, stop=given.stops)
        sampling |= {"top_p": given.top_p or 1.0, "cancelled": gone}
        if given.longest is not None:
            sampling["max_new_tokens"] = given.longest
        recalls = given.whose(tenant.id) is not None
        times = {"as_of": given.as_of, "filters": given.filters}
        asking = cast(AskOptions, {**whose, **sampling, **times})
        return cls(parts, given, said, dropped, asking, recalls and given.store is not False, recalls)

    def replies(self) -> list[ChatReply]:
        """All n, written together: the model batches them."""
        streams = self._streams()
        if len(streams) == 1:
            return [_whole(streams[0])]
        with ThreadPoolExecutor(len(streams)) as pool:
            return list(pool.map(_whole, streams))

    def events(self, completion: Completion, *, with_usage: bool) -> Generator[dict[str, Any], None, None]:
        """The chunks of a stream. Closing it cancels what is being written."""
        with ExitStack() as open_streams:
            streams = [open_streams.enter_context(closing(stream)) for stream in self._streams()]
            yield from completion.chunks(streams, with_usage=with_usage)

    def _streams(self) -> list[Generator[str | ChatReply, None, None]]:
        first = self._counted(self._remembering() if self.remembers else self._answering(0))
        return [first, *(self._counted(self._answering(i)) for i in range(1, self.given.n or 1))]

    def _remembering(self) -> Pieces:
        *said, message = self.said
        before = None if self.given.session_turns else said
        return self.parts.memory.chat_stream(message.text, mode=self.given.mode, before=before, **self.asking)

    def _answering(self, index: int) -> Pieces:
        """The reply of that index; those after the first have other seeds."""
        asking = self.asking
        if index and self.given.seed is not None:
            asking = cast(AskOptions, {**asking, "seed": self.given.seed + index})
        adapters: list[AdapterChoice] | None = None if self.recalls else []
        return self.parts.memory.answer_stream(self.said, mode=self.given.mode, adapters=adapters, **asking)

    def _counted(self, pieces: Pieces) -> Generator[str | ChatReply, None, None]:
        for piece in pieces:
            if isinstance(piece, ChatReply):
                self.parts.metrics.replied(piece, self._saved(piece))
            yield piece

    def _saved(self, reply: ChatReply) -> int:
        """Tokens that a prompt with the same knowledge would have had more."""
        held = [choice.text for choice in reply.adapters] + [message.text for message in self.dropped]
        return max(0, sum(map(self.parts.memory.count_tokens, held)) - reply.memory_tokens)


def _whole(pieces: Pieces) -> ChatReply:
    *_, reply = pieces
    return cast(ChatReply, reply)


def _without_told(parts: Shared, said: list[Message], whose: Whose) -> tuple[list[Message], list[Message]]:
    """The conversation without what its session holds already, but for the hot window; and what that was."""
    *before, last = said
    turns = parts.memory.turns(last=2 * len(before) + 1, **whose)
    told = {(turn.role, turn.text.strip()) for turn in turns}
    spoken = [i for i, message in enumerate(before) if message.role != "system"]
    window = parts.memory.settings.hot_window_turns
    old = set(spoken[: max(0, len(spoken) - window)])
    dropped = {i for i in old if (before[i].role, before[i].text.strip()) in told}
    kept = [message for i, message in enumerate(before) if i not in dropped]
    return [*kept, last], [before[i] for i in sorted(dropped)]
