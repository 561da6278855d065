"""Whom of those that speak a question names."""

from __future__ import annotations

from memory.read.speakers_asked import asked_of
from memory.text.passage import Passage

TALK = {
    "1": Passage("Ana: I live in Bonn."),
    "2": Passage("Adam Miller: I like you, Ana."),
    "3": Passage("User: Ana: I am here.", role="user", first_turn=0, last_turn=0),
}


def test_a_speaker_is_left_out_of_the_question() -> None:
    """With its genitive, however it is written; what that speaker says is known."""
    asked = asked_of("What is ANA's city?", TALK)
    assert (asked.query, asked.named) == ("What is city?", True)
    assert asked.spoken == {"1", "3"}


def test_of_two_that_are_named_nobody_is_asked() -> None:
    """Both are left out of the question all the same."""
    asked = asked_of("Where did Ana meet Adam?", TALK)
    assert (asked.query, asked.spoken) == ("Where did meet ?", frozenset())


def test_what_is_no_speaker_stays() -> None:
    """A note's label, a name that nobody speaks under, and a question that is nothing but a name."""
    notes = {"1": Passage("Car: Volvo"), "2": Passage("Address: 5 Mill Road")}
    assert not asked_of("What is my car?", notes).named
    assert asked_of("Where is Eve?", TALK).query == "Where is Eve?"
    assert asked_of("Ana?", TALK) == asked_of("Ana?", {})


def test_a_name_never_heard_is_a_speakers_where_it_speaks_often() -> None:
    """And not where it labels notes, however many they are."""
    said = ("I moved.", "How are you?", "I sing.", "Rain again.", "My car broke.")
    talk = {str(i): Passage(f"Zorvan: {text}") for i, text in enumerate(said)}
    asked = asked_of("Where did Zorvan move?", talk)
    assert (asked.query, asked.spoken) == ("Where did move?", frozenset(talk))
    assert not asked_of("Where did Zorvan move?", dict([*talk.items()][:3])).named
    notes = {str(i): Passage(f"Recipe: {i} eggs and flour.") for i in range(9)}
    assert not asked_of("What is the recipe?", notes).named
