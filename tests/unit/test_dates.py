"""Words for times -> the dates that they meant when they were said."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memory import Memory
from memory.records import AdapterRef, Kind, MemoryRecord, Scope
from memory.text.dates import dated
from memory.text.passage import Passage

SAID_AT = datetime(2026, 11, 29, 12, tzinfo=UTC)  # a Sunday


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("My dentist appointment is tomorrow.", "My dentist appointment is on 30 November 2026."),
        ("Tomorrow I fly to Rome at 9.", "On 30 November 2026 I fly to Rome at 9."),
        ("Tomorrow is my exam.", "30 November 2026 is my exam."),
        ("User: Tomorrow is my exam.", "User: 30 November 2026 is my exam."),
        ("MY EXAM IS TOMORROW.", "MY EXAM IS ON 30 NOVEMBER 2026."),
        ("The deadline is the day after tomorrow.", "The deadline is on 1 December 2026."),
        ("Tomorrow's meeting is in room 4.", "The meeting on 30 November 2026 is in room 4."),
        ("I need it by tomorrow morning.", "I need it by the morning of 30 November 2026."),
        ("I saw Anna last night.", "I saw Anna on the night of 28 November 2026."),
        ("The game is tonight at 8.", "The game is on the evening of 29 November 2026 at 8."),
        ("The interview is next Monday at 10.", "The interview is on Monday, 30 November 2026 at 10."),
        ("The concert is next Friday.", "The concert is on Friday, 4 December 2026."),
        ("We met last Monday.", "We met on Monday, 23 November 2026."),
        ("We met last Sunday.", "We met on Sunday, 22 November 2026."),
        ("The visit is on Monday next week.", "The visit is on Monday, 30 November 2026."),
        ("The fair is this weekend.", "The fair is on 28 and 29 November 2026."),
        ("The fair is next weekend.", "The fair is on 5 and 6 December 2026."),
        ("My sister comes next week.", "My sister comes in the week of 30 November 2026."),
        ("School starts next month.", "School starts in December 2026."),
        ("The lease ends next year.", "The lease ends in 2027."),
        ("We move in two weeks.", "We move on 13 December 2026."),
        ("Bob said the exam is in 10 days.", "Bob said the exam is on 9 December 2026."),
        ("I moved two years ago.", "I moved in 2024."),
        ("I met Tom three months ago.", "I met Tom in August 2026."),
        ("The meeting is on the 5th.", "The meeting is on 5 December 2026."),
        ("The parcel arrived on the 20th.", "The parcel arrived on 20 November 2026."),
        ("We leave on the 31st.", "We leave on 31 December 2026."),
        ("The visit is on the 5th of next month.", "The visit is on 5 December 2026."),
        ("My birthday is tomorrow.", "My birthday is on 30 November."),
        ("my exam is tmrw at 9", "my exam is on 30 November 2026 at 9"),
        ("i leave tommorow", "i leave on 30 November 2026"),
        ("My exam is TOMORROW!!", "My exam is on 30 November 2026!!"),
        ("We fly on Saturday week.", "We fly on Saturday, 12 December 2026."),
        ("The party is a week on Friday.", "The party is on Friday, 11 December 2026."),
        ("My course ends at the end of the month.", "My course ends at the end of November 2026."),
        ("I hand in by the end of next year.", "I hand in by the end of 2027."),
        ("My exam is on Friday.", "My exam is on Friday, 4 December 2026."),
        ("My exam was on Friday.", "My exam was on Friday, 27 November 2026."),
        ("The exam was on Sunday.", "The exam was on Sunday, 22 November 2026."),
        ("the interview is wednesday at 3pm", "the interview is Wednesday, 2 December 2026 at 3pm"),
        ("The meeting moved to Thursday.", "The meeting moved to Thursday, 3 December 2026."),
        ("I'm meeting Ana on Friday night.", "I'm meeting Ana on the night of Friday, 4 December 2026."),
    ],
)
def test_a_time_is_a_date(said: str, meant: str) -> None:
    assert dated(said, SAID_AT) == meant
    assert dated(meant, datetime(2027, 3, 1, tzinfo=UTC)) == meant


@pytest.mark.parametrize(
    "said",
    [
        "I may come second. The Sun is shining on Sunday. In March I march.",
        "My favourite song is Yesterday.",
        "Bin day is Thursday. The library is closed on Monday. I have choir on Tuesday.",
        "Every flight on Friday is full.",
        "The trip is from Monday to Friday.",
        "My exam is on Friday the 13th.",
        "My exam is on Friday 4 December.",
        "The Friday meeting is long.",
        "Rent is due at the end of the month.",
        "The first Monday week of June is busy.",
        "Yesterday by the Beatles is my favourite song.",
        "The film is called tomorrow.",
        'She said "I leave tomorrow".',
        "I read USA Today.",
        "The next week was hard. My last year at school was fun.",
        "I built the shed in two days. It takes an hour, and dries in two days.",
        "My rent is due on the 1st. I get my salary on the 25th.",
        "He lives on the 5th floor, on the 2nd street, and was born on the 5th of May.",
        "My flight is tomorrow, 30 November.",
        "A three-weeks-ago problem, a day-after-tomorrow one; I paid over two weeks ago.",
    ],
)
def test_what_may_mean_something_else_stays(said: str) -> None:
    assert dated(said, SAID_AT) == said


def test_a_date_that_no_calendar_has_stays() -> None:
    first = datetime(1, 1, 2, tzinfo=UTC)
    assert dated("It was two years ago.", first) == "It was two years ago."
    assert dated("It is on the 31st of next month.", datetime(2026, 1, 5, tzinfo=UTC)) == (
        "It is on the 31st of next month."
    )


@pytest.mark.parametrize(
    ("kind", "valid_from", "read"),
    [
        ("message", None, "My exam is on 30 November 2026."),
        ("message", datetime(2026, 12, 1, 12, tzinfo=UTC), "My exam is on 2 December 2026."),
        ("document", None, "My exam is tomorrow."),
        ("document", SAID_AT, "My exam is on 30 November 2026."),
        ("skill", None, "My exam is tomorrow."),
    ],
)
def test_a_memory_is_read_with_dates_and_kept_as_it_was_told(
    kind: Kind, valid_from: datetime | None, read: str
) -> None:
    record = MemoryRecord(
        scope=Scope(user_id="ana"),
        text="My exam is tomorrow.",
        embedder="e",
        dim=1,
        adapter=AdapterRef("d", 1, 1, "b", "h"),
        kind=kind,
        created_at=SAID_AT,
        valid_from=valid_from,
    )
    assert record.text == "My exam is tomorrow."
    assert Passage.of(record).text == read


def test_the_date_is_answered_and_the_words_are_shown(memory: Memory) -> None:
    said = "My dentist appointment is tomorrow."
    [kept] = memory.add(said, user_id="ana", valid_from=datetime(2025, 11, 29, 12, tzinfo=UTC))
    assert kept.text == said
    assert memory.ask("When is my dentist appointment?", user_id="ana").text.endswith(
        "My dentist appointment is on 30 November 2025."
    )
    [recalled] = memory.recall("dentist", user_id="ana")
    assert recalled.line == "- 2025-11-29 My dentist appointment is on 30 November 2025."


def test_the_same_words_on_another_day_are_another_memory(memory: Memory) -> None:
    for day in (3, 10, 10):
        memory.add("My exam is tomorrow.", user_id="ana", valid_from=datetime(2025, 11, day, 12, tzinfo=UTC))
    assert len(memory.list(user_id="ana").records) == 2
