"""What conversations tell."""

from __future__ import annotations

from collections.abc import Sequence

from memory.backends.reader.english import EnglishReader
from memory.records import Message, Role, Scope, Skipped, Turn
from memory.text.passage import Passage
from memory.text.speakers import unlabelled
from memory.write.conversation import Utterance, passages, unanswered, utterances

READER = EnglishReader()


def count(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def told(*said: tuple[Role, str] | tuple[Role, str, bool], budget: int = 40) -> list[Passage]:
    return list(passages(utterances([Message(*one) for one in said], READER), count, budget, READER))


def texts(*said: tuple[Role, str] | tuple[Role, str, bool], budget: int = 40) -> list[str]:
    return [passage.text for passage in told(*said, budget=budget)]


def test_lines_carry_their_speakers_and_places() -> None:
    """A passage knows which messages it was made from, and who spoke if only one did."""
    assert told(("user", "My dog is Biscuit."), ("assistant", "Noted for the vet.")) == [
        Passage("User: My dog is Biscuit.\nAssistant: Noted for the vet.", None, 0, 1)
    ]
    assert told(("user", "My dog is Biscuit."))[0].role == "user"


def test_what_was_recalled_is_never_told_again() -> None:
    """Neither a reply from memory nor the question that led to it becomes a memory."""
    assert texts(("user", "What is my dog called?"), ("assistant", "Biscuit.", True)) == []


def test_a_question_is_kept_with_its_answer_only() -> None:
    """A transcript that holds the answer keeps the question; a question alone tells nothing."""
    assert texts(("user", "What is the code?")) == []
    assert texts(("user", "What is the code?"), ("assistant", "It is 4821.")) == [
        "User: What is the code?\nAssistant: It is 4821."
    ]


def test_questions_are_taken_out_of_a_message_that_tells() -> None:
    """Only the statement of the message is remembered."""
    assert texts(("user", "My PIN is 4821. What is my name?")) == ["User: My PIN is 4821."]


def test_small_talk_and_instructions_are_left_out() -> None:
    """Greetings, thanks and system messages are no memories."""
    assert texts(("system", "Be kind."), ("user", "Hello!"), ("assistant", "Hi!"), ("user", "Thanks.")) == []


def test_a_bare_answer_shares_a_passage_with_its_question() -> None:
    """Also a "yes", and also where the budget ends between the two."""
    booking = (("user", "I need a table for two at the Blue Door."), ("assistant", "For which day?"))
    assert texts(*booking, ("user", "Friday."), budget=8) == [
        "User: I need a table for two at the Blue Door.",
        "Assistant: For which day?\nUser: Friday.",
    ]
    assert texts(("assistant", "Are you allergic to nuts?"), ("user", "Yes.")) == [
        "Assistant: Are you allergic to nuts?\nUser: Yes."
    ]


def test_a_recalled_question_does_not_come_along_with_its_answer() -> None:
    """What the assistant asked from memory stays out; the answer is told alone."""
    assert texts(("assistant", "Is Biscuit ill?", True), ("user", "He has a cold.")) == [
        "User: He has a cold."
    ]


def test_what_is_said_twice_is_told_once() -> None:
    """But an answer belongs to its question, however often it is given."""
    assert texts(("user", "I like tea."), ("user", "I like tea.")) == ["User: I like tea."]
    [both] = texts(
        ("assistant", "Tea?"),
        ("user", "Yes, with milk."),
        ("assistant", "Cake?"),
        ("user", "Yes, with milk."),
    )
    assert both.count("Yes, with milk.") == 2


def test_what_a_message_goes_on_about_leads_it_in() -> None:
    """An earlier passage is repeated before the first line, where both fit; alone it tells nothing new."""
    led = Utterance("user", 4, READER.read("User: My neighbour is Bogdan."))
    he_plays = utterances([Turn(Scope(user_id="ana"), "user", "He plays the accordion.", 6)], READER)
    assert list(passages(he_plays, count, 40, READER, led=led)) == [
        Passage("User: My neighbour is Bogdan.\nUser: He plays the accordion.", "user", 4, 6)
    ]
    assert [p.text for p in passages(he_plays, count, 4, READER, led=led)] == [
        "User: He plays the accordion."
    ]
    assert not list(passages(utterances([Message("user", "Thanks!")], READER), count, 40, READER, led=led))


def test_windows_stay_within_the_budget() -> None:
    """Long conversations become several passages, long messages several lines."""
    parts = texts(*[("user", f"Fact {i} is that my box {i} is green.") for i in range(9)], budget=22)
    assert max(count(parts)) <= 22
    assert "".join(parts).count("Fact") == 9
    long = texts(("user", "word " * 50), budget=12)
    assert all(part.startswith("User: word") for part in long)
    assert max(count(long)) <= 12


def test_the_last_question_of_the_assistant_waits() -> None:
    """It is told with the answer, when that comes."""
    said = utterances([Message("user", "I need a taxi."), Message("assistant", "To where?")], READER)
    assert unanswered(said) == said[1]
    assert unanswered(said[:1]) is None


def test_labels_are_taken_off_for_embedding() -> None:
    """Only at the beginning of lines."""
    assert unlabelled("User: To User: Ana\nAssistant: Ok") == "To User: Ana\nOk"


def test_what_is_not_stored_is_skipped_with_a_reason() -> None:
    """Each thing that was told is in a passage, or skipped."""
    skipped: list[Skipped] = []
    said: list[tuple[Role, str] | tuple[Role, str, bool]] = [
        ("system", "Be brief."),
        ("user", "Hello!"),
        ("assistant", "Your dog is Biscuit.", True),
        ("user", "I live in Lisbon. What is the weather there?"),
        ("user", "Plan my trip to Japan."),
        ("user", "Don't remember this: my PIN is 9911."),
        ("user", "I live in Lisbon."),
    ]
    heard = utterances([Message(*one) for one in said], READER, skipped)
    kept = [passage.text for passage in passages(heard, count, 40, READER, skipped)]
    assert kept == ["User: I live in Lisbon."]
    assert skipped == [
        ("Be brief.", "instruction"),
        ("Your dog is Biscuit.", "recalled"),
        ("Hello!", "small talk"),
        ("What is the weather there?", "question"),
        ("Plan my trip to Japan.", "request"),
        ("Don't remember this: my PIN is 9911.", "not to be kept"),
        ("I live in Lisbon.", "duplicate"),
    ]
