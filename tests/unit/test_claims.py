"""What sentences claim, and which newer ones take the place of older ones: examples, and figures on many."""

from __future__ import annotations

import gzip
import json
import random

import pytest

from hypernet.world.facts import FactWorld
from hypernet.world.owners import SPEAKER, Owners
from hypernet.world.values import Values
from hypernet.world.wording import Kind, Owner, kinds
from memory.backends.reader import claims
from memory.backends.reader.claims import standing
from memory.backends.reader.english import EnglishReader
from memory.write.supersession import first_contradiction
from tests.numerics.golden import data
from tests.tiny_memories import in_turns


def remaining(old: str, new: str) -> str | None:
    return claims.remaining(in_turns(old), in_turns(new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I live in Lisbon.", "I moved from Lisbon to Porto."),
        ("We live in Lisbon.", "Actually, I live in Porto now."),
        ("User: I live in Lisbon.\nAssistant: Noted.", "User: I no longer live in Lisbon."),
        ("My PIN is 4821.", "My PIN is 4822."),
        ("My PIN is 4821.", "By the way, I changed my PIN from 4821 to 9999."),
        ("My best friend is called Ana.", "My best friend is called Ben."),
        ("The meeting is on Monday.", "The meeting moved from Monday to Tuesday."),
        ("The deadline is Friday.", "It's not Friday, the deadline is Thursday."),
        ("My favourite colour is blue.", "My favorite color is green now."),
        ("The code for the shed is 1234.", "The code of the shed is 1235."),
        ("I have a dog called Rex.", "My dog is called Tim."),
        ("I'm 34 years old.", "I just turned 35."),
        ("I work at Corvo.", "I work for Lumen now."),
        ("The train leaves at 9:15.", "The train leaves at 10:15."),
        ("my dog is called biscuit", "my dog is called rex"),
        ("I live in Lisbon.", "I now live in Porto."),
        ("I live in Lisbon.", "I used to live in Lisbon."),
        ("The date is 4 May.", "We've changed the date to 5 May."),
        ("The meeting is on Monday.", "We have changed the meeting to Friday."),
        ("I work at Corvo.", "I no longer work at Corvo but at Lumen."),
        ("My boss is Ana.", "Ana is not my boss anymore, Ben is."),
        ("My boss is Ana.", "My boss is no longer Ana but Ben."),
        ("My boss is called Ana.", "My boss used to be Ana."),
        ("My shift is at 5 am.", "The time of my shift is 9 pm."),
        ("I have my exam on 25 January.", "November 3 is the date of my exam."),
        ("I work as a nurse.", "My job is teacher."),
        ("I am 142 cm tall.", "My height turns out to be 154 cm."),
        ("The model of my phone is Bripe Y33.", "Goufann G89 is the model of my phone."),
    ],
)
def test_a_newer_value_takes_the_place_of_an_older_one(old: str, new: str) -> None:
    """One value at a time: nothing is left of the older sentence."""
    assert remaining(old, new) == ""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("I like tea.", "I like coffee."),
        ("My friend is called Ana.", "My friend is called Ben."),
        ("My car is red.", "My car is fast."),
        ("I have a dog called Rex.", "I have a dog called Tim."),
        ("My sister's dog is called Rex.", "My brother's dog is called Tim."),
        ("The code for the shed is 1234.", "The code for the barn is 1235."),
        ("I was born in Lisbon.", "I moved from Lisbon to Porto."),
        ("My dog is called Biscuit.", "My old dog was called Rex."),
        ("My dog is called Biscuit.", "My first dog was called Rex."),
        ("My phone number is 555-1234.", "My old phone number is 555-9999."),
        ("We flew from Lisbon to Porto.", "We flew from Porto to Faro."),
        ("I live in Porto.", "I live in Porto, Portugal."),
        ("My PIN is 4821.", "My PIN is 4821."),
        ("My PIN is 4821.", "Is my PIN 4822?"),
        ("Assistant: My PIN is 4821.", "My PIN is 4822."),
        ("My PIN is 4821.", "User: Hello.\nAssistant: My PIN is 4822."),
        ("I no longer live in Lisbon.", "I live in Porto."),
        ("My password is hunter2.", "My password is weak."),
        ("My job is nurse.", "My job is stressful."),
        ("My phone is 555-1234.", "My phone is broken."),
        ("The code is 1234.", "The code is on the fridge."),
        ("The gym opens at 7.", "The gym opens at 9 on Sundays."),
        ("My alarm is at 6.", "My alarm is at 7 on weekends."),
        ("The rent is 900.", "The rent will be 1000 next year."),
        ("I live in Porto.", "I moved to the sales team."),
        ("The meeting is at 9.", "The meeting is in Room 4."),
        ("My exam is on 4 May.", "My exam is at 9."),
        ("My plan is to travel.", "My plan is to learn Greek."),
        ("My status is single.", "My status is tired."),
        ("The project started in 2010.", "The project started in 2015."),
        ("My boss is called Ana.", "My boss is German."),
        ("My bank is Corvo.", "My bank is Swiss."),
        ("My boss is Ana.", "My boss is Ben."),
        ("My friend is Ana.", "My new friend is Ben."),
        ("The tea is in garage 45.", "The tea is in box 67."),
        ("The town has a total of 50 wells.", "The town has a total of 80 shops."),
        ("I have got a dog and its name is Rex.", "Ana has got a dog and its name is Tim."),
        ("Ana called her cat Rex.", "Ana named her horse Tim."),
        ("I called the bank this morning.", "I called the insurance this afternoon."),
        ("My mother called Ben.", "My mother called Ana."),
        ("My wife's name is Carmen.", "I call my wife Mina at home."),
        ("The Rome-Oslo flight leaves at 9:40.", "The Oslo-Rome flight leaves at 10:15."),
        (
            "I can be called on 555-1234, that is my work number.",
            "I can be called on 555-9876, that is my phone number.",
        ),
    ],
)
def test_in_doubt_nothing_is_replaced(old: str, new: str) -> None:
    """Sets, other owners, the same said more exactly, questions, what an assistant says; how or where a thing
    is, values of other days, of another kind, or of other things."""
    assert remaining(old, new) is None


