"""What the model reads for a turn, cut to what it can read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memory.errors import EmptyText, InvalidInput
from memory.ports import Generator
from memory.records import Message


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages ready for the chat template."""

    messages: tuple[Message, ...]
    memory_tokens: int  # of recalled text


def build(
    generator: Generator,
    said: Sequence[Message],
    recalled: Sequence[str],
    *,
    text_tokens: int,
    reply_tokens: int,
) -> Prompt:
    """The prompt of a conversation whose last message is to be answered.

    Recalled text goes into the system message, at most `text_tokens` of it. What does not fit beside a
    reply of `reply_tokens` goes in this order: the oldest messages, then the recalled text that matters
    least. The last message always stays; Raises InvalidInput when it alone is too long.
    """
    if not said or said[-1].role != "user":
        raise EmptyText("the conversation has no user message to answer")
    system = [message.text for message in said if message.role == "system"]
    turns = [message for message in said if message.role != "system"]
    texts = list(recalled)
    fits = generator.window - min(reply_tokens, generator.window // 2)
    while True:
        bare = generator.count_tokens(_compose(system, [], turns))
        messages = _compose(system, texts, turns)
        tokens = generator.count_tokens(messages) if texts else bare
        if tokens - bare > text_tokens:
            texts.pop()
        elif tokens <= fits:
            return Prompt(tuple(messages), tokens - bare)
        elif len(turns) > 1:
            turns.pop(0)
        elif texts:
            texts.pop()
        elif tokens < generator.window:
            return Prompt(tuple(messages), 0)
        else:
            raise InvalidInput(
                f"the message makes a prompt of {tokens} tokens, the model reads {generator.window}; "
                "shorten it, or add it to the memory and ask about it"
            )


def _compose(system: Sequence[str], texts: Sequence[str], turns: Sequence[Message]) -> list[Message]:
    """One system message, then user and assistant in turn, as chat templates ask for."""
    first = "\n".join([*system, *texts])
    composed = [Message("system", first)] if first else []
    for turn in turns:
        if not composed or composed[-1].role == "system":
            if turn.role == "user":
                composed.append(turn)
        elif composed[-1].role == turn.role:
            composed[-1] = Message(turn.role, f"{composed[-1].text}\n{turn.text}")
        else:
            composed.append(turn)
    return composed
