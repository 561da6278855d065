"""Where sentences end and which of them tell something."""

from __future__ import annotations

import pytest

from memory.backends.reader.asking import asks, small_talk, statements
from memory.text.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am Ana. I live here!  Do you?", ["I am Ana.", "I live here!", "Do you?"]),
        ("Dr. Poe sits in B. It is 7 p.m. on Friday.", ["Dr. Poe sits in B.", "It is 7 p.m. on Friday."]),
        ("# Notes\n\n- one\r\n- two", ["# Notes", "- one", "- two"]),
        ('He said "stop." Then he left', ['He said "stop."', "Then he left"]),
        ("今日は雨です。明日は晴れ。", ["今日は雨です。", "明日は晴れ。"]),
        ("مرحبا. كيف الحال؟", ["مرحبا.", "كيف الحال؟"]),
        ("version 2.5 costs 3.99", ["version 2.5 costs 3.99"]),
        ("  \n ", []),
        ("See Fig. 3 and p. 45. It helps.", ["See Fig. 3 and p. 45.", "It helps."]),
        ("We leave Aug. 9. My bus is no. 42.", ["We leave Aug. 9.", "My bus is no. 42."]),
        ("J. R. R. Tolkien wrote it. I read it.", ["J. R. R. Tolkien wrote it.", "I read it."]),
        ("I work at Acme Inc. in Bonn. He does at Acme Inc. We like it.",
         ["I work at Acme Inc. in Bonn.", "He does at Acme Inc.", "We like it."]),
        ("12 Elm St. The door is red. I like St. Ives.",
         ["12 Elm St.", "The door is red.", "I like St. Ives."]),
        ("i live in oslo. my son is 5. he is tall.", ["i live in oslo.", "my son is 5.", "he is tall."]),
        ("He said no. I was sad. It was me. I did it.",
         ["He said no.", "I was sad.", "It was me.", "I did it."]),
        ('It is 5" long. Rex is 6" tall. "Late?" he asked.',
         ['It is 5" long.', 'Rex is 6" tall.', '"Late?" he asked.']),
        ("Run ./start.sh. ASP.NET is old. Go to a.b.co.uk. Bye.",
         ["Run ./start.sh.", "ASP.NET is old.", "Go to a.b.co.uk.", "Bye."]),
        ("Der Termin ist am 3. Mai. Er ist 12. Ja.", ["Der Termin ist am 3. Mai.", "Er ist 12.", "Ja."]),
        ("मेरा नाम राम है। मैं दिल्ली में हूँ।", ["मेरा नाम राम है।", "मैं दिल्ली में हूँ।"]),
        ("أين تسكن؟ أسكن في عمان.", ["أين تسكن؟", "أسكن في عمان."]),
    ],
)  # fmt: skip
def test_sentences_and_lines_are_told_apart(text: str, expected: list[str]) -> None:
    """Titles, times and decimals do not end a sentence; marks of other scripts do."""
    assert sentences(text) == expected


@pytest.mark.parametrize(
    "question",
    [
        "What is my dog called?", "what's my dog called", "which seat do I have", "how many lamps has it",
        "do you know where Anna lives", "Tell me my dog's name.", "Please remind me of my PIN.",
        "is the museum open", "Wie heißt mein Hund?", "我的狗叫什么？",
    ],
)  # fmt: skip
def test_questions_and_requests_ask(question: str) -> None:
    """With or without a question mark."""
    assert asks(question)


@pytest.mark.parametrize(
    "statement",
    [
        "My dog is called Biscuit.", "Will is my brother.", "When I was five I moved to Lisbon",
        "what I like most is chess", "Remind me to buy milk on Friday", "have a meeting at 5 with Anna",
        "The question is who did it.", "May 5th is my birthday", "Friday.",
    ],
)  # fmt: skip
def test_statements_do_not_ask(statement: str) -> None:
    """A fact that begins like a question is not lost."""
    assert not asks(statement)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("My PIN is 4821. What is yours?", "My PIN is 4821."),
        ("I live in Lisbon, what is the weather there?", "I live in Lisbon."),
        ("By the way, what is my PIN?", ""),
        ("Notes:\n- milk\n- what is this?\n- bread", "Notes:\n- milk\n- bread"),
        ("I come at 7 p.m. What about you?", "I come at 7 p.m."),
    ],
)
def test_what_is_told_is_what_remains_without_questions(text: str, told: str) -> None:
    """A statement before a question in the same sentence is told too."""
    assert statements(text) == told


@pytest.mark.parametrize(("text", "is_it"), [
    ("Hello!", True), ("Thanks a lot!", True), ("Okay, I will remember that.", True), ("👍", True),
    ("My PIN is 3.", False), ("Friday.", False), ("7", False), ("Danke", False),
])  # fmt: skip
def test_small_talk_says_nothing(text: str, is_it: bool) -> None:
    """Greetings and thanks; anything unknown counts as said."""
    assert small_talk(text) is is_it