def test_the_rest_of_a_passage_stays() -> None:
    """With its speakers, without the part that holds no longer."""
    assert (
        remaining("My dog is called Rex and we live in Lisbon.", "We live in Porto.")
        == "My dog is called Rex."
    )
    assert (
        remaining("We live in Rome and my dog is called Rex.", "We live in Oslo.") == "My dog is called Rex."
    )
    labelled = "User: We live in Rome, and my name is Ana.\nAssistant: Noted."
    assert remaining(labelled, "We live in Oslo.") == "User: My name is Ana.\nAssistant: Noted."
    inside = "My cat is called Tom and we live in Rome and my dog is called Rex"
    assert remaining(inside, "We live in Oslo.") == "My cat is called Tom. My dog is called Rex"
    passage = "User: My dog is called Rex. I live in Lisbon.\nAssistant: Noted.\nUser: I like tea."
    assert remaining(passage, "I moved to Porto.") == passage.replace(" I live in Lisbon.", "")


def test_a_clause_with_another_fact_in_it_is_not_lost() -> None:
    """A comma may join two facts; one of them holds, and so both stay."""
    assert remaining("We live in Rome, my cat is called Tom.", "We live in Oslo.") is None
    assert remaining("We live in Rome, I work at Siemens.", "We live in Oslo.") is None
    assert remaining("We live in Rome, my favourite city.", "We live in Oslo.") == ""
    assert remaining("By the way, my PIN is 1234.", "My PIN is 9876.") == ""
    assert remaining("In case it matters, my PIN is 1234.", "To be clear, my PIN is 9876.") == ""
    assert remaining("We live in Rome, near the river.", "We live in Oslo.") == ""
    assert remaining("We live in Rome, I think.", "We live in Oslo.") == ""


def test_texts_told_together_are_cut_where_one_takes_back_another() -> None:
    """What comes after is stored in a step of its own."""
    assert first_contradiction(["My PIN is 1.", "I like tea.", "My PIN is 2."], EnglishReader()) == 2
    assert first_contradiction(["My PIN is 1.", "I like tea."], EnglishReader()) == 2


def _said(kind: Kind, owner: Owner, value: str, rng: random.Random) -> str:
    phrases = [p for p in (*kind.says.known, *kind.says.held) if owner.first or not p.only_first]
    sentence = rng.choice(phrases).about(owner, value, "of")
    return f"{sentence[0].upper()}{sentence[1:]}."


def test_how_often_it_is_right() -> None:
    """Facts with other values, phrased at random: recall; other owners, kinds and chatter: precision.

    Figures on more of them are in docs/lifecycle.md.
    """
    rng = random.Random(5)
    values = Values("heldout", rng)
    owners = Owners("heldout", rng, values)

    def owner(kind: Kind) -> Owner:
        type_ = rng.choice(kind.owners)
        return SPEAKER if type_ == "person" and rng.random() < 0.75 else owners.draw(type_)

    changed = found = 0
    for kind in kinds() * 2:
        whose, one, other = owner(kind), values.draw(kind.pool), values.draw(kind.pool)
        if one.casefold() in other.casefold() or other.casefold() in one.casefold():
            continue
        changed += 1
        found += remaining(_said(kind, whose, one, rng), _said(kind, whose, other, rng)) is not None
    assert changed > 600
    assert found / changed > 0.6
    pairs = wrong = 0
    for seed in range(4):
        group = FactWorld("heldout", seed).group(60, 1, same_kind=seed % 2 == 1)
        told = [context.text for context in group.contexts]
        for i, new in enumerate(told):
            pairs += i
            wrong += sum(remaining(old, new) is not None for old in told[:i])
    assert pairs > 7000
    assert wrong == 0


def test_what_people_say_in_a_conversation_takes_no_place() -> None:
    """In a hundred real ones nobody contradicts what was said before."""
    with gzip.open(data() / "sgd" / "dev.jsonl.gz", "rt") as file:
        lines = file.readlines()[:100]
    pairs = wrong = 0
    for line in lines:
        said = [f"User: {text}" for who, text in json.loads(line)["turns"] if who == "user"]
        pairs += len(said) * (len(said) - 1) // 2
        wrong += sum(remaining(a, b) is not None for i, b in enumerate(said) for a in said[:i])
    assert pairs > 1000
    assert wrong == 0


@pytest.mark.parametrize(
    ("told", "stands"),
    [
        ("I moved from Lisbon to Porto.", "I moved to Porto."),
        (
            "User: We are moving from Lisbon to Porto.\nAssistant: Noted.",
            "User: We are moving to Porto.\nAssistant: Noted.",
        ),
        ("The meeting was moved from Monday to Tuesday at 9.", "The meeting was moved to Tuesday at 9."),
        ("I work from Monday to Friday.", "I work from Monday to Friday."),
        ("She moved from Lisbon. I want to go to Porto.", "She moved from Lisbon. I want to go to Porto."),
    ],
)
def test_what_a_move_left_behind_is_not_in_the_adapter(told: str, stands: str) -> None:
    """Only within a clause, and nothing else of the text changes."""
    assert standing(told) == stands
