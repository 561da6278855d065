"""The value that texts give for a question, word by word; nothing where it is not plain to see."""

from __future__ import annotations

import time

import pytest

from memory.backends.reader.english import EnglishReader
from memory.text.passage import Passage

READ = EnglishReader().read


def given(asked: str, *told: str) -> str:
    """The value that these texts give together."""
    return READ(asked).value_in([(READ(text), None) for text in told])[0]


@pytest.mark.parametrize(
    ("told", "asked", "value"),
    [
        ("My wife hates jazz but loves opera.", "What does my wife love?", "opera"),
        ("The spare key hangs behind the fridge.", "Where is the spare key?", "behind the fridge"),
        ("I parked the car on level 3, row F.", "Where did I park?", "on level 3, row F"),
        ("I live in Rome with my two cats.", "Where do I live?", "Rome"),
        ("The shop opens at 9 and closes at 18:30.", "When does the shop close?", "18:30"),
        ("Choir is every Thursday at 19:00.", "When is choir?", "every Thursday at 19:00"),
        ("Choir is every Thursday at 19:00.", "What time is choir?", "19:00"),
        ("The bus leaves at nine.", "When does the bus leave?", "nine"),
        ("We fly with Aegean, flight A3 611.", "Which airline do we fly with?", "Aegean"),
        ("Staging runs on port 8443, production on 443.", "What port is production on?", "443"),
        ("Our database is PostgreSQL 16 on port 5433.", "Which port is our database on?", "5433"),
        ("Port 8443 is for staging and 443 for production.", "Which port is for staging?", "8443"),
        ("Port 8443 is for staging and 443 for production.", "Which port is for production?", "443"),
        ("I moved the dentist from Monday to Friday at 2.", "When is the dentist?", "Friday at 2"),
        ("Mr. Petrov wants the rent in cash.", "How does Mr. Petrov want the rent?", "in cash"),
        ("I go to work by bike.", "How do I get to work?", "by bike"),
        ("I take my coffee black.", "How do I take my coffee?", "black"),
        ("Our wifi is called FritzBox 7590 XY.", "What is our wifi called?", "FritzBox 7590 XY"),
        ("The kids' recital is on Tuesday.", "When is the recital?", "Tuesday"),
        ("My flight goes at ten to seven.", "When does my flight go?", "ten to seven"),
        ("The rent is due on the first.", "When is the rent due?", "the first"),
        ("Rent is €1.150,50 a month.", "How much is the rent?", "€1.150,50 a month"),
        ("I weigh 72 kg and I'm 1.78 m tall.", "How tall am I?", "1.78 m"),
        ("I have two brothers and a sister.", "How many brothers do I have?", "two"),
        ("Mix 250 g of flour and 500 ml milk.", "How much milk do I mix?", "500 ml"),
        ("Wen will order the new desks by Friday.", "Who will order the new desks?", "Wen"),
        ("The project is led by Farah.", "Who leads the project?", "Farah"),
        ("My meeting is with Lars.", "Who is my meeting with?", "Lars"),
        ("My dentist is Dr. Okafor.", "Who is my dentist?", "Dr. Okafor"),
        ("The hotel in Lisbon is called Casa do Sol.", "What is the Lisbon hotel called?", "Casa do Sol"),
        ("Hi, I'm Ruben, I just moved to Ghent.", "What is my name?", "Ruben"),
        ("Hi, I'm Ruben, I just moved to Ghent.", "Where do I live?", "Ghent"),
        ("My best friend from school is Yara.", "Who is my best friend?", "Yara"),
        ("We're flying with TAP on the 9th of May.", "Which airline are we flying with?", "TAP"),
        ("We run Python 3.12.4.", "Which Python do we run?", "3.12.4"),
        ("The server is 10.0.0.7:8080.", "What is the server?", "10.0.0.7:8080"),
        ('Our motto is "Slow, smooth, fast".', "What is our motto?", "Slow, smooth, fast"),
        ("I need to buy milk, eggs and bread.", "What do I need to buy?", "milk, eggs and bread"),
        ("You can write to me at ana+x@mail.co.uk", "What is my email address?", "ana+x@mail.co.uk"),
        ("My flatmate is called Yusuf. He plays rugby.", "What does Yusuf play?", "rugby"),
        ("I teach maths at Lindenschule", "What do I teach?", "maths"),
        ("Mein Hund heißt Bello.", "Wie heißt mein Hund?", "Bello"),
        ("Moja siostra ma na imię Kasia.", "Jak ma na imię moja siostra?", "Kasia"),
        ("我的猫叫小白。", "我的猫叫什么？", "小白"),
        ("My daughter is called दीपिका.", "What is my daughter called?", "दीपिका"),
    ],
)  # fmt: skip
def test_a_statement_gives_its_value(told: str, asked: str, value: str) -> None:
    """Whole, and without what else the sentence says."""
    assert given(asked, told) == value


