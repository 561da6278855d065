"""What stands beside what is asked for in the same breath."""

from __future__ import annotations

import pytest

from memory.backends.reader.answer.aside import aside, only_aside


@pytest.mark.parametrize(
    ("asked", "text", "not_said"),
    [
        ("What am I on?", "I take ramipril. They took me off amlodipine because of the ankles", "amlodipine"),
        ("which statin do i take", "im off simvastatin, its atorvastatin now", "simvastatin"),
        ("Where was I born?", "I was born in Cluj but grew up in Turin from the age of 4", "Turin"),
        ("Where do I work?", "I live in Leeds and work in York", "Leeds"),
        ("What did they pay?", "They offered £60, I said 100, we settled on 80.", "£60"),
        ("What was my time this year?", "Did it in 4:22!!! last year took me 4:51", "4:51"),
    ],
)
def test_of_something_else(asked: str, text: str, not_said: str) -> None:
    """What ended, another part of life, what was only offered, the year before's."""
    assert only_aside(asked, text, not_said)


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("What did they take me off?", "I take ramipril. They took me off amlodipine"),
        ("Where am I off to?", "I'm off to Crete, then home"),
        ("Where did I grow up?", "I was raised in Turin and live in Rome, not where I grew up"),
        ("Where do I live?", "I work from home in Leeds"),
        ("What did they offer first?", "They offered £60, we settled on 80"),
        ("How much did they offer?", "They offered £60, I said 100"),
        ("What was my time last year?", "4:22 this year, last year took me 4:51"),
    ],
)
def test_who_asks_for_it_gets_it(asked: str, text: str) -> None:
    """Nothing is aside that the question itself is about, or that stands alone."""
    told = {text[first:last] for first, last in aside(asked, text)}
    assert not told & {"They took me off amlodipine", "I'm off to Crete", "They offered £60"}
    assert not any("4:51" in one or "Leeds" in one for one in told)


def test_a_value_that_is_told_again_elsewhere_stands() -> None:
    """Only what no other clause has is something else's."""
    text = "I was born in Rome and grew up in Rome"
    assert not only_aside("Where was I born?", text, "Rome")
    assert not only_aside("Where was I born?", text, "Oslo")
