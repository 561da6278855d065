"""Lists as answers, and what was told said back."""

from __future__ import annotations

import pytest

from memory.backends.reader.answer.lists import as_asked, several, too_many
from memory.backends.reader.answer.said_back import asked_back, told_about
from memory.backends.reader.english import EnglishReader


@pytest.mark.parametrize(
    ("question", "text", "marked", "whole"),
    [
        (
            "What's on my shopping list?",
            "Shopping: oat milk, 6 eggs, rice",
            "oat milk",
            "oat milk, 6 eggs, rice",
        ),
        (
            "What's on my shopping list?",
            "Shopping: oat milk, 6 eggs, rice",
            "6 eggs",
            "oat milk, 6 eggs, rice",
        ),
        ("Which pets do I have?", "I have a cat, a dog and two hens.", "a cat", "a cat, a dog and two hens"),
        ("Which pets do I have?", "I have a cat, he is old.", "a cat", "a cat"),
        ("What did I buy?", "I bought a cat, a dog and two hens.", "a cat", "a cat"),
        (
            "Which of my guitars was my uncle's?",
            "A Tele, a Gretsch and a Yamaha that was my uncle's.",
            "A Tele, a Gretsch and a Yamaha",
            "a Yamaha",
        ),
        (
            "Which pill is for bedtime?",
            "a white one at six, a pink one at bedtime",
            "a white one at six, a pink one",
            "a pink one",
        ),
        ("Who lives in Rome?", "Ann, Bea live in Rome.", "Ann, Bea", "Ann, Bea"),
        ("Who owns QA?", "Notes: budget 45k, Lena owns QA", "Lena", "Lena"),
    ],
)
def test_lists_come_as_they_are_asked_for(question: str, text: str, marked: str, whole: str) -> None:
    """All of a list to who asks for several things, one of it to who asks for one."""
    start = text.index(marked)
    first, last = as_asked(question, text, start, start + len(marked))
    assert text[first:last] == whole


def test_one_number_is_asked_for_or_several() -> None:
    """An age of one child is not the list of all of them."""
    assert too_many("How old is Lev?", "9, 6 and 2")
    assert not too_many("How old are my kids?", "9, 6 and 2")
    assert not too_many("How old is Lev?", "6 and a half")
    assert several("What are my kids called?")
    assert not several("Which bus do I take?")


@pytest.mark.parametrize(
    ("question", "what"),
    [
        ("What do you know about me?", "me"),
        ("what did I say about the in-laws?", "the in-laws"),
        ("And what have I told you about my trip so far?", "my trip"),
        ("What did you say about the trip?", ""),
        ("What do you think about me?", ""),
        ("What did I say?", ""),
    ],
)
def test_what_was_told_about_a_thing_is_asked_for(question: str, what: str) -> None:
    """Of the teller's own words alone."""
    assert asked_back(question) == what


def test_what_was_told_is_said_back_in_its_own_words() -> None:
    """Sentences about the thing, in order, once each; nothing where nothing was told of it."""
    reader = EnglishReader()
    told = [
        (reader.read(text), None)
        for text in ("My boat is blue. I like tea.", "The boat leaks.", "I like tea.")
    ]
    assert reader.read("What did I say about the boat?").value_in(told) == (
        "You told me: “My boat is blue.” “The boat leaks.”",
        [0, 1],
    )
    assert reader.read("What did I say about the car?").value_in(told) == ("", [])
    assert told_about("me", ["I like tea.", "I like tea."]) == ("You told me: “I like tea.”", [0])
