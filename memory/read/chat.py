"""A chat: answered from memory, and remembered after the answer.

newest turns of the session, the message -> answer -> what of both is news -> the writing side
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from memory.ports import MemoryStore, Reader
from memory.read.answering import Answerer, Mode, Sampling
from memory.read.selection import Filters
from memory.records import ChatReply, Message, Scope

Remember = Callable[[Message, Message, Scope], object]
"""Keeps a user's message and the reply as turns of their session, and remembers what they tell."""


class Chat:
    """Answers the messages of a conversation that is remembered."""

    def __init__(
        self, store: MemoryStore, answerer: Answerer, reader: Reader, remember: Remember, hot_turns: int
    ) -> None:
        """`hot_turns`: how many of a session's newest turns stand in the prompt."""
        self._store = store
        self._answerer = answerer
        self._reader = reader
        self._remember = remember
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
    ) -> Iterator[str | ChatReply]:
        """The reply in pieces of text, and then as a whole; stored only when it is read to the end.

        `before` stands in place of the session's newest turns, where it is given.
        """
        conversation = [*(self._hot_window(scope) if before is None else before), said]
        pieces = self._answerer.stream(scope, conversation, mode, None, sampling, as_of, filters)
        return self._remembering(scope, said, pieces)

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
