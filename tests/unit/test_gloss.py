"""Other languages word by word in English, and back."""

from __future__ import annotations

import pytest

from memory.backends.reader.answer.gloss import glossed
from memory.backends.reader.english import EnglishReader


@pytest.mark.parametrize(
    ("told", "english"),
    [
        ("Meine Schwester heißt Annika und wohnt in Graz.", "my sister is called Annika and lives in Graz."),
        ("Wie heisst meine Schwester?", "what is the name of my sister?"),
        ("Mi perro se llama Canelo.", "my dog is called Canelo."),
        ("J’habite à Rennes et je suis infirmière.", "I live in Rennes and I am nurse."),
        ("My love is in Los Angeles, mi amor.", "My love is in Los Angeles, mi amor."),
        ("Who is Die Hard's hero?", "Who is Die Hard's hero?"),
    ],
)
def test_what_is_told_of_oneself_is_said_in_english(told: str, english: str) -> None:
    """Names stay, and English is left alone."""
    assert glossed(told).text == english


@pytest.mark.parametrize("word", ["Annika", "Schwester", "seit März in Graz", "wohnt"])
def test_what_is_marked_in_english_is_said_as_it_was_told(word: str) -> None:
    """Words that became longer or shorter before it move nothing."""
    told = "Meine Schwester heißt Annika und wohnt seit März in Graz."
    english = {"Schwester": "sister", "seit März in Graz": "since March in Graz", "wohnt": "lives"}.get(
        word, word
    )
    gloss = glossed(told)
    start = gloss.text.index(english)
    first, last = gloss.span(start, start + len(english))
    assert told[first:last] == word


@pytest.mark.parametrize(
    ("asked", "answer"),
    [("我妹妹叫什么名字？", "小雨"), ("我妹妹住在哪里？", "杭州"), ("我哥哥叫什么名字？", "")],
)
def test_chinese_is_answered_with_what_a_clause_has_behind_the_question(asked: str, answer: str) -> None:
    """ "She" is who the clause before is about."""
    reader = EnglishReader()
    told = [(reader.read("我的妹妹叫小雨，她住在杭州。"), None)]
    assert reader.read(asked).value_in(told)[0] == answer
