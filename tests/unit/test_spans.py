"""What a reading model decides beside the rules, with a model that marks what it is told to."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from memory.backends.model.reading import Decided, Found
from memory.backends.reader.answer.spans import AGREED, MORE, NOTHING, OVERRULES, REPORTED, SURE, ReadOut
from memory.backends.reader.answer.yes_no import NO, NO_TURNED, YES, YES_TURNED
from memory.backends.reader.english import EnglishReader
from memory.ports import Told
from memory.text.passage import Passage

ASKED = "which plate is mine?"
UPSTAIRS = "the tenants upstairs are the kowalskis."


class Marks:
    """Marks these words, with this margin, wherever they stand first; notes what it was given."""

    def __init__(self, words: str, margin: float = SURE + 1, *, yes: bool = True) -> None:
        self.words = words
        self.margin = margin
        self.yes = yes
        self.given: list[tuple[str, list[str], list[float]]] = []
        self.decided: list[tuple[str, list[str]]] = []

    def find(self, question: str, texts: Sequence[str], doubts: Sequence[float] = ()) -> Found | None:
        self.given.append((question, list(texts), list(doubts)))
        for place, text in enumerate(texts):
            at = text.find(self.words)
            if at >= 0:
                return Found(place, at, at + len(self.words), self.margin - (doubts[place] if doubts else 0))
        return None

    def decide(self, question: str, texts: Sequence[str]) -> Decided:
        self.decided.append((question, list(texts)))
        return Decided(self.yes, self.margin)


def told(reader: EnglishReader, *texts: str) -> list[Told]:
    return [(reader.read(text), None) for text in texts]


def test_what_the_rules_do_not_find_the_model_gives() -> None:
    """With the place of the text; not where it is unsure."""
    for margin, given in ((SURE + 0.1, ("kowalskis", [1])), (SURE, ("", ()))):
        reader = EnglishReader(Marks("kowalskis", margin))
        texts = told(reader, "my rent is due.", UPSTAIRS)
        assert reader.read("who lives above me?").value_in(texts) == given


@pytest.mark.parametrize(
    ("margin", "given"), [(OVERRULES + 0.1, ("Bello", [1])), (OVERRULES, ("Rex", [0])), (-5.0, ("Rex", [0]))]
)
def test_a_model_that_is_very_sure_overrules_the_rules(margin: float, given: tuple[str, list[int]]) -> None:
    """They look at few forms, it reads all that was told."""
    reader = EnglishReader(Marks("Bello", margin))
    texts = told(reader, "My dog is called Rex.", "the biscuits on the shelf are for Bello.")
    assert reader.read("What is my dog called?").value_in(texts) == given


def test_where_the_model_finds_nothing_the_rules_are_not_believed() -> None:
    """Unless it marks the same."""
    for marked, margin, given in (
        ("Bello", NOTHING, "Rex"),
        ("Bello", NOTHING - 0.1, ""),
        ("Rex", -20.0, "Rex"),
    ):
        reader = EnglishReader(Marks(marked, margin))
        texts = told(reader, "My dog is called Rex, her friend is Bello.")
        assert reader.read("What is my dog called?").value_in(texts)[0] == given


def test_no_hour_is_a_day_and_nobody_is_called_i() -> None:
    """However sure the model is."""
    for words, asked in (("11.30", "which day is the dentist?"), ("I'm", "who can't drink milk?")):
        reader = EnglishReader(Marks(words, OVERRULES))
        texts = told(reader, "dentist moved to thurs 11.30, I'm off milk.")
        assert reader.read(asked).value_in(texts) == ("", ())


@pytest.mark.parametrize(
    ("text", "marked", "given"),
    [
        ("Therapist moved me from Tuesdays to Thursdays 4pm", "Tuesdays to Thursdays 4pm", "Thursdays 4pm"),
        ("the rent went from 900 to 940 in May", "900 to 940", "940"),
        ("therapy is from Tuesdays to Thursdays", "Tuesdays to Thursdays", "Tuesdays to Thursdays"),
        ("we changed the hours, now 9 to 5", "9 to 5", "9 to 5"),
    ],
)
def test_of_what_went_from_one_to_another_the_other_answers(text: str, marked: str, given: str) -> None:
    """A range that nothing was moved by stays whole."""
    reader = EnglishReader(Marks(marked, OVERRULES + 5))
    assert reader.read("whens it now, tell me?").value_in(told(reader, text))[0] == given


def test_who_asks_for_what_was_before_gets_both() -> None:
    """The one after it would be false."""
    text = "Therapist moved me from Tuesdays to Thursdays"
    reader = EnglishReader(Marks("Tuesdays to Thursdays", OVERRULES + 5))
    value, _ = reader.read("which days was it moved from, tell me?").value_in(told(reader, text))
    assert value == "Tuesdays to Thursdays"


def test_a_code_in_the_question_is_in_the_text_that_answers() -> None:
    """Another flight's gate is none; where no text has the code, any may answer."""
    texts = ("Flight SK410 leaves from gate 31.", "Flight SK104 leaves from gate 7.")
    marks = Marks("gate 7", OVERRULES + 5)
    reader = EnglishReader(marks)
    assert "31" in reader.read("Which gate does SK410 leave from?").value_in(told(reader, *texts))[0]
    [(_, _, doubts)] = marks.given
    assert doubts == [0.0, float("inf")]
    assert reader.read("which gate is for XY99?").value_in(told(reader, *texts))[0] == "gate 7"


