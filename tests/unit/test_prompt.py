"""What fits into the model's window."""

from __future__ import annotations

import pytest

from memory.errors import EmptyText, InvalidInput
from memory.fakes import EchoGenerator
from memory.read.prompt import Prompt, build
from memory.records import Message


def prompt(
    *said: Message, recalled: tuple[str, ...] = (), window: int = 100, text_tokens: int = 50
) -> Prompt:
    generator = EchoGenerator(window=window)  # counts words, and one a message
    return build(generator, said, recalled, text_tokens=text_tokens, reply_tokens=10)


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def test_all_of_it_where_it_fits() -> None:
    """The conversation as it is, and no memory tokens without recalled text."""
    said = (user("a b"), assistant("c"), user("d"))
    assert prompt(*said) == Prompt(said, 0)


def test_the_oldest_turns_go_first() -> None:
    """The message always stays; a conversation never begins with a reply."""
    said = (user("a b c d e f"), assistant("g h"), user("i j"))
    assert prompt(*said, window=20).messages == said[2:]


def test_recalled_text_is_one_system_message_and_is_counted() -> None:
    """Beside the caller's own system message, whose tokens are no memory tokens."""
    built = prompt(Message("system", "Be kind."), user("hello"), recalled=("my pin is 1", "my cat is 2"))
    assert built.messages == (Message("system", "Be kind.\nmy pin is 1\nmy cat is 2"), user("hello"))
    assert built.memory_tokens == 8


def test_recalled_text_keeps_to_its_budget() -> None:
    """What matters least goes first."""
    built = prompt(user("hello"), recalled=("my pin is 1", "my cat is 2"), text_tokens=5)
    assert built.messages[0].text == "my pin is 1"
    assert built.memory_tokens == 5


def test_turns_go_before_recalled_text() -> None:
    """Where both are too much, what was asked for by its meaning stays."""
    built = prompt(user("a b c d e f g"), assistant("h"), user("i"), recalled=("my pin is 1",), window=18)
    assert built.messages == (Message("system", "my pin is 1"), user("i"))


def test_turns_of_one_speaker_are_joined() -> None:
    """Chat templates ask for user and assistant in turn."""
    assert prompt(assistant("x"), user("a"), user("b"), assistant("c"), user("d")).messages == (
        user("a\nb"),
        assistant("c"),
        user("d"),
    )


def test_a_message_may_take_the_room_of_the_reply_but_not_more_than_the_window() -> None:
    """The error names both numbers."""
    assert prompt(user("a " * 17), window=20).messages
    with pytest.raises(InvalidInput, match="a prompt of 20 tokens, the model reads 20; shorten it"):
        prompt(user("a " * 19), window=20)


def test_there_is_something_to_answer() -> None:
    """A conversation without a user's message at its end is refused."""
    with pytest.raises(EmptyText, match="no user message to answer"):
        prompt(user("a"), assistant("b"))
    with pytest.raises(EmptyText, match="no user message to answer"):
        prompt()