@pytest.mark.parametrize(
    ("told", "asked"),
    [
        ("My meeting is with Lars.", "Where is my meeting?"),
        ("My sister is a pilot.", "What is my sister called?"),
        ("My sister's dog is called Rex.", "What is my dog called?"),
        ("The neighbours' dog is called Tyson.", "What is my dog called?"),
        ("Tom lives in Leeds.", "Where do I live?"),
        ("My ex-husband lives in Dublin.", "Where do I live?"),
        ("I was in Rome last summer.", "Where do I live?"),
        ("My key is under the mat.", "What colour is my key?"),
        ("My car insurance is Allianz.", "What is my car?"),
        ("My rent is 950 euros.", "When is my rent due?"),
        ("My flight is BA117.", "When is my flight?"),
        ("My dog is three years old.", "What is my dog called?"),
        ("I have a work phone, an iPhone.", "What is my phone number?"),
        ("I don't live in Berlin.", "Where do I live?"),
        ("Is my dog called Rex?", "What is my dog called?"),
        ("My dog is called Rex.", "Is my dog called Rex?"),
        ("I bought the red chair because it was cheap.", "Why did I buy the red chair?"),
        ("Der Hund heißt Bello.", "Wie heißt die Katze?"),
    ],
)
def test_nothing_is_given_where_it_is_not_told(told: str, asked: str) -> None:
    """Of another person, of another kind, denied, or only asked."""
    assert given(asked, told) == ""


def test_values_that_go_together_are_given_together() -> None:
    """In the order in which they were told; of two that cannot both hold the newer, of two in doubt none."""
    assert (
        given("What am I allergic to?", "I'm allergic to nuts.", "I'm allergic to latex.") == "nuts and latex"
    )
    phones = ("My phone number is 555-0100.", "My phone number is also 555-0101.")
    assert given("What is my phone number?", *phones) == "555-0100 and 555-0101"
    assert given("What is my PIN?", "My PIN is 1234.", "My PIN is 9876.") == "9876"
    meetings = ("My meeting with Bob is on Monday.", "My meeting with Ann is on Friday.")
    assert given("When is my meeting?", *meetings) == ""


@pytest.mark.parametrize(
    ("older", "newer", "asked", "value"),
    [
        ("My flight goes from gate B12.", "They changed the gate to C4.", "What gate is my flight?", "C4"),
        ("I drive a Volvo.", "I sold the Volvo and bought a Tesla.", "What do I drive?", "Tesla"),
        ("I'm flying on Thursday.", "Sorry, I meant Friday.", "When am I flying?", "Friday"),
        ("My girlfriend is Lea.", "Lea and I broke up. I'm with Nora now.", "Who is my girlfriend?", "Nora"),
    ],
)  # fmt: skip
def test_what_stands_in_the_place_of_another_gives_the_new_value(
    older: str, newer: str, asked: str, value: str
) -> None:
    """Of what only the older text names."""
    told = [(READ(older), None), (READ(newer), READ(older))]
    assert READ(asked).value_in(told) == (value, [1])


def test_a_short_answer_in_a_conversation_is_one_to_its_question() -> None:
    """The assistant's question names what it is about."""
    asked = Passage("Assistant: Are you allergic to anything?\nUser: Only latex.", None, 0, 1)
    assert READ("What am I allergic to?").value_in([(READ(asked), None)]) == ("latex", [0])
    assert READ("What do I like?").value_in([(READ(asked), None)])[0] == ""


@pytest.mark.parametrize(
    ("asked", "told", "reply", "accepted"),
    [
        ("Where is my meeting?", "My meeting is with Lars.", "Lars", False),
        ("When does the bus leave?", "The bus leaves at nine.", "nine", True),
        ("What is our dog called?", "We got a dog named Comet last spring.", "Comet last spring", False),
        ("Who is coming on Thursday?", "Igor is coming Thursday between 8 and 10.", "8 and 10", False),
        ("Who is coming on Thursday?", "Igor is coming Thursday between 8 and 10.", "Igor", True),
        ("How does Mr. Petrov want the rent?", "Mr. Petrov wants the rent in cash.", "Mr. Petrov", False),
        ("When does the bus leave?", "The bus leaves for Oslo at nine.", "Oslo", False),
        ("What is my sister called?", "My sister is a pilot.", "pilot", False),
        ("What does room 110 have?", "Room 110 has a printer.", "110", False),
        ("What does room 110 have?", "Room 110 has a printer.", "printer", True),
        ("On which days do I run?", "I run 5 km every Tuesday.", "Tuesday", True),
        ("What is my dog called?", "The neighbours' dog is called Tyson.", "Tyson", False),
        ("What car do I drive?", "My car is blue.", "blue", False),
        ("Where do I live?", "I was in Rome last summer.", "Rome", False),
        ("Where do I live?", "My flat is in Rome.", "Rome", True),
        ("Is my dog called Rex?", "My dog is called Rex.", "yes", True),
    ],
)
def test_a_reply_that_cannot_answer_is_not_accepted(
    asked: str, told: str, reply: str, accepted: bool
) -> None:
    """Of another kind or person, or the question's own words."""
    assert READ(asked).accepts(reply, [(READ(told), None)]) is accepted


def test_long_texts_take_linear_time() -> None:
    """No pattern reads a run from each of its characters."""
    began = time.process_time()
    for text in ("a " * 20_000, "1" * 20_000, "at " * 20_000, "x" * 20_000, "is, " * 10_000):
        given("Where do I live?", f"I live in Rome. {text}")
        given("When is my exam?", f"My exam is {text}.")
    assert time.process_time() - began < 20
