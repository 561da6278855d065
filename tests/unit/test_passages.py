"""Cutting text into passages."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memory.text.cutting import split


def count(texts: Sequence[str]) -> list[int]:
    """A token for each four characters of a word, as subword vocabularies do."""
    return [sum(len(word) // 4 + 1 for word in text.split()) for text in texts]


def bare(text: str) -> str:
    return "".join(text.split())


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 20))
def test_passages_hold_all_of_the_text_and_no_blank_one(text: str, budget: int) -> None:
    """Nothing but white space is lost, whatever the text."""
    passages = list(split(text, count, budget))
    assert bare("".join(passages)) == bare(text)
    assert all(passage.strip() for passage in passages)


def test_passages_end_where_sentences_do() -> None:
    """As many whole sentences as the budget holds."""
    text = "One is here. Two is here. Three is here. Four."
    assert list(split(text, count, 8)) == ["One is here. Two is here.", "Three is here. Four."]


@pytest.mark.parametrize(
    "second",
    [
        "She lives in Oslo.",
        "No, sorry, it was Petra.",
        "That is wrong: Petra.",
        "User: And her dog is Rex.",
    ],
)
def test_what_leans_on_a_sentence_stays_with_it(second: str) -> None:
    """By itself it would say nothing of anybody, and a correction would leave the error standing."""
    first = "My sister in law is Martha."
    assert list(split(f"{first} {second}", count, 8)) == [f"{first} {second}"]
    assert list(split(f"{first} Rex is our dog at home.", count, 8)) == [first, "Rex is our dog at home."]


def test_an_answer_stays_with_its_question() -> None:
    """Either alone is no fact."""
    text = "Assistant: At which address?\nUser: Fountain Square 71."
    assert list(split(text, count, 10)) == [text]


def test_what_leans_is_cut_off_after_two_budgets() -> None:
    """A whole text about "her" is not one passage."""
    text = "My sister is Martha. " + "She has a house. " * 9
    assert max(count(list(split(text, count, 8)))) <= 16


def test_a_paragraph_begins_a_passage_of_its_own() -> None:
    """Once a passage is half full, a blank line ends it."""
    text = "Alpha is one. Beta is two.\n\nGamma is three.\n\nDelta."
    assert list(split(text, count, 14)) == ["Alpha is one. Beta is two.", "Gamma is three.\n\nDelta."]


def test_a_long_sentence_is_cut_between_words() -> None:
    """No word is cut while it fits."""
    words = [f"word{i}" for i in range(40)]
    passages = list(split(" ".join(words), count, 10))
    assert " ".join(passages).split() == words
    assert max(count(passages)) <= 10


def test_a_word_of_100_000_characters_is_cut_anywhere() -> None:
    """Each part fits, and together they are the word."""
    word = "xy" * 50_000
    passages = list(split(word, count, 60))
    assert "".join(passages) == word
    assert max(count(passages)) <= 60


def test_a_short_text_is_one_passage_as_it_stands() -> None:
    """Inner white space is kept, the outer is not."""
    assert list(split("  My dog\n is  called Biscuit. \n", count, 60)) == ["My dog\n is  called Biscuit."]
