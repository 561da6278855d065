"""The words by which texts are found."""

from __future__ import annotations

import pytest

from memory.text.search_words import ROWS_READ, ranked, search_words, telling


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("User: My dog's bowls", ["my", "dog", "bowl"]),
        ("AB-1234", ["ab", "1234", "ab1234"]),
        ("well-known", ["well", "known"]),
        ("v2.10.3", ["v2", "10", "3", "v2103"]),
        ("snake_case", ["snak", "cas"]),
        ("Zoë's café", ["zoe", "caf"]),
        ("小饼干", ["小饼", "饼干"]),
        ("猫", ["猫"]),
        ("कुत्ते", ["कुत्ते"]),
        ("tea tea Tea", ["tea"]),
        ("… — !", []),
        ("", []),
    ],
)
def test_a_text_is_cut_into_its_words(text: str, words: list[str]) -> None:
    """Each once, in their order."""
    assert search_words(text) == words


def test_a_composed_and_a_decomposed_accent_are_the_same() -> None:
    """As keyboards and file systems write them."""
    assert search_words("Zo\u00eb") == search_words("Zoe\u0308")


def test_a_word_longer_than_any_is_cut() -> None:
    """An index takes no word of a megabyte."""
    assert [len(word) for word in search_words("x" * 5000)] == [64]


def test_the_rarest_words_tell_and_those_of_very_many_do_not() -> None:
    """The rarest one always does."""
    assert telling({"zephyr": 1, "likes": ROWS_READ, "unknown": 0}) == ["zephyr"]
    assert telling({"likes": 10 * ROWS_READ}) == ["likes"]
    assert telling({"b": 2, "a": 2}) == ["a", "b"]
    assert telling({}) == []


def test_what_has_more_of_the_rare_words_ranks_higher() -> None:
    """And of equals the newer, whose id is greater."""
    found = {"jazz": ["1", "2", "3"], "lou": ["1"]}
    assert [*ranked(found, 10, {"jazz": 3, "lou": 1})] == ["1", "3", "2"]
