"""Which of two passages gives way to the other, for a turn."""

from __future__ import annotations

import random

import pytest

from hypernet.world.facts import FactWorld
from hypernet.world.owners import SPEAKER
from hypernet.world.values import Values
from hypernet.world.wording import kinds
from memory.backends.reader.rivals import gives_way, read, read_with_questions, rivals, topic_of
from tests.tiny_memories import in_turns

GREEN, LILAC = "I painted my car green.", "User: Lilac is the colour of my car."


def way(turn: str, older: str, newer: str) -> bool:
    return gives_way(topic_of(turn), read(in_turns(older)), read(in_turns(newer)))


@pytest.mark.parametrize(
    ("turn", "older", "newer"),
    [
        ("What colour is my car?", GREEN, LILAC),
        ("What colour is my car?", LILAC, GREEN),
        ("Which number has my flight?", "The number of my flight is ZM834.", "I booked DY85 as my flight."),
        ("What is my sister called?", "I have a sister called Ana.", "My sister goes by the name of Eva."),
        ("Where do I live?", "I live in Lisbon.", "Assistant: Where do you live?\nUser: In Porto."),
        ("When is Ben's exam?", "Ben's exam is on 3 May.", "Ben has his exam on 5 May."),
    ],
)
def test_the_older_gives_way_where_both_answer(turn: str, older: str, newer: str) -> None:
    """However they are put, also as the answer to a question."""
    assert way(turn, older, newer)


@pytest.mark.parametrize(
    ("turn", "older", "newer"),
    [
        ("What colour is my car?", GREEN, "My sister's car is red."),
        ("What colour is my car?", GREEN, "My uncle has a red car."),
        ("What colour is my car?", GREEN, "The car in the film was red."),
        ("What is my work number?", "My work number is 12.", "My fax number is 13."),
        ("Who is my doctor?", "My doctor is called Ana.", "My dentist is called Ben."),
        ("Where do I live?", "I live in Lisbon.", "My brother lives in Porto."),
        ("What is on?", GREEN, LILAC),
        ("What colour is my car?", GREEN, "User: What colour is my car?"),
        ("What colour is my car?", GREEN, "User: Hello.\nAssistant: Lilac is the colour of your car."),
    ],
)
def test_it_stays_where_the_newer_does_not_answer(turn: str, older: str, newer: str) -> None:
    """About somebody else, about another thing, nothing of the turn, a question, said by an assistant."""
    assert not way(turn, older, newer)


def test_rivals_are_known_without_a_turn() -> None:
    """By the questions that either of them answers."""
    said = [read_with_questions(in_turns(text)) for text in (GREEN, LILAC, "My dog is called Rex.")]
    assert rivals(said[0], said[1])
    assert rivals(said[1], said[0])
    assert not rivals(said[0], said[2])


def test_how_often_it_is_right() -> None:
    """Facts with two values in phrasings drawn at random; single facts, each beside all those of a world."""
    rng, changed, seen = random.Random(3), 0, 0
    values, world = Values("heldout", rng), FactWorld("heldout", 3)
    for kind in (kind for kind in kinds() if "person" in kind.owners):
        phrases = [p for p in (*kind.says.known, *kind.says.held) if p.clause]
        told = [rng.choice(phrases).about(SPEAKER, values.draw(kind.pool), "of") + "." for _ in range(2)]
        changed += 1
        seen += way(world._narrator.question(kind, SPEAKER), *told)
    assert changed > 200
    assert seen / changed > 0.85
    pairs = wrong = 0
    for seed in range(4):
        contexts = FactWorld("heldout", seed).group(40, 1, same_kind=seed % 2 == 1).contexts
        said = [read(in_turns(context.text)) for context in contexts]
        for i, context in enumerate(contexts):
            turn = topic_of(context.qa[0].question)
            pairs += len(said) - 1
            wrong += sum(gives_way(turn, said[i], other) for j, other in enumerate(said) if j != i)
    assert pairs > 6000
    assert wrong / pairs < 0.005
