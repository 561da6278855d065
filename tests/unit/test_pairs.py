"""What a model that judges pairs changes in what newer statements leave of older ones."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from memory.backends.reader.english import EnglishReader
from memory.backends.reader.pairs import REPLACES, TOGETHER


@dataclass(frozen=True)
class Odds:
    """Log odds of each."""

    together: float = -9.0
    replaces: float = -9.0


@dataclass
class Scripted:
    """Gives the same odds for each older statement every time, and notes what it is asked."""

    odds: dict[str, Odds]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def judge(self, older: str, newer: str) -> Odds:
        self.asked.append((older, newer))
        return self.odds.get(older, Odds(together=9.0))


WORK = "I work at Deloitte."
QUIT = "I quit Deloitte, I'm at KPMG now."


def left(judge: Scripted | None, older: str, newer: str) -> str | None:
    reader = EnglishReader(judge=judge)
    return reader.read(newer).left_of(reader.read(older))


def test_a_change_in_free_words_takes_the_place_of_what_was_told() -> None:
    """Where the model is sure; without it, or where it is not, both are kept."""
    assert left(None, WORK, QUIT) is None
    assert left(Scripted({WORK: Odds(replaces=REPLACES + 0.1)}), WORK, QUIT) == ""
    assert left(Scripted({WORK: Odds(replaces=REPLACES - 0.1)}), WORK, QUIT) is None


def test_what_else_the_older_text_says_is_left() -> None:
    """Each sentence is judged by itself."""
    judge = Scripted({WORK: Odds(replaces=9.0)})
    assert left(judge, f"{WORK} Deloitte has a canteen.", QUIT) == "Deloitte has a canteen."


def test_rules_that_see_two_values_of_one_thing_are_overruled_where_the_model_is_sure() -> None:
    """Else they stand."""
    older, newer = "My hair colour is red.", "My hair colour is brown."
    assert left(Scripted({older: Odds(together=TOGETHER + 0.1)}), older, newer) is None
    assert left(Scripted({older: Odds(together=TOGETHER - 0.1)}), older, newer) == ""


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (WORK, "Where do I work now?"),
        (WORK, "Thanks!"),
        ("The cat is asleep.", "I play the harp."),
        (WORK, "I also work at KPMG."),
        (WORK, "I quit Deloitte. " * 200),
    ],
)
def test_what_is_no_change_is_not_judged(older: str, newer: str) -> None:
    """A question, small talk, another matter, an addition, a long text: both are kept, unasked."""
    judge = Scripted({older: Odds(replaces=9.0)})
    assert left(judge, older, newer) is None
    assert judge.asked == []


def test_a_pair_is_judged_once() -> None:
    """However often it is asked about."""
    judge = Scripted({WORK: Odds(replaces=9.0)})
    reader = EnglishReader(judge=judge)
    newer, older = reader.read(QUIT), reader.read(WORK)
    assert (newer.left_of(older), newer.left_of(older)) == ("", "")
    assert judge.asked == [(WORK, QUIT)]
