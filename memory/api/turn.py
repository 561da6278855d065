"""One turn of a conversation, answered by the memory's own model; what it tells is remembered."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from contextvars import copy_context
from dataclasses import dataclass
from threading import Event
from typing import Any, cast

from memory.api.callers import CallingTenant
from memory.api.shared import Shared
from memory.api.turn_in import TurnIn
from memory.read.options import AskOptions, Sampling
from memory.records import ChatReply, Message, new_id
from memory.records.inputs import Whose

Pieces = Iterator[str | ChatReply]


@dataclass(frozen=True, slots=True)
class Turn:
    """One request's conversation, and how it is to be answered."""

    parts: Shared
    given: TurnIn
    said: list[Message]  # what the model reads; the last one is answered
    dropped: list[Message]  # what weights hold in place of the prompt
    asking: AskOptions
    remembers: bool
    recalls: bool

    @classmethod
    def of(cls, parts: Shared, tenant: CallingTenant, given: TurnIn, gone: Event) -> Turn:
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

    def look(self) -> None:
        """Remember the picture that the last message shows, before the reply, under the model's words for it.

        By these, and not by what the message tells, a later question about the picture finds it. Of a turn
        of which nothing is kept, the picture is not either. Raises as `Memory.add` does.
        """
        picture = self.given.picture()
        if picture is None or not self._keeps:
            return
        whose = cast(Whose, self.given.whose(str(self.asking["tenant_id"])))
        with self.parts.metrics.internalizing():
            self.parts.memory.add(image=picture, **whose)

    @property
    def _keeps(self) -> bool:
        return self.remembers and not self.parts.memory.reader.read(self.said[-1].text).withheld

    def replies(self) -> list[ChatReply]:
        """All n, written together: the model batches them."""
        streams = self._streams()
        if len(streams) == 1:
            return [_whole(streams[0])]
        with ThreadPoolExecutor(len(streams)) as pool:
            # Each in the name of whoever asks: a thread starts without that.
            written = [pool.submit(copy_context().run, _whole, stream) for stream in streams]
            return [one.result() for one in written]

    def events(
        self, written: Callable[[Sequence[Pieces]], Iterator[dict[str, Any]]]
    ) -> Generator[dict[str, Any], None, None]:
        """What is made of the streams of the replies. Closing it cancels what is being written."""
        with ExitStack() as open_streams:
            yield from written([open_streams.enter_context(closing(stream)) for stream in self._streams()])

    def _streams(self) -> list[Generator[str | ChatReply, None, None]]:
        first = self._counted(self._remembering() if self.remembers else self._answering(0))
        return [first, *(self._counted(self._answering(i)) for i in range(1, self.given.wanted))]

    def _remembering(self) -> Pieces:
        *said, message = self.said
        before = None if self.given.session_turns else said
        image = None if self._keeps else self.given.picture()
        return self.parts.memory.chat_stream(
            message.text, image=image, mode=self.given.mode, before=before, **self.asking
        )

    def _answering(self, index: int) -> Pieces:
        """The reply of that index; those after the first have other seeds."""
        asking = self.asking
        if index and self.given.seed is not None:
            asking = cast(AskOptions, {**asking, "seed": self.given.seed + index})
        return self.parts.memory.answer_stream(
            self.said,
            image=None if self._keeps else self.given.picture(),
            choices=self.given.choices,
            mode=self.given.mode,
            adapters=self.given.merged if self.recalls else [],
            **asking,
        )

    def _counted(self, pieces: Pieces) -> Generator[str | ChatReply, None, None]:
        for piece in pieces:
            if isinstance(piece, ChatReply):
                self.parts.metrics.replied(piece, self._saved(piece))
                self.parts.activity.merged(str(self.asking["tenant_id"]), len(piece.adapters))
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
