"""Of which time a question asks."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from memory.read.times_asked import Period, times_asked

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("What did Ana buy on 7 May 2023?", date(2023, 5, 7), date(2023, 5, 7)),
        ("What did Ana buy on May 7th, 2023?", date(2023, 5, 7), date(2023, 5, 7)),
        ("Where was I on the 3rd of Sept. 2024?", date(2024, 9, 3), date(2024, 9, 3)),
        ("what happened in february 2023", date(2023, 2, 1), date(2023, 2, 28)),
        ("What did I say on 2024-02-29?", date(2024, 2, 29), date(2024, 2, 29)),
        ("What did I buy yesterday?", date(2026, 11, 29), date(2026, 11, 29)),
    ],
)
def test_a_named_time_is_its_days(query: str, first: date, last: date) -> None:
    """A day or a month, however it is written."""
    assert times_asked(query, NOW) == [Period(first, last)]


@pytest.mark.parametrize(
    "query", ["May I march?", "Who is May?", "What is April's job?", "On 31 June 2023?", "In 2023-13-45?", ""]
)
def test_what_is_no_time_names_none(query: str) -> None:
    """Words and people with the names of months, and days that do not exist."""
    assert times_asked(query, NOW) == []


def test_without_a_year_it_is_of_every_year() -> None:
    """And what is told within a week after counts, across the year's end too."""
    (august,) = times_asked("Where was Ana in August?", NOW)
    assert [august.holds(datetime(year, 8, 20, tzinfo=UTC)) for year in (2022, 2023)] == [True, True]
    assert august.holds(datetime(2023, 9, 7, tzinfo=UTC))
    assert not august.holds(datetime(2023, 9, 8, tzinfo=UTC))
    assert not august.holds(datetime(2023, 7, 31, tzinfo=UTC))
    (eve,) = times_asked("What did we eat on 31 December?", NOW)
    assert eve.holds(datetime(2024, 1, 5, tzinfo=UTC))
    (leap,) = times_asked("What was on 29 February?", NOW)
    assert leap.holds(datetime(2023, 3, 1, tzinfo=UTC))


def test_two_times_are_both_asked_for() -> None:
    """In their order."""
    asked = times_asked("Did we meet on 1 May 2023 or 3 June 2023?", NOW)
    assert [time.first for time in asked] == [date(2023, 5, 1), date(2023, 6, 3)]
