"""Values that are of another kind than what is asked for, and times with more behind them."""

from __future__ import annotations

import pytest

from memory.backends.reader.answer.kinds import other_kind, time_alone
from memory.backends.reader.english import EnglishReader
from memory.text.passage import Passage


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What time is the check?", "Thursday"),
        ("What time is the check?", "3 December 2026"),
        ("What day is the check?", "5 pm"),
        ("Which date is the check?", "March"),
        ("What day is the check?", "in march"),
        ("Which flight is Priya on?", "Sunday"),
        ("What bus do I take?", "Mondays"),
        ("Which room is the exam in?", "4 May"),
    ],
)
def test_a_time_is_no_answer_to_another_thing(question: str, value: str) -> None:
    """Nor an hour or a month one to what day it is."""
    assert other_kind(question, value)


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("What time is the check?", "5 pm"),
        ("What day is the check?", "Thursday"),
        ("What day is the check?", "the 3rd"),
        ("When is the check?", "March"),
        ("Which month is the check?", "March"),
        ("Which flight is Priya on?", "AI 131"),
        ("Which flight is Priya on?", "the 6:40"),
        ("Which dog is hers?", "May"),
        ("Which shift do I have?", "Sunday"),
        ("Which days do I work?", "Mondays and Fridays"),
        ("Which year is my car from?", "2019"),
        ("What model is my car?", "2019"),
        ("Which band is playing?", "The Sunday Drivers"),
    ],
)
def test_what_may_be_of_the_kind_stays(question: str, value: str) -> None:
    """Also a name that is a month's, and a thing of a time."""
    assert not other_kind(question, value)


@pytest.mark.parametrize(
    ("question", "value", "said"),
    [
        ("When does he come?", "Thursday at 5 to check the boiler, rents go up", "Thursday at 5"),
        ("What time do we leave?", "7:30, bring boots", "7:30"),
        ("When does Priya land?", "6:40 at terminal 4 on Sunday, 6 December 2026", None),
        ("When is the rest due?", "by the 20th", None),
        ("When am I free?", "Monday to Friday, 9 to 5", None),
        ("When did he call?", "Monday, in the morning", None),
        ("Why is he here?", "Thursday at 5 to check the boiler", None),
    ],
)
def test_a_time_ends_where_another_clause_begins(question: str, value: str, said: str | None) -> None:
    """None: it stays as it is."""
    assert time_alone(question, value) == (said or value)


def test_the_rules_say_no_time_for_another_thing() -> None:
    """Though it stands beside all that the question names."""
    told = Passage("My sister Priya's flight is AI 131 and lands on Sunday.", first_turn=0, last_turn=0)
    reader = EnglishReader()
    value, _ = reader.read("Which flight is Priya on?").value_in([(reader.read(told), None)])
    assert "Sunday" not in value
