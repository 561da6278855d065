"""How many of something there are, where they are only named; and values that are shared out."""

from __future__ import annotations

import pytest

from memory.backends.reader.answer.counted import counted
from memory.backends.reader.answer.lists import as_asked
from memory.backends.reader.answer.yes_no import of_another


@pytest.mark.parametrize(
    ("asked", "text", "many"),
    [
        ("How many siblings do I have?", "My siblings are Matt, Claire and Fiona", "three"),
        ("how many cats do we have", "Our two cats, Pixel and Nori, sleep all day", "two"),
        ("How many kids do I have?", "I have kids: Tom (11), Bea (8) and little Arlo", "three"),
        ("How many dogs do I have?", "My dog Rex is ill", ""),
        ("How many siblings do I have?", "Her siblings are Matt and Claire", ""),
        ("How many brothers do I have?", "My sisters are Ana and Eva", ""),
        ("How many siblings does Ana have?", "My siblings are Matt and Claire", ""),
        ("Who are my siblings?", "My siblings are Matt and Claire", ""),
    ],
)
def test_the_named_are_counted(asked: str, text: str, many: str) -> None:
    """The teller's own, of the kind that is asked for; one is no list."""
    assert counted(asked, ["I like tea.", text]) == ((many, [1]) if many else ("", ()))


def test_lists_of_two_texts_are_not_put_together() -> None:
    """They may name the same ones, or other ones."""
    texts = ["My cats are Pixel and Nori", "My cats are Pixel, Nori and Kit"]
    assert counted("How many cats do I have?", texts) == ("", ())
    assert counted("How many cats do I have?", texts[:1]) == ("two", [0])


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("What is the PIN of my credit card?", "2216"),
        ("debit card pin?", "5590"),
        ("what is my pin?", "5590 for the debit and 2216"),
        ("PINs of debit and credit card?", "5590 for the debit and 2216"),
    ],
)
def test_of_values_that_are_shared_out_the_named_one_answers(asked: str, given: str) -> None:
    """Whatever the model marks of them; where one alone is named."""
    text = "forgot again, it's 5590 for the debit and 2216 for credit."
    start = text.index("5590")
    first, last = as_asked(asked, text, start, text.index(" for credit"))
    assert text[first:last] == given


@pytest.mark.parametrize(
    ("asked", "told", "another"),
    [
        ("Do I have rabbits?", "I'm feeding their rabbits", True),
        ("do we have a dog", "walked Ben's old dog", True),
        ("Do I have rabbits?", "my rabbits met their rabbits", False),
        ("Do I have rabbits?", "two rabbits and a cat", False),
        ("Do they have rabbits?", "I'm feeding their rabbits", False),
        ("Do I have rabbits?", "nothing", False),
    ],
)
def test_what_is_anothers_is_not_mine(asked: str, told: str, another: bool) -> None:
    """Only where it is never told as anybody else's than another's."""
    assert of_another(asked, [told]) is another
