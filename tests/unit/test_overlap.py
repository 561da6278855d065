"""Shared words, weighed by how rare they are."""

from __future__ import annotations

import pytest

from hypernet.overlap import overlap, stem


def test_a_rare_word_counts_more_than_a_common_one() -> None:
    """Words that all texts have decide nearly nothing, without a list of such words."""
    texts = ["My dog is Biscuit.", "My car is red.", "My PIN is 4821."]
    shares = overlap("What is my dog called?", texts)
    assert shares[0] == 1.0
    assert shares[1] == shares[2] < 0.25


def test_words_that_no_text_has_are_left_out() -> None:
    """A question may be long; what counts is which text has more of what can be had."""
    assert overlap("Remind me, please: which bicycle?", ["a bicycle", "a lamp"]) == [1.0, 0.0]
    assert overlap("Zebra?", ["a bicycle", "a lamp"]) == [0.0, 0.0]
    assert overlap("", ["a bicycle"]) == [0.0]
    assert overlap("Zebra?", []) == []


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("What does Ana\u2019s sister drink?", "ANA, MY SISTER, DRINKS TEA"),
        ("¿Dónde vive Íñigo?", "ÍÑIGO VIVE EN BILBAO"),
        ("How many bicycles?", "one bicycle"),
    ],
)
def test_case_possessives_and_endings_make_no_difference(asked: str, told: str) -> None:
    """In any script that parts its words."""
    mine, other = overlap(asked, [told, "something else"])
    assert mine > 0.9
    assert other == 0


def test_a_stem_keeps_three_letters() -> None:
    """ "is" and "red" are words of their own."""
    assert [stem(word) for word in ("bicycles", "painted", "red", "is", "ring")] == [
        "bicycl",
        "paint",
        "red",
        "is",
        "ring",
    ]
