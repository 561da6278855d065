"""What a reading model decides beside the rules, with a model that marks what it is told to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from memory.backends.model.reading import Found
from memory.backends.reader.answer.spans import AGREED, SURE
from memory.backends.reader.english import EnglishReader
from memory.ports import Told
from memory.text.passage import Passage

ASKED = "which plate is mine?"
UPSTAIRS = "the tenants upstairs are the kowalskis."


class Marks:
    """Marks these words, with this margin, wherever they stand first; notes what it was given."""

    def __init__(self, words: str, margin: float = SURE + 1) -> None:
        self.words = words
        self.margin = margin
        self.given: list[tuple[str, list[str], list[float]]] = []

    def find(self, question: str, texts: Sequence[str], doubts: Sequence[float] = ()) -> Found | None:
        self.given.append((question, list(texts), list(doubts)))
        for place, text in enumerate(texts):
            at = text.find(self.words)
            if at >= 0:
                return Found(place, at, at + len(self.words), self.margin - (doubts[place] if doubts else 0))
        return None


def told(reader: EnglishReader, *texts: str) -> list[Told]:
    return [(reader.read(text), None) for text in texts]


def test_what_the_rules_do_not_find_the_model_gives() -> None:
    """With the place of the text; not where it is unsure."""
    for margin, given in ((SURE + 0.1, ("kowalskis", [1])), (SURE, ("", ()))):
        reader = EnglishReader(Marks("kowalskis", margin))
        texts = told(reader, "my rent is due.", UPSTAIRS)
        assert reader.read("who lives above me?").value_in(texts) == given


def test_where_the_rules_find_a_value_the_model_is_not_asked() -> None:
    """They are right where they speak, and cost a millisecond."""
    marks = Marks("Rex")
    reader = EnglishReader(marks)
    assert reader.read("What is my dog called?").value_in(told(reader, "My dog is called Rex."))[0] == "Rex"
    assert marks.given == []


@pytest.mark.parametrize(
    ("reply", "margin", "stands"),
    [
        ("Kowalskis", AGREED + 0.1, True),
        ("the Kowalskis", AGREED + 0.1, True),
        ("Kowalskis", AGREED, False),
        ("tenants", SURE + 1, False),
        ("Nobody I know of.", -9.0, True),
    ],
)
def test_a_reply_from_the_texts_stands_where_the_model_agrees(
    reply: str, margin: float, stands: bool
) -> None:
    """What is in no text is the base model's own, and no value of anybody's."""
    reader = EnglishReader(Marks("kowalskis", margin))
    assert reader.read("who lives above me?").accepts(reply, told(reader, UPSTAIRS)) is stands


def test_the_model_reads_once_a_turn() -> None:
    """For the value and for the reply."""
    marks = Marks("kowalskis", AGREED + 0.1)
    reader = EnglishReader(marks)
    turn, texts = reader.read("who lives above me?"), told(reader, UPSTAIRS)
    turn.value_in(texts)
    turn.accepts("kowalskis", texts)
    assert len(marks.given) == 1


@pytest.mark.parametrize("asked", ["Do I have neighbours?", "thanks, good night", "I live in Rome.", ""])
def test_what_no_words_of_a_text_answer_is_not_asked(asked: str) -> None:
    """Yes or no, small talk, statements, nothing."""
    marks = Marks("kowalskis")
    reader = EnglishReader(marks)
    assert reader.read(asked).value_in(told(reader, UPSTAIRS)) == ("", ())
    assert marks.given == []


def test_what_does_not_stand_never_answers_and_the_assistant_less_surely() -> None:
    """What is denied is read beside the rest; what the assistant says needs more."""
    marks = Marks("AB-1")
    reader = EnglishReader(marks)
    denied = "my plate is not AB-1."
    by_assistant = reader.read(Passage("Assistant: the plate is AB-1.", "assistant", 0, 0))
    assert reader.read(ASKED).value_in([*told(reader, denied), (by_assistant, None)]) == ("", ())
    [(_, texts, doubts)] = marks.given
    assert texts == [denied, "the plate is AB-1."]
    assert doubts[0] == float("inf")
    assert 0 < doubts[1] < SURE


def test_of_many_texts_the_nearest_are_read_as_they_were_told() -> None:
    """As many as the window holds, in the order of telling; the place is that among all."""
    marks = Marks("plate 7")
    reader = EnglishReader(marks)
    texts = told(reader, *(f"the {'very ' * 40}odd car of street {n} has plate {n}." for n in range(40)))
    nearest = [7, 3, 30, *range(8, 30)]
    assert reader.read(ASKED).value_in(texts, nearest)[1] == [7]
    [(_, read, _)] = marks.given
    assert len(read) < 12
    assert [text.split(" has ")[0][-8:].split()[-1] for text in read][:2] == ["3", "7"]


def test_a_value_is_whole_and_a_list_ends_where_the_model_ends_it() -> None:
    """Units and months belong to a value; the next clause does not."""
    for words, text, whole in (
        ("32", "it came with 32 GB and a bag.", "32 GB"),
        ("14", "we move in on 14 March, and then we paint.", "14 March"),
        ("52", "her ring is a 52, mine 61.", "52"),
    ):
        reader = EnglishReader(Marks(words))
        assert reader.read("what was it again?").value_in(told(reader, text))[0] == whole
