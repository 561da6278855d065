"""The chat use case: answer from memory, then remember what the user said.

newest turns of the session, the message -> answer -> what of both is news -> the writing side

A statement is acknowledged, also where the model has nothing to say to it. What the user does not want to
be kept is answered and not kept; what is to be forgotten is erased, and the message is not kept either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from memory.ports import MemoryStore, Reader
from memory.read.acknowledging import acknowledging, saying, yours
from memory.read.answering import Answerer
from memory.read.options import Filters, Mode, Sampling
from memory.records import ChatReply, Message, Scope

if TYPE_CHECKING:
    from PIL.Image import Image

Remember = Callable[[Message, Message, Scope], object]
"""Keeps a user's message and the reply as turns of their session, and remembers what they tell."""


Forget = Callable[[str, Scope], int]
"""Erases the memories of a scope that are about what is named; returns how many these were."""


class Chat:
    """Answers the messages of a conversation that is remembered."""

    def __init__(
        self,
        store: MemoryStore,
        answerer: Answerer,
        reader: Reader,
        remember: Remember,
        forget: Forget,
        hot_turns: int,
    ) -> None:
        """`hot_turns`: how many of a session's newest turns stand in the prompt."""
        self._store = store
        self._answerer = answerer
        self._reader = reader
        self._remember = remember
        self._forget = forget
        self._hot_turns = hot_turns

    def stream(
        self,
        scope: Scope,
        said: Message,
        mode: Mode,
        before: Sequence[Message] | None,
        sampling: Sampling,
        as_of: datetime | None,
        filters: Filters | None = None,
        image: Image | None = None,
    ) -> Iterator[str | ChatReply]:
        """The reply in pieces of text, and then as a whole; stored only when it is read to the end.

        `before` stands in place of the session's newest turns, where it is given. An `image` is known in
        this turn alone.
        """
        reading = self._reader.read(said.text)
        if reading.forgets:
            return self._forgetting(scope, reading.forgets)
        conversation = [*(self._hot_window(scope) if before is None else before), said]
        pieces = acknowledging(
            lambda: self._answerer.stream(scope, conversation, mode, None, sampling, as_of, filters, image),
            reading,
            self._reader,
        )
        return pieces if reading.withheld else self._remembering(scope, said, pieces)

    def _forgetting(self, scope: Scope, named: str) -> Iterator[str | ChatReply]:
        many = self._forget(named, scope)
        about = yours(named)
        yield from saying(f"Forgotten: {about} ({many})." if many else f"I remember nothing about {about}.")

    def _hot_window(self, scope: Scope) -> Sequence[Message]:
        if scope.session_id is None or not self._hot_turns:
            return []
        newest = self._store.turns(scope, last=self._hot_turns)
        return [Message(turn.role, turn.text) for turn in newest]

    def _remembering(
        self, scope: Scope, said: Message, pieces: Iterator[str | ChatReply]
    ) -> Iterator[str | ChatReply]:
        """Pass the pieces on; before the whole reply, remember the exchange."""
        for piece in pieces:
            if isinstance(piece, str):
                yield piece
                continue
            began = time.perf_counter()
            self._remember(said, self._reply(piece), scope)
            spent = (time.perf_counter() - began) * 1000
            yield replace(piece, timings={**piece.timings, "remember": spent})

    def _reply(self, reply: ChatReply) -> Message:
        """What the model says tells nothing; a question that no memory led to is kept for its answer."""
        from_memory = bool(reply.adapters or reply.memory_tokens)
        asks = not from_memory and self._reader.read(reply.text).asks
        return Message("assistant", reply.text, recalled=not asks)
