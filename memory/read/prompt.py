"""Builds the prompt of a turn, truncated to the model's window."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, dropwhile, groupby

from memory.errors import EmptyText, InvalidInput
from memory.ports import Generator
from memory.records import Message

_AT_FIRST = 2000  # characters


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
    fits = generator.window - min(reply_tokens, generator.window // 2)

    def tokens(texts: Sequence[str], newest: int) -> int:
        return generator.count_tokens(_compose(system, texts, turns[len(turns) - newest :]))

    texts = recalled[: _within(generator, recalled, text_tokens)]
    lengths = [len(turn.text) for turn in reversed(turns)]
    newest = max(1, most_that_fit(lengths, lambda count: tokens(texts, count) <= fits))
    if newest == 1:
        texts = texts[: most_that_fit([*map(len, texts)], lambda count: tokens(texts[:count], 1) <= fits)]
    bare = tokens([], newest)
    if bare >= generator.window and not texts:
        raise InvalidInput(
            f"the message makes a prompt of {bare} tokens, the model reads {generator.window}; "
            "shorten it, or add it to the memory and ask about it"
        )
    messages = _compose(system, texts, turns[len(turns) - newest :])
    return Prompt(tuple(messages), generator.count_tokens(messages) - bare if texts else 0)


def most_that_fit(lengths: Sequence[int], fit: Callable[[int], bool]) -> int:
    """How many items fit, from the first on, where fewer than those that do always do.

    `lengths` are their characters. What is tried doubles until it does not fit, and what is open is then
    halved, so that all that is looked at is a small multiple of what fits and of the first that does not.
    """
    ends = [*accumulate(length + 1 for length in lengths)]
    low, high = 0, len(ends) + 1  # so many fit, and so many do not
    while high - low > 1:
        begin = ends[low - 1] if low else 0
        goal = 2 * begin + _AT_FIRST if high > len(ends) else (begin + ends[high - 1]) // 2
        middle = min(high - 1, max(low + 1, bisect_right(ends, goal)))
        low, high = (middle, high) if fit(middle) else (low, middle)
    return low


def _within(generator: Generator, texts: Sequence[str], budget: int) -> int:
    """How many of the texts are within a budget of tokens."""
    turn = Message("user", "a")
    bare = generator.count_tokens([turn])

    def fit(count: int) -> bool:
        return generator.count_tokens([Message("system", "\n".join(texts[:count])), turn]) - bare <= budget

    return most_that_fit([*map(len, texts)], fit)


def _compose(system: Sequence[str], texts: Sequence[str], turns: Sequence[Message]) -> list[Message]:
    """One system message, then user and assistant in turn, as chat templates ask for."""
    first = "\n".join([*system, *texts])
    spoken = dropwhile(lambda turn: turn.role != "user", turns)
    said = [
        Message(role, "\n".join(turn.text for turn in group))
        for role, group in groupby(spoken, key=lambda turn: turn.role)
    ]
    return [Message("system", first), *said] if first else said
