"""Which questions only what was told can answer, and which replies are made of it."""

from __future__ import annotations

import pytest

from memory.backends.reader.answer.grounds import grounded, personal


@pytest.mark.parametrize(
    "question",
    [
        "Where do I work?",
        "what's my pin",
        "When is our anniversary?",
        "How much do I earn?",
        "which gym did we join?",
        "who gave me the vase?",
        "Am I vegan?",
    ],
)
def test_what_the_teller_alone_can_know(question: str) -> None:
    """Whatever the word it begins with."""
    assert personal(question)


@pytest.mark.parametrize(
    "question",
    [
        "How do I boil an egg?",
        "Why do we dream?",
        "What should I cook tonight?",
        "How can I fix my bike?",
        "What do I do if I lose my passport?",
        "What is your opinion of my plan?",
        "How does our heart work?",
        "What is the capital of France?",
        "Where is the Eiffel Tower?",
        "Who wrote Faust?",
    ],
)
def test_what_anybody_may_know(question: str) -> None:
    """Advice, people in general, the replier's own, the world."""
    assert not personal(question)


@pytest.mark.parametrize(
    ("reply", "stands"),
    [
        ("Siemens", True),
        ("You work at Siemens in Munich.", True),
        ("You work at Google.", False),
        ("I'm a friendly AI, and I work to help you find your dream job in the city.", False),
        ("I work.", False),
        ("", False),
    ],
)
def test_a_reply_is_made_of_what_was_told(reply: str, stands: bool) -> None:
    """Of all that was told together; the question's own words add nothing."""
    assert grounded(reply, "Where do I work?", ["I'm at Siemens.", "The office is in Munich."]) is stands
