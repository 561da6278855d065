"""A reply to a statement: the model's, or an acknowledgement where the model has nothing to say to it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from memory.ports import Reader, Reading
from memory.records import ChatReply

_SHORT = 60  # characters of a reply that may be no reply to a statement
_FEW = 4  # words of one that only names what is remembered
# A reply to a statement that is none, of a base that was not trained to acknowledge.
_REFUSAL = re.compile(
    r"i don't know|(?:i'm|i am) (?:sorry(?! to hear| about| for your)|an? )|i apologi[sz]e|as an ai\b",
    re.IGNORECASE,
)
_RETURNED = (
    (re.compile(r"\b(?:thanks|thank|thx|ty|cheers)\b", re.IGNORECASE), "You're welcome."),
    (re.compile(r"\b(?:hi|hello|hey|morning|evening)\b", re.IGNORECASE), "Hello!"),
    (re.compile(""), "All right."),
)
NOT_KEPT = "I will not remember that."
_MINE = re.compile(r"^(?:my|our)\b", re.IGNORECASE)


def acknowledging(
    answering: Callable[[], Iterator[str | ChatReply]], said: Reading, reader: Reader
) -> Iterator[str | ChatReply]:
    """The pieces of the reply that `answering` begins, to what a user said, who is told what becomes of it.

    What is to be forgotten or not to be kept, and asks nothing, is answered without the model; a question is
    answered by it.
    """
    if said.forgets:
        return saying(f"I will forget {yours(said.forgets)}.")
    if said.withheld and not said.asks:
        return saying(NOT_KEPT)
    if said.small_talk and not said.asks and said.text.strip():
        return _acknowledging(answering(), _returned(said.text), reader)
    if said.withheld or said.asks or not said.told:
        return answering()
    return _acknowledging(answering(), said.acknowledgement, reader)


def _returned(small_talk: str) -> str:
    """What is said to small talk that the model has nothing to say to."""
    return next(said for pattern, said in _RETURNED if pattern.search(small_talk))


def yours(named: str) -> str:
    """What a user calls his own, said to him: "your PIN"."""
    return _MINE.sub("your", named)


def saying(text: str) -> Iterator[str | ChatReply]:
    """A reply that no model wrote."""
    yield text
    yield ChatReply(text, adapters=(), prompt_tokens=0, memory_tokens=0, completion_tokens=0)


def _acknowledging(
    pieces: Iterator[str | ChatReply], acknowledgement: str, reader: Reader
) -> Iterator[str | ChatReply]:
    held, holding = "", True
    for piece in pieces:
        if isinstance(piece, ChatReply):
            text = _reply(piece, acknowledgement, reader) if holding else piece.text
            if holding and text:
                yield text
            yield replace(piece, text=text)
        elif not holding:
            yield piece
        else:
            held += piece
            if len(held) > _SHORT and not _refuses(held):
                holding = False
                yield held


def _reply(reply: ChatReply, acknowledgement: str, reader: Reader) -> str:
    """The reply, unless it refuses, or only names something remembered."""
    read = reader.read(reply.text)
    few = bool(reply.adapters) and len(reply.text.split()) <= _FEW and not (read.small_talk or read.asks)
    return acknowledgement if few or _refuses(reply.text) or not reply.text else reply.text


def _refuses(reply: str) -> bool:
    return _REFUSAL.match(reply.lstrip().replace("’", "'")) is not None
