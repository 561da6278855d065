"""The pairs of statements that `python -m benchmarks.pairs` measures with."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pairs import sets
from benchmarks.pairs.__main__ import READERS, replacing


def test_the_sets_are_large_and_their_halves_apart() -> None:
    """Each change says what is asked, and its right and wrong values are two."""
    assert len(sets.together()) >= 400
    assert len(sets.changed()) >= 300
    for read in (sets.together, sets.changed):
        dev, test = (set(read(half)) for half in sets.HALVES)
        assert dev
        assert test
        assert not dev & test
        assert dev | test == set(read())
    for one in sets.changed():
        assert one.ask
        assert one.right.casefold() != one.wrong.casefold()


def test_facts_of_one_text_are_left_out_where_there_is_no_data(tmp_path: Path) -> None:
    """And otherwise they are pairs of two statements, always the same."""
    assert sets.of_texts(data=tmp_path) == []
    if not (sets.DATA / "qa").exists():
        pytest.skip("needs ../shared/data")
    some = sets.of_texts(each=20)
    assert len(some) > 40
    assert all(one.old != one.new for one in some)
    assert some == sets.of_texts(each=20)


def test_nothing_by_hand_that_goes_together_is_superseded() -> None:
    """By the rules alone, while they see some of the changes."""
    superseded = replacing(READERS["rules"]())
    assert [one for one in sets.together() if superseded(one)] == []
    assert sum(map(superseded, sets.changed())) >= 20