def test_a_day_is_no_answer_to_what_time() -> None:
    """An hour is, and a day to "when"."""
    for words, asked, given in (
        ("7 December 2026", "what time is it that we fly?", ""),
        ("half past three", "what time is it that we fly?", "half past three"),
        ("7 December 2026", "when is it that we fly?", "7 December 2026"),
    ):
        reader = EnglishReader(Marks(words))
        assert reader.read(asked).value_in(told(reader, f"we fly {words}, can't wait"))[0] == given


def test_yes_is_not_said_of_what_somebody_else_is_quoted_with() -> None:
    """Nor of what is denied; "no" may be."""
    for yes, said in ((True, "I can't say"), (False, "No")):
        reader = EnglishReader(Marks("", YES_TURNED + 1, yes=yes))
        texts = told(reader, 'My sister said, "I am vegan."')
        assert reader.read("Am I vegan?").value_in(texts)[0].startswith(said)


def test_options_are_answered_by_one_of_them() -> None:
    """Not by what else is told of the same."""
    texts = ("i like board games.", "on sundays i love hiking.")
    for words, given in (("board games", ""), ("hiking", "hiking")):
        reader = EnglishReader(Marks(words))
        assert reader.read("what do i like, hiking or fishing?").value_in(told(reader, *texts))[0] == given


@pytest.mark.parametrize(
    ("rules", "own", "says"),
    [
        (".20", "192.168.178.20", True),
        ("Sundays", "alternate Sundays", True),
        ("a perch, mine was a pike", "a perch", True),
        ("milk, eggs and rye bread", "milk", False),
        ("a Pixel 8", "an iPhone 13", False),
        ("Rex", "rex", False),
        ("arrived", "a Shure MV7", True),
        ("and lessons are Mondays", "viola", True),
        ("Fred", "Greta", False),
        ("red", "blue", False),
    ],
)
def test_a_model_that_is_sure_makes_a_value_whole_or_ends_it(rules: str, own: str, says: bool) -> None:
    """More of the same, less where another clause begins, and the place of a clause's rest; a list stays."""
    assert ReadOut(own, 0, MORE + 1).overrules(rules) is says
    assert ReadOut(own, 0, MORE).overrules(rules) is False


def test_several_values_that_go_together_stay_several() -> None:
    """The model marks one stretch of one text."""
    reader = EnglishReader(Marks("latex", OVERRULES + 5))
    texts = told(reader, "I'm allergic to latex.", "I'm also allergic to nuts.")
    assert reader.read("What am I allergic to?").value_in(texts)[1] == [0, 1]


@pytest.mark.parametrize(
    ("reply", "margin", "stands"),
    [
        ("Kowalskis", AGREED + 0.1, True),
        ("the Kowalskis", AGREED + 0.1, True),
        ("Kowalskis", AGREED, False),
        ("tenants", SURE + 1, False),
        ("Nobody I know of.", -9.0, False),
    ],
)
def test_a_reply_from_the_texts_stands_where_the_model_agrees(
    reply: str, margin: float, stands: bool
) -> None:
    """What only the teller can know and is in no text is made up."""
    reader = EnglishReader(Marks("kowalskis", margin))
    assert reader.read("who lives above me?").accepts(reply, told(reader, UPSTAIRS)) is stands


