"""The chat use case: answer from memory, then remember what the user said.

newest turns of the session, the message -> answer -> what of both is news -> the writing side

A statement is acknowledged, also where the model has nothing to say to it. What the user does not want to
be kept is answered and not kept; what is to be forgotten is erased, and the message is not kept either.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from memory.ports import MemoryStore, Reader
from memory.read.answering import Answerer
from memory.read.options import Filters, Mode, Sampling
from memory.records import ChatReply, Message, Scope

if TYPE_CHECKING:
    from PIL.Image import Image

Remember = Callable[[Message, Message, Scope], object]
"""Keeps a user's message and the reply as turns of their session, and remembers what they tell."""


Forget = Callable[[str, Scope], int]
"""Erases the memories of a scope that are about what is named; returns how many these were."""

_SHORT = 60  # characters of a reply that may be no reply to a statement
_FEW = 4  # words of one that only names what is remembered
# A reply to a statement that is none, of a base that was not trained to acknowledge.
_REFUSAL = re.compile(
    r"i don't know|(?:i'm|i am) (?:sorry(?! to hear| about| for your)|an? )|i apologi[sz]e|as an ai\b",
    re.IGNORECASE,
)
_NOT_KEPT = "I will not remember that."


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
        if reading.withheld and not reading.asks:
            return _saying(_NOT_KEPT)
        conversation = [*(self._hot_window(scope) if before is None else before), said]
        pieces = self._answerer.stream(scope, conversation, mode, None, sampling, as_of, filters, image)
        if reading.withheld:
            return pieces
        if reading.told and not (reading.asks or reading.small_talk):
            pieces = self._acknowledging(pieces, reading.acknowledgement)
        return self._remembering(scope, said, pieces)

    def _forgetting(self, scope: Scope, named: str) -> Iterator[str | ChatReply]:
        many = self._forget(named, scope)
        about = re.sub(r"^(?:my|our)\b", "your", named, flags=re.IGNORECASE)
        yield from _saying(f"Forgotten: {about} ({many})." if many else f"I remember nothing about {about}.")

    def _acknowledging(
        self, pieces: Iterator[str | ChatReply], acknowledgement: str
    ) -> Iterator[str | ChatReply]:
        """The pieces of a reply to a statement, or the acknowledgement where it is none."""
        held, holding = "", True
        for piece in pieces:
            if isinstance(piece, ChatReply):
                said = self._acknowledged(piece, acknowledgement) if holding else piece.text
                if holding and said:
                    yield said
                yield replace(piece, text=said)
            elif not holding:
                yield piece
            else:
                held += piece
                if len(held) > _SHORT and not _refuses(held):
                    holding = False
                    yield held

    def _acknowledged(self, reply: ChatReply, acknowledgement: str) -> str:
        """The reply, unless it refuses, or only names something remembered."""
        said = self._reader.read(reply.text)
        few = bool(reply.adapters) and len(reply.text.split()) <= _FEW and not (said.small_talk or said.asks)
        return acknowledgement if few or _refuses(reply.text) or not reply.text else reply.text

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


def _saying(text: str) -> Iterator[str | ChatReply]:
    """A reply that no model wrote."""
    yield text
    yield ChatReply(text, adapters=(), prompt_tokens=0, memory_tokens=0, completion_tokens=0)


def _refuses(reply: str) -> bool:
    return _REFUSAL.match(reply.lstrip().replace("’", "'")) is not None
