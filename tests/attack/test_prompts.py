"""What a prompt costs does not grow with the messages that it has no room for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.fakes import EchoGenerator
from memory.read.prompt import build, most_that_fit
from memory.records import Message, Role


class Counting(EchoGenerator):
    """Counts the characters that it counts the tokens of."""

    read = 0

    def count_tokens(self, messages: Sequence[Message]) -> int:
        self.read += sum(len(message.text) for message in messages)
        return super().count_tokens(messages)


@pytest.mark.parametrize("roles", [("user",), ("user", "assistant")])
def test_what_is_read_for_a_prompt_is_bounded_by_the_window(roles: tuple[Role, ...]) -> None:
    """Four thousand short messages are no more work than a thousand; none of one speaker either."""
    read = []
    for count in (1000, 4000):
        generator = Counting(window=512)
        said = [Message(roles[n % len(roles)], f"Message {n} is short.") for n in range(count)]
        build(generator, [*said, Message("user", "Hi")], [], text_tokens=256, reply_tokens=128)
        read.append(generator.read)
    assert read[1] < 1.2 * read[0]


def test_a_huge_message_is_read_a_few_times_wherever_it_stands() -> None:
    """Long before the newest ones, or among them."""
    for place in (0, 500, 990):
        said = [Message("user", f"Message {n}.") for n in range(1000)]
        said[place] = Message("user", "word " * 20_000)
        generator = Counting(window=512)
        build(generator, [*said, Message("user", "Hi")], [], text_tokens=256, reply_tokens=128)
        assert generator.read < 6 * 100_000


@given(st.lists(st.integers(0, 5000), max_size=40), st.integers(0, 40_000))
def test_as_many_as_fit_are_found(lengths: list[int], room: int) -> None:
    """The same as trying one after the other."""
    found = most_that_fit(lengths, lambda count: sum(lengths[:count]) <= room)
    slow = max(count for count in range(len(lengths) + 1) if sum(lengths[:count]) <= room)
    assert found == slow
