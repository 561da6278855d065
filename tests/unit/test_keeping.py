"""What somebody says about keeping, and what is told by asking."""

from __future__ import annotations

import pytest

from memory.backends.reader.asking import asks, small_talk, statements
from memory.backends.reader.english import EnglishReader
from memory.backends.reader.keeping import acknowledged, forgotten, withheld


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Can you remember that I'm allergic to nuts?", "I'm allergic to nuts."),
        ("Could you please note that my car is at the garage?", "My car is at the garage."),
        ("Remind me of my project deadline: it is 12 March.", "My project deadline is 12 March."),
        ("Give me a call at 555-1234, I am at home.", "Give me a call at 555-1234, I am at home."),
        ("Did I tell you that my son is called Leo? He is 4.", "My son is called Leo. He is 4."),
        ("Translate 'good day' into French, I fly to Nice on Sunday.", "I fly to Nice on Sunday."),
        ("My dog is called Biscuit, isn't he?", "My dog is called Biscuit."),
        ("Plan my trip to Japan.", ""),
        ("Summarise our conversation.", ""),
        ("Don't remember this: my PIN is 9911.", ""),
        ("Off the record, I earn 80000. I am rich.", ""),
        ("Please forget my PIN.", ""),
        ("Can you remember what my dog is called?", ""),
        ("Do you know my PIN?", ""),
        ("Could you note down that my locker is 212?", "My locker is 212."),
        ("would you please jot down that my visa ends in May", "My visa ends in May."),
        ("pls dont save this but my pin is 9911", ""),
        ("My PIN is 9911. Don't save that.", ""),
        ("My PIN is 9911, but please don't remember it", ""),
        ("No need to remember this: I ate soup.", ""),
        ("You don't need to save your work.", "You don't need to save your work."),
        ("I have a diary, but I don't keep it up.", "I have a diary, but I don't keep it up."),
        ("Plan B is to stay home.", "Plan B is to stay home."),
        ("Don't forget that the key is with Hugo.", "Don't forget that the key is with Hugo."),
        ("I don't remember my PIN, it was 4 digits.", "I don't remember my PIN, it was 4 digits."),
    ],
)
def test_what_is_told_is_kept_and_what_is_asked_is_not(said: str, told: str) -> None:
    """However it is put; a task for now tells nothing."""
    assert statements(said) == told
    assert asks(said) or bool(told) or withheld(said)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("Please forget my PIN.", "my PIN"),
        ("Delete what you know about my ex.", "my ex"),
        ("Forget everything about my old job", "my old job"),
        ("Can you erase my address?", "my address"),
        ("Forget what I said about the trip.", "the trip"),
        ("Forget the milk.", ""),
        ("forget that", ""),
        ("I always forget my keys.", ""),
        ("Forget that, my name is Sam.", ""),
    ],
)
def test_what_is_to_be_forgotten_is_named(said: str, what: str) -> None:
    """A request of nothing else; what only speaks of forgetting is none."""
    assert forgotten(said) == what


@pytest.mark.parametrize(
    ("told", "back"),
    [
        ("My dog is called Biscuit.", "Noted: your dog is called Biscuit."),
        ("I'm vegan", "Noted: you're vegan."),
        ("I was ill and we moved", "Noted: you were ill and you moved."),
        ("word " * 100, "Noted."),
        ("I want you to remember my blood type is O negative", "Noted: your blood type is O negative."),
        ("remember: bin day is thursday", "Noted: bin day is thursday."),
        ("Keep in mind that Lena is vegan.", "Noted: Lena is vegan."),
        ("FYI the alarm code changed to 8841", "Noted: the alarm code changed to 8841."),
        ("The reminder app is called Tock.", "Noted: The reminder app is called Tock."),
        ("I have a garden. I grow kale.", "Noted: you have a garden. You grow kale."),
        ("I like you.", "Noted."),
        ("Give me a call at 555-1234, I am at home.", "Noted."),
    ],
)
def test_a_statement_is_said_back_to_its_teller(told: str, back: str) -> None:
    """In the second person."""
    assert acknowledged(told) == back


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("Can you remember that I'm allergic to nuts?", False),
        ("Remind me of my deadline: it is 12 March.", False),
        ("Did I tell you that my son is called Leo?", True),
        ("Can you remember what my dog is called?", True),
    ],
)
def test_who_asks_to_keep_something_wants_no_other_answer(said: str, wanted: bool) -> None:
    """It is acknowledged as a statement is."""
    assert EnglishReader().read(said).asks is wanted


@pytest.mark.parametrize("said", ["Never mind.", "lol ok", "Forget it.", "hmm"])
def test_what_says_nothing_is_small_talk(said: str) -> None:
    """And is not kept."""
    assert small_talk(said)
