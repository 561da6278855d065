"""What models read of a text, however it was typed."""

from __future__ import annotations

import time

import pytest

from memory.text.normalise import characters, plain


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("My dog’s name is Biscuit.", "My dog's name is Biscuit."),
        ("“Amélie” – it’s „gut“", '"Amélie" - it\'s "gut"'),
        ("Ｍｙ ｃｏｄｅ ｉｓ ４４７１．", "My code is 4471."),
        ("my ﬁrst 𝗯𝗼𝗹𝗱 word", "my first bold word"),
        ("My\u200b dog\u00a0is gar\u00adden\ufeff", "My dog is garden"),
        ("two  spaces\tand a tab", "two spaces and a tab"),
        ("14A—by the window, 9–17", "14A - by the window, 9-17"),
        ("My dog is called Biscuit 🐶", "My dog is called Biscuit"),
        ("🎂 7 May! 🎉", "7 May!"),
        ("family 👨‍👩‍👧 day", "family day"),
        ("What is it???", "What is it?"),
        ("Comment ça va ?", "Comment ça va?"),
        ("120 m² and ½ cup", "120 m² and ½ cup"),
        ("می‌خواهم", "می‌خواهم"),
        ("e\u0301te\u0301", "été"),
    ],
)
def test_characters_that_only_look_different_are_the_same(typed: str, read: str) -> None:
    """Quotes, dashes, full width, ligatures, invisible ones, emoji; what means something else stays."""
    assert characters(typed) == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("The alarm\ncode is 4471.", "The alarm code is 4471."),
        (
            "My bank is\r\nSparkasse Ulm.\r\nMy gym is FitHaus.",
            "My bank is Sparkasse Ulm.\nMy gym is FitHaus.",
        ),
        ("hey\nmy pin is 4821\nmy cat is tom", "hey\nmy pin is 4821\nmy cat is tom"),
        ("Notes:\n- milk\n- bread", "Notes:\n- milk\n- bread"),
        ("Name: Priya\nJob: architect", "Name: Priya\nJob: architect"),
        ("One sentence.\nanother one", "One sentence.\nanother one"),
        ("first\n\nsecond", "first\n\nsecond"),
    ],
)
def test_lines_broken_within_a_sentence_are_one(typed: str, read: str) -> None:
    """A line that ends a sentence, an item or a value stays a line."""
    assert characters(typed) == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("WHAT IS MY DOG CALLED?", "What is my dog called?"),
        ("What Is My Dog Called?", "What is my dog called?"),
        ("MY GATE IS B12 AND I AM LATE", "My gate is B12 and I am late"),
        ("User: MY DOG IS CALLED REX.", "User: My dog is called rex."),
        ("NASA", "NASA"),
        ("DNS TTL", "DNS TTL"),
        ("Anna Maria Lopez", "Anna Maria Lopez"),
        ("My dog is called Biscuit.", "My dog is called Biscuit."),
        ("I live in New York.", "I live in New York."),
    ],
)
def test_capitals_that_say_nothing_are_lowered(typed: str, read: str) -> None:
    """Names, abbreviations and codes keep theirs."""
    assert plain(typed) == read


def test_reading_again_changes_nothing_and_takes_linear_time() -> None:
    """Plain text is plain; a megabyte takes a second or two, of whatever."""
    for piece in ("’", "a\n", "? ", "\n", "A ", "—", "\u200d"):
        text = piece * 10_000
        began = time.perf_counter()
        plain(text)
        assert time.perf_counter() - began < 5
    for text in ("It’s 9 – 17 ?!", "WHAT IS IT ??", "a\nb, c\nand d", "🎂 Yes"):
        assert plain(plain(text)) == plain(text)
