"""What of a text stands: adapters are made of it, and nothing else answers."""

from __future__ import annotations

import pytest

from memory.backends.reader.english import EnglishReader
from tests.tiny_memories import in_turns

READER = EnglishReader()


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        (
            "I'm not allergic to peanuts, but I am allergic to shellfish.",
            "I am allergic to shellfish.",
        ),
        ("My dog is not called Rex, it's called Biscuit.", "My dog is called Biscuit."),
        ("My brother isn't a doctor, he's a vet.", "My brother is a vet."),
        ("Please don't call me before 10am, call me after 2pm.", "Call me after 2pm."),
        ("The meeting isn't on Monday any more, it's on Wednesday.", "The meeting is on Wednesday."),
        ("We no longer meet in room 4 but in room 7.", "We meet in room 7."),
        ("I used to live in Rome, now I live in Turin.", "Now I live in Turin."),
        ("I used to live in Rome but now I live in Turin.", "Now I live in Turin."),
        ("We used to meet in room 4, and these days we meet in room 7.", "These days we meet in room 7."),
        ("I no longer work at Corvo but at Lumen.", "I work at Lumen."),
        ("The code is not 4417. The code is 4471.", "The code is 4471."),
        ("I don't have a sister, I have two brothers.", "I have two brothers."),
        ("I haven't been to Peru, only to Chile.", "I have been only to Chile."),
        ("My boss is no longer Ana but Ben.", "My boss is Ben."),
        ("Yoga moved to Wednesdays, 4.30pm, used to be Mondays.", "Yoga moved to Wednesdays, 4.30pm."),
        ("Actually I go by Mick, nobody calls me Michael", "Actually I go by Mick."),
        ("We were going to fly to Malta but that fell through, so it's Crete now.", "It's Crete now."),
        ("I want to move to Rome, but I can't, so I'm staying in Oslo.", "I'm staying in Oslo."),
        ("Tom isn't coming on Friday but on Saturday.", "Tom is coming on Saturday."),
        (
            "User: I don't eat pork. I eat fish.\nAssistant: Why not?",
            "User: I eat fish.\nAssistant: Why not?",
        ),
    ],
)
def test_only_what_is_affirmed_stands(said: str, standing: str) -> None:
    """With its subject, its speaker, and as a sentence."""
    assert READER.read(in_turns(said)).standing == standing


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("I don't live in Berlin.", "Where do I live?"),
        ("I no longer work at Nokia.", "Where do I work?"),
        ("I never said my birthday is in May.", "When is my birthday?"),
        ("I wish I lived in Tokyo.", "Where do I live?"),
        ("If I had a cat, I would call it Pixel.", "What is my cat called?"),
        ("In my novel the hero drives a Jaguar.", "What do I drive?"),
        ("We were going to move to Malta, but it fell through.", "Where do we live?"),
        ("My boss thinks I am 40.", "How old am I?"),
        ("I almost bought a Fiat.", "What car do I have?"),
        ("I used to smoke Camels.", "What do I smoke?"),
        ('My sister said, "I am vegan."', "Am I vegan?"),
        ("Maybe I'll get a parrot one day.", "What pet do I have?"),
        ("I dreamt that I owned a castle.", "What do I own?"),
        ("I was offered a job at Airbus but turned it down.", "Where do I work?"),
        ("User: My name isn't Steve.\nAssistant: Noted.", "What is my name?"),
    ],
)
def test_what_does_not_stand_answers_nothing(said: str, asked: str) -> None:
    """Denied, wished, supposed, made up, planned, thought by somebody, over, quoted."""
    assert not READER.read(in_turns(said)).answers(READER.read(asked))


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("I don't eat meat.", "What don't I eat?"),
        ("I would love to visit Romania.", "Which country would I love to visit?"),
        ("I used to smoke Camels.", "What did I use to smoke?"),
        ("In my novel the hero drives a Jaguar.", "What does the hero of my novel drive?"),
        ("I'm planning to move to Malta.", "Where am I planning to move?"),
    ],
)
def test_it_answers_who_asks_for_just_that(said: str, asked: str) -> None:
    """A turn that is put in the same way."""
    assert READER.read(in_turns(said)).answers(READER.read(asked))


@pytest.mark.parametrize(
    "said",
    [
        "The vet says our dog weighs 14 kilos now.",
        "The shop doesn't open until 9.",
        "Not only do I play chess, I win.",
        "I can't stand yoghurt.",
        "Don't forget that my PIN is 4412.",
        "Nobody in our house eats fish except my father.",
        "My birthday is in May.",
        "Instead of rice I'd like potatoes.",
        "",
    ],
)
def test_what_only_looks_like_a_denial_stands(said: str) -> None:
    """As it is."""
    assert READER.read(in_turns(said)).standing == said