def test_what_anybody_may_know_is_the_base_models_own() -> None:
    """It is in no text, and stands; so does what the conversation says."""
    reader = EnglishReader(Marks("kowalskis", -9.0))
    assert reader.read("who wrote Faust?").accepts("Goethe", told(reader, UPSTAIRS))
    assert not reader.read("what is my name?").accepts("Bob", told(reader, UPSTAIRS))
    assert reader.read("what is my name?").accepts("Bob", told(reader, UPSTAIRS), ["The user is called Bob."])
    assert reader.read("I'm Bob. What is my name?").accepts("You are Bob.", told(reader, UPSTAIRS))
    assert not reader.read("I'm Bob. What is my name?").accepts("You are Tim.", told(reader, UPSTAIRS))


def test_the_model_reads_once_a_turn() -> None:
    """For the value and for the reply."""
    marks = Marks("kowalskis", AGREED + 0.1)
    reader = EnglishReader(marks)
    turn, texts = reader.read("who lives above me?"), told(reader, UPSTAIRS)
    turn.value_in(texts)
    turn.accepts("kowalskis", texts)
    assert len(marks.given) == 1


@pytest.mark.parametrize(
    "asked", ["Are you a robot?", "can you write a poem", "thanks, good night", "I live in Rome.", ""]
)
def test_what_no_words_of_a_text_answer_is_not_asked(asked: str) -> None:
    """What the assistant is or can do, small talk, statements, nothing."""
    marks = Marks("kowalskis")
    reader = EnglishReader(marks)
    assert reader.read(asked).value_in(told(reader, UPSTAIRS)) == ("", ())
    assert marks.given == marks.decided == []


@pytest.mark.parametrize(
    "asked",
    [
        "Do I have neighbours?",
        "so is the dentist on tuesday",
        "isn't Rex a beagle?",
        "don't we have milk?",
        "isn’t Rex a beagle?",
        "Tom still works at Shell, right?",
        "It was on Friday, wasn't it?",
        "must I pay the rent?",
    ],
)
def test_yes_or_no_is_decided_by_all_texts_together(asked: str) -> None:
    """What is denied is read too; the nearest text is named."""
    marks = Marks("", NO + 0.1, yes=False)
    reader = EnglishReader(marks)
    texts = told(reader, "the tenants moved out.", "i have no neighbours.")
    assert reader.read(asked).value_in(texts, [1, 0]) == ("No", [1])
    assert [read for _, read in marks.decided] == [["the tenants moved out.", "i have no neighbours."]]


@pytest.mark.parametrize(
    ("margin", "said"),
    [
        (YES_TURNED, "I can't say yes or no, but you told me: “the dentist moved to tuesday.”"),
        (MORE, ""),
        (-9.0, ""),
    ],
)
def test_what_is_less_than_certain_is_said_in_the_tellers_words(margin: float, said: str) -> None:
    """The sentence that is about it, of all that were found; none where nothing of it was told."""
    reader = EnglishReader(Marks("", margin))
    texts = told(reader, "rent is paid.", "good news today. the dentist moved to tuesday.")
    assert reader.read("is the dentist on monday?").value_in(texts, [0, 1])[0] == said
    assert reader.read("is mars far away?").value_in(texts, [0, 1])[0] == ""


@pytest.mark.parametrize(
    ("text", "yes", "needs"),
    [
        ("the dentist is on tuesday.", True, YES),
        ("the dentist moved to tuesday.", True, YES_TURNED),
        ("the dentist is on tuesday.", False, NO),
        ("the dentist was monday, but is on tuesday.", False, NO_TURNED),
        ("my rent is not due.", False, NO),
    ],
)
def test_yes_needs_more_where_something_is_denied_or_changed_and_no_less(
    text: str, yes: bool, needs: float
) -> None:
    """The model reads over a "not" or "moved" that is said of it; of other things it does not matter."""
    for margin, said in ((needs + 0.1, "Yes" if yes else "No"), (needs, "")):
        reader = EnglishReader(Marks("", margin, yes=yes))
        value = reader.read("is the dentist on monday?").value_in(told(reader, text))[0]
        assert (value if value in ("Yes", "No") else "") == said


