"""Which descriptions the packaged network for skills takes: judged on ones that nothing was chosen by."""

from __future__ import annotations

import pytest

from benchmarks.skill_descriptions import described
from memory import Memory
from memory.errors import InvalidInput
from tests.command import packaged_model

UNSEEN = [one for one in described() if not one.bound]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Memory:
    packaged_model()
    return Memory(home=tmp_path_factory.mktemp("home"))


def taken(memory: Memory, description: str) -> bool:
    try:
        return bool(memory.add_skill(description, user_id="ana"))
    except InvalidInput:
        return False


def test_descriptions_of_a_learned_task_are_taken(memory: Memory) -> None:
    """At least three in four."""
    meant = [one.description for one in UNSEEN if one.task]
    refused = [text for text in meant if not taken(memory, text)]
    assert len(refused) <= len(meant) / 4, refused


def test_descriptions_of_what_the_network_never_learned_are_refused(memory: Memory) -> None:
    """At least nine in ten; of tasks that were kept apart in training too."""
    others = [one.description for one in UNSEEN if not one.task]
    passed = [text for text in others if taken(memory, text)]
    assert len(passed) <= len(others) / 10, passed
    with pytest.raises(InvalidInput, match="measured not to do such a task"):
        memory.add_skill("Answer in German.", user_id="ana")


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
