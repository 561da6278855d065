"""Compares an agent's messages with the stored turns: which to save, which to drop from the prompt."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from langchain_core.messages import BaseMessage, SystemMessage

from integrations.langchain.messages import exchanges, says, unreadable

Held = Collection[tuple[str, str]]
"""Role and text of each turn that the session has."""


def unsaved(messages: Sequence[BaseMessage], held: Held | None) -> list[BaseMessage]:
    """The last exchange, and what came before it since the last message that the session holds.

    So a turn that failed half way, or a conversation from before there was a memory, is saved with the
    next one. Where no session is kept (`held` is None) it is the last exchange alone.
    """
    said = list(exchanges(messages))
    *before, last = said or [[]]
    if held is None:
        return last
    earlier = [message for exchange in before for message in exchange]
    start = len(earlier)
    for place in range(len(earlier) - 1, -1, -1):
        line = says(earlier[place])
        if line in held:
            break
        if line is not None:
            start = place
    return [*earlier[start:], *last]


def leaving(messages: Sequence[BaseMessage], held: Held, keep: int) -> list[str]:
    """Ids of the messages that need not be in the prompt: older than `keep` exchanges, and held by memory.

    An exchange leaves as a whole, so tool calls stay with their results. One with an image, or with
    anything said that memory does not hold, stays; so do system messages.
    """
    *past, _ = list(exchanges(messages)) or [[]]
    old = past[: max(0, len(past) - keep)]
    gone = [message for exchange in old if _in_memory(exchange, held) for message in exchange]
    return [message.id for message in gone if message.id and not isinstance(message, SystemMessage)]


def _in_memory(exchange: Sequence[BaseMessage], held: Held) -> bool:
    return all(
        unreadable(message) is None and ((line := says(message)) is None or line in held)
        for message in exchange
    )