@pytest.mark.parametrize(
    ("text", "no"),
    [
        ("the hero of part 7 is called Hero7 and lives in town 7.", False),
        ("the hero of part 7 is not called Hero7, she lives in town 7.", True),
        ("the hero of part 6 is called Hero6 and lives in town 6.", True),
    ],
)
def test_no_is_not_said_to_what_a_sentence_has_word_for_word(text: str, no: bool) -> None:
    """However sure the model is; the sentence is said."""
    reader = EnglishReader(Marks("", 20.0, yes=False))
    value = reader.read("Is the hero of part 7 called Hero7, of town 7?").value_in(told(reader, text))[0]
    assert value == "No" if no else text in value


@pytest.mark.parametrize(
    ("asked", "text", "no"),
    [
        ("Did I get the job at Hartley's?", "I didn't get the job at Hartley's.", True),
        ("Do I drink coffee?", "I dont drink coffee anymore", True),
        ("Would I eat snails?", "I'd never eat snails but oysters, any day", True),
        ("Is green my favourite colour?", "My favourite colour used to be green, now it's blue", True),
        ("Would I eat oysters?", "I'd never eat snails but oysters, any day", False),
        ("Do I eat salmon?", "I never eat fish except salmon", False),
        ("Is the meeting on Zoom?", "Turns out the meeting's on Teams not Zoom.", True),
        ("Is the meeting on Teams?", "Turns out the meeting's on Teams not Zoom.", False),
        ("Do I eat meat?", "My brother doesn't eat meat.", False),
        ("Does he eat meat?", "I don't eat meat.", False),
        ("Did I live in Porto?", "I used to live in Porto.", False),
        ("Don't I drink coffee?", "I don't drink coffee.", False),
        ("Do I drink coffee?", "I don't drink tea.", False),
        ("Do I drink coffee?", "Not only do I drink coffee, I roast it.", False),
    ],
)
def test_what_the_tellers_own_words_deny_is_no(asked: str, text: str, no: bool) -> None:
    """However little the model finds; not of somebody else, nor of what stands before the denial."""
    reader = EnglishReader(Marks("", -9.0))
    assert (reader.read(asked).value_in(told(reader, text))[0] == "No") is no


def test_what_is_denied_first_and_told_later_is_not_denied() -> None:
    """The newest clause that has all of it counts."""
    reader = EnglishReader(Marks("", -9.0))
    texts = told(reader, "I don't drink coffee.", "I drink coffee again.")
    assert reader.read("Do I drink coffee?").value_in(texts)[0] != "No"
    assert reader.read("Do I drink coffee?").value_in(texts[:1])[0] == "No"


def test_a_clause_beside_a_denied_one_answers_and_the_denied_one_does_not() -> None:
    """ "The PIN isn't 4471 any more" hid what was said behind it."""
    text = "The password isn't sun99 anymore, Ella changed it to moon00"
    for words, given in (("moon00", "moon00"), ("Ella", "Ella"), ("sun99", "")):
        reader = EnglishReader(Marks(words, SURE + REPORTED + 1))
        assert reader.read("who knows the netflix password?").value_in(told(reader, text))[0] == given


def test_an_unsure_yes_is_not_said_and_nothing_of_the_texts_in_its_place() -> None:
    """No "Tuesday" to "Is the dentist on Monday?"; what the base says by itself stands."""
    reader = EnglishReader(Marks("tuesday", SURE))
    turn, texts = reader.read("is the dentist on monday?"), told(reader, "the dentist is on tuesday.")
    assert turn.value_in(texts) == ("", ())
    assert not turn.accepts("tuesday", texts)
    assert turn.accepts("Mondays are busy everywhere.", texts)


@pytest.mark.parametrize(
    "asked",
    ["is it tea or coffee that i drink?", "do you know where i live?", "don't keep this: what do i drink?"],
)
def test_what_only_looks_like_yes_or_no_is_answered_by_words(asked: str) -> None:
    """A choice that is named, and a question within a polite one."""
    marks = Marks("tea")
    reader = EnglishReader(marks)
    assert reader.read(asked).value_in(told(reader, "i only have tea."))[0] == "tea"
    assert marks.decided == []


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
    assert doubts[1] == REPORTED


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
