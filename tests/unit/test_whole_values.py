"""What is said from memory is a whole value, or none."""

from __future__ import annotations

import time

import pytest

from memory.read.finishing import _again
from memory.read.whole_values import UNKNOWN, whole
from memory.text.values import whole_number, whole_secret


@pytest.mark.parametrize(
    ("reply", "told", "said"),
    [
        ("jo", "My email address is jo.smith@example.com.", "jo.smith@example.com"),
        ("example", "Our wiki is at https://wiki.example.org/home?lang=en.", "https://wiki.example.org/home?lang=en"),
        ("settings", "The config file is settings.yaml.", "settings.yaml"),
        ("C:\\Users\\mia\\notes", "My notes are in C:\\Users\\mia\\notes.txt.", "C:\\Users\\mia\\notes.txt"),
        ("42", "My shoe size is 42.5.", "42.5"),
        ("14 August", "My passport expires on 14 August 2031.", "14 August 2031"),
        ("2019", "Our wedding was on June 21, 2019.", "June 21, 2019"),
        ("10:00", "The museum is open from 10:00 to 18:30.", "10:00 to 18:30"),
        ("Leo, Mia", "My children are Leo, Mia and Tom.", "Leo, Mia and Tom"),
        ("Siobhan", "My teacher is Siobhan O’Connor.", "Siobhan O'Connor"),
        ("Dr", "My doctor is Dr. Nguyễn Thị Hoa.", "Dr. Nguyễn Thị Hoa"),
        ("Slow", 'Our motto is "Slow is smooth, smooth is fast".', "Slow is smooth, smooth is fast"),
        ("#1", "The brand colour is #1fa8c9.", "#1fa8c9"),
        ("DE44 5001", "My IBAN is DE44 5001 0517 5407 3249 31.", "DE44 5001 0517 5407 3249 31"),
        ("Б", "My dog is called Бублик.", "Бублик"),
        ("у", "My street is called улица Ленина.", "улица Ленина"),
        ("小白", "我的猫叫小白。", "小白"),
        ("#4471", "The gate code is #4471*", "#4471*"),
        ("4471", "The gate code is *4471#.", "*4471#"),
        ("MR", "MY LANDLORD IS MR OKAFOR AND HIS NUMBER IS 020 7946 0958", "MR OKAFOR"),
        ("4 Aug", "She was born on 4 Aug. 1990. Ida sings.", "4 Aug. 1990"),
        ("07700", "Dad's new number is 07700 900123", "07700 900123"),
        ("4 cups", "The recipe needs 1/2 cup sugar and 3 1/4 cups flour.", "3 1/4 cups"),
        ("Your email is jo.", "Your email is jo@example.com, yes.", "Your email is jo@example.com"),
    ],
)  # fmt: skip
def test_a_value_that_was_cut_is_finished(reply: str, told: str, said: str) -> None:
    """From the text that it is remembered by."""
    assert whole(reply, [told]).rstrip(".") == said


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ("Biscuit", "My dog is called Biscuit and he is 4."),
        ("Biscuit.", "My dog is called Biscuit."),
        ("tea", "I like tea and hate coffee."),
        ("Monday", "On Monday I swim."),
        ("Jonas", "My partner's name is Jonas and we live in Utrecht."),
        ("Ana", "Ana and I live in Rome."),
        ("4 May", "Ida's birthday is 4 May. Ida's shoe size is 38."),
        ("8812", "The door code is **8812**."),
        ("Biscuit", "Biscuit's bowl is red."),
        ("Yes", "My dog is called Biscuit."),
        ("Paris is nice in spring.", "I live in Lyon."),
    ],
)
def test_a_whole_value_stays_as_it_is(reply: str, told: str) -> None:
    """So does what the text does not say."""
    assert whole(reply, [told]) == reply


def test_a_value_that_went_astray_is_found_again_or_refused() -> None:
    """The one that it is near to; of a mixture none; of an invented number none."""
    assert whole("10.0.0.0.0.0.", ["The server is 10.0.0.7:8080."]) == "10.0.0.7:8080"
    assert whole("Lundober", ["She joins on 1 October.", "She was at Lund."]) == UNKNOWN
    assert whole("4472", ["The code is 4471.", "The other code is 4473."]) == "4471"
    assert whole("the I don't know.", ["My dog is called Rex."]) == UNKNOWN


def test_where_a_part_is_asked_for_a_part_is_said() -> None:
    """The beginning of a range, the year of a date."""
    told = ["The shop is open from 10:00 to 18:30."]
    assert whole("10:00", told, "When does the shop open?") == "10:00"
    assert whole("2019", ["We married on June 21, 2019."], "In what year did we marry?") == "2019"


def test_the_case_of_the_text_comes_back() -> None:
    """Models read what was typed in capitals in lower case."""
    assert whole("biscuit", ["MY DOG IS CALLED Biscuit."]) == "Biscuit"


def test_it_takes_linear_time() -> None:
    """Whatever the text and the reply."""
    for text in (
        "a, " * 40_000,
        "1 " * 40_000,
        "A " * 40_000,
        '"' * 40_000,
        "12 May to " * 10_000,
        "a" * 100_000,
    ):
        for reply in ("a", "12", "A"):
            began = time.perf_counter()
            whole(reply, [text])
            assert time.perf_counter() - began < 1


@pytest.mark.parametrize("reply", ["Dr. No. No.", "Dr. No No"])
def test_what_says_a_value_and_part_of_it_again_says_it_once(reply: str) -> None:
    """The value alone is said; what adds something else to it stands."""
    assert _again(reply.casefold(), "dr. no")
    assert not _again("dr. no, since 1962", "dr. no")
    assert not _again("dr. no.", "dr. no")


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("Dad's number is 07700 900123.", "07700", "07700 900123"),
        ("It needs 3 1/4 cups flour.", "4 cups", "3 1/4 cups"),
        ("I am 41 and have 2 cats.", "41", "41"),
        ("The PIN is 4471, room 12.", "12", "12"),
        ("It weighs 12 kg.", "12 kg", "12 kg"),
        ("We have apples,12 kg.", "12", "12 kg"),
        ("I weigh 82,5 kg.", "82,5", "82,5 kg"),
        ("My dog is called Biscuit.", "Biscuit", "Biscuit"),
    ],
)
def test_part_of_a_number_is_none(text: str, value: str, said: str) -> None:
    """A value that a rule gives is the number in all its groups."""
    assert whole_number(text, value) == said


@pytest.mark.parametrize(
    ("text", "value", "whole"),
    [
        ("the wifi password is Sup3r!pass!", "Sup3r!pass", "Sup3r!pass!"),
        ("Password: Winter2024!!.", "Winter2024", "Winter2024!!"),
        ("my pw is ab#1$ at work", "ab#1", "ab#1$"),
        ("my password is swordfish!", "swordfish", "swordfish"),
        ("the gate code is 4411!", "4411", "4411"),
        ("My PIN is Winter2024!", "Winter2024", "Winter2024!"),
        ("my password is Winter2024. Nice!", "Winter2024", "Winter2024"),
        ("my passport is due in 2027!", "2027", "2027"),
    ],
)
def test_a_password_keeps_the_marks_that_it_ends_with(text: str, value: str, whole: str) -> None:
    """Where it is one, and more than a word that somebody shouts."""
    assert whole_secret(text, value) == whole
