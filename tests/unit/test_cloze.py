"""Questions cut out of what is remembered."""

from __future__ import annotations

import pytest

from memory.backends.reader.questions import MAX_QUESTIONS, questions
from tests.tiny_memories import in_turns


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("My dog is called Biscuit.", [("My dog is called?", "Biscuit")]),
        ("User: I live in New York.", [("I live in?", "New York")]),
        ("My PIN is 4821.", [("My PIN is?", "4821")]),
        ("The visit costs $561.90 for all.", [("The visit costs?", "$561.90")]),
        ("The train leaves at 9:15 am.", [("The train leaves at?", "9:15 am")]),
        ("I like green tea.", [("I like green?", "tea")]),
        ("Assistant: For which day?\nUser: Friday.", [("For which day?", "Friday")]),
        ("My dog is called Rex. I live in Porto.", [("My dog is called?", "Rex"), ("I live in?", "Porto")]),
        ("Is it Monday?", []),
        ("Yes.", []),
        ("...", []),
    ],
)
def test_a_statement_is_cut_before_its_value(text: str, asked: list[tuple[str, str]]) -> None:
    """What stands before the value asks for it; an answer is asked for by the question before it."""
    assert questions(in_turns(text)) == asked


def test_a_long_passage_is_asked_a_few_questions() -> None:
    """A page does not cost a page of questions."""
    assert (
        len(questions(in_turns("\n".join(f"Box {i} holds {i} balls." for i in range(40))))) == MAX_QUESTIONS
    )
