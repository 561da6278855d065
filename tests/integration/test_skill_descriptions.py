"""Which descriptions the packaged network for skills takes: judged on ones that nothing was chosen by."""

from __future__ import annotations

import pytest

from memory import Memory
from memory.errors import InvalidInput
from tests.command import packaged_model

FOLLOWED = (  # of tasks that it learned, in words that training did not have
    *("Answer tersely.", "Only give me the fact.", "No extra words.", "Keep answers very short."),
    *("A single word will do.", "Reply with just the name or number.", "Skip the sentence."),
    *("Respond in complete sentences.", "Never answer with only one word.", "Use whole sentences."),
    *("Each reply must be a full sentence.", "Form proper sentences.", "I like full sentences."),
    *("UPPER CASE ONLY", "Write answers in capitals.", "Use block letters.", "Shout every answer."),
    *("Everything in caps, please.", "No lower-case letters.", "Reply in upper-case letters."),
    *("Answer in a polite way.", "Please be courteous.", "Be friendly to me.", "Reply politely."),
    *("Use good manners.", "Be a polite waiter.", "Treat the user with respect."),
    *("Answer in Spanish.", "Give the answer as XML.", "Sound like a pirate, arr!", "Return a JSON object."),
    *("Always answer me in French.", "Answer as a bullet list.", "Only the first letter."),
    *("Say that I told you.", "Remind me that it was me who said so.", "Cite the user."),
    *("Always mention that I told you that.", "Refer to my own words.", "Quote the user."),
)
NOT_FOLLOWED = (
    *("Translate my messages into Dutch.", "Write poems.", "Talk like Yoda."),
    *("Use Markdown tables.", "Add emojis to everything.", "Be funny."),
    *("You are an expert in tax law.", "Act as my personal trainer.", "Help me to learn chess."),
    *("Explain it to a five-year-old.", "Think step by step.", "Summarise long texts."),
    *("Answer with a proverb.", "Always end with a question.", "Recommend a book each time."),
    *("Solve equations.", "Write SQL queries.", "Use metric units.", "List pros and cons."),
    *("Tell me the weather.", "I live in Lisbon.", "Play the villain of a film.", "Sing it."),
    *("Detect the language of the text.", "Correct my spelling.", "Extract all names."),
    *("Pretend to be a cat.", "Include a source for each claim."),
)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    packaged_model()
    return Memory(home=tmp_path_factory.mktemp("home"))


def taken(memory: Memory, description: str) -> bool:
    try:
        return bool(memory.add_skill(description, user_id="ana"))
    except InvalidInput:
        return False


def test_descriptions_of_a_known_style_are_taken(memory: Memory) -> None:
    """At least nine in ten."""
    refused = [text for text in FOLLOWED if not taken(memory, text)]
    assert len(refused) <= len(FOLLOWED) / 10, refused


def test_descriptions_of_what_the_network_never_learned_are_refused(memory: Memory) -> None:
    """At least nine in ten."""
    passed = [text for text in NOT_FOLLOWED if taken(memory, text)]
    assert len(passed) <= len(NOT_FOLLOWED) / 10, passed


def test_a_refusal_names_the_nearest_known_description(memory: Memory) -> None:
    """In one line, and nothing is stored."""
    with pytest.raises(InvalidInput, match=r"nearest that it knows, .*'[^']+'"):
        memory.add_skill("Reply in verse", user_id="ben")
    assert memory.list(kind="skill", user_id="ben").records == ()


def test_a_skill_is_not_changed_into_what_cannot_be_followed(memory: Memory) -> None:
    """The old description stays."""
    skill = memory.add_skill("Be polite.", user_id="cara")
    with pytest.raises(InvalidInput, match="nearest that it knows"):
        memory.update(skill.id, "Reply in verse", user_id="cara")
    assert memory.get(skill.id).text == "Be polite."
    assert memory.update(skill.id, "Answer in full sentences.", user_id="cara").id == skill.id
