"""A message that tells something and asks for it is answered from itself."""

from __future__ import annotations

import pytest

from memory.backends.reader.english import EnglishReader
from memory.read.finishing import Check
from memory.read.selection import Selection
from memory.read.whole_values import UNKNOWN


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        ("I am Bob. What is my name?", "Bob"),
        ("My cat is Tofu and my dog is Miso. What's my dog called?", "Miso"),
        ("My cat is Tofu. What's my dog called?", UNKNOWN),
        ("Don't remember this: my PIN is 9911. What is my PIN?", UNKNOWN),
    ],
)
def test_what_the_turn_tells_answers_it(turn: str, said: str) -> None:
    """No memory is named for it, and what is not to be kept is not said."""
    assert Check(EnglishReader(), Selection(), turn)(UNKNOWN) == (said, ())


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ("Bob, Ta", "Bob"),
        ("Your name is Bob Smithers.", "Bob"),
        ("Your name is Bob.", "Your name is Bob."),
        ("Bob! Nice to meet you.", "Bob! Nice to meet you."),
    ],
)
def test_a_name_that_nobody_told_is_not_said_beside_the_value(reply: str, said: str) -> None:
    """A whole sentence with the value in it stays."""
    assert Check(EnglishReader(), Selection(), "I am Bob. What is my name?")(reply)[0] == said
