"""What Reader promises, on every implementation, with sentences that the simplest one understands."""

from __future__ import annotations

import pytest

from memory.ports import Reader
from memory.text.passage import Passage

HAIR = "My hair colour is red."


class ReaderConformance:
    """What Reader promises, on every implementation, with sentences that the simplest one understands."""

    def test_a_question_asks_and_tells_nothing(self, reader: Reader) -> None:
        """A statement does the opposite."""
        asked, told = reader.read("What is my hair colour?"), reader.read(HAIR)
        assert (asked.asks, asked.told, asked.claims) == (True, "", False)
        assert (told.asks, told.told, told.claims) == (False, HAIR, True)

    def test_labels_of_a_conversation_are_no_words_of_it(self, reader: Reader) -> None:
        """What a passage says is the same whoever is written before it."""
        told, labelled = reader.read(HAIR), reader.read(Passage(f"User: {HAIR}", "user", 0, 0))
        assert list(labelled.questions) == list(told.questions)
        assert labelled.left_of(reader.read("My hair colour is brown.")) == ""

    def test_what_is_told_beside_a_question_is_kept(self, reader: Reader) -> None:
        """Without the question."""
        assert reader.read(f"{HAIR} What is yours?").told == HAIR

    def test_what_is_not_told_is_skipped(self, reader: Reader) -> None:
        """With the reason; a statement is not."""
        assert list(reader.read(HAIR).skipped) == []
        assert list(reader.read(f"{HAIR} What is yours?").skipped) == [("What is yours?", "question")]

    @pytest.mark.parametrize("text", ["", " ", "\n", "...", "🙂"])
    def test_a_text_without_words_says_nothing(self, reader: Reader, text: str) -> None:
        """And contradicts nothing."""
        reading = reader.read(text)
        assert (reading.asks, reading.claims, list(reading.questions)) == (False, False, [])
        assert reading.left_of(reader.read(HAIR)) is None

    def test_another_value_of_the_same_thing_leaves_nothing_of_the_older(self, reader: Reader) -> None:
        """The same value, or another thing, leaves all of it."""
        older = reader.read(HAIR)
        newer = reader.read("My hair colour is brown.")
        assert newer.contradicts(older)
        assert newer.left_of(older) == ""
        for text in (HAIR, "My shoe size is 42.", "Tea."):
            assert not reader.read(text).contradicts(older)
            assert reader.read(text).left_of(older) is None

    def test_what_else_an_older_text_says_is_left(self, reader: Reader) -> None:
        """Only the statement that no longer holds goes."""
        left = reader.read("My hair colour is brown.").left_of(reader.read(f"{HAIR} My shoe size is 42."))
        assert left == "My shoe size is 42."

    def test_a_text_gives_the_value_that_a_question_asks_for(self, reader: Reader) -> None:
        """With its place; nothing where it is not told, and never the older of two that disagree."""
        asked = reader.read("What is my hair colour?")
        hair, shoe = reader.read(HAIR), reader.read("My shoe size is 42.")
        assert asked.value_in([(shoe, None), (hair, None)]) == ("red", [1])
        assert asked.value_in([(shoe, None)])[0] == ""
        assert asked.value_in([(hair, None), (reader.read("My hair colour is brown."), None)])[0] != "red"

    def test_the_words_of_a_question_do_not_answer_it(self, reader: Reader) -> None:
        """A value of the text may."""
        asked, told = reader.read("What is my hair colour?"), reader.read(HAIR)
        assert asked.accepts("red", [(told, None)])
        assert not asked.accepts("hair colour", [(told, None)])

    def test_what_stands_is_in_the_text(self, reader: Reader) -> None:
        """A plain statement stands as it is."""
        assert reader.read(HAIR).standing == HAIR

    def test_questions_have_their_answers_in_the_text(self, reader: Reader) -> None:
        """At least one of a plain statement."""
        asked = reader.read(HAIR).questions
        assert asked
        assert all(answer in HAIR for _, answer in asked)

    def test_the_newer_stands_for_the_older_where_both_answer(self, reader: Reader) -> None:
        """And not for a turn about something else."""
        older, newer = reader.read(HAIR), reader.read("My hair colour is brown.")
        assert newer.stands_for(older, reader.read("What is my hair colour?"))
        assert not newer.stands_for(older, reader.read("Where is Porto?"))
        assert newer.rivals(older)
        assert not newer.rivals(reader.read("The train is late."))
