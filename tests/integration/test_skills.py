"""Skills: they join the turns of their scope, recall nothing, and go as completely as memories do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from hypernet import LoRA
from memory import Memory
from memory.errors import EmptyText, IncompatibleAdapter, InvalidInput, MissingScope, ModelUnavailable
from memory.fakes import EchoGenerator, EchoInternalizer, EchoSkills
from memory.fakes.models import EchoGeneration
from memory.ports import GenerationRequest
from memory.records import Message
from tests.integration.test_service import ASK, DOG, AnotherBase, everything_in

MakeMemory = Callable[..., Memory]
TERSE = "Answer as a terse legal assistant."
SKILL = f"[{TERSE}]"


@pytest.fixture
def memory(make_memory: MakeMemory) -> Memory:
    return make_memory(skills=EchoSkills())


def test_a_pinned_skill_joins_every_turn_of_its_user(memory: Memory) -> None:
    """Beside the adapters of the turn's memories, or alone where nothing is recalled; in every mode."""
    skill = memory.add_skill(TERSE, user_id="ana")
    assert (skill.kind, skill.text, skill.metadata) == ("skill", TERSE, {"pinned": True})
    memory.add(DOG, user_id="ana")
    for mode in ("auto", "adapters", "text", "both"):
        reply = memory.ask(ASK, user_id="ana", mode=mode)  # type: ignore[arg-type]
        assert reply.text == f"{DOG} {SKILL}"
        assert [choice.memory_id for choice in reply.skills] == [skill.id]
        assert skill.id not in [choice.memory_id for choice in reply.adapters]
    alone = memory.ask("Nothing near?", user_id="ana")
    assert (alone.text.endswith(SKILL), alone.adapters, alone.memory_tokens) == (True, (), 0)
    assert SKILL not in memory.ask(ASK, user_id="ben").text


def test_a_skill_is_never_recalled(memory: Memory) -> None:
    """Not found, not selected, not put into the prompt, not in place of a fact; a fact may say the same."""
    memory.add_skill("My dog is called Rex.", user_id="ana")
    assert memory.search(ASK, user_id="ana") == []
    assert memory.select(ASK, user_id="ana") == []
    asked = memory.ask(ASK, user_id="ana", mode="text")
    assert (asked.memory_tokens, asked.adapters) == (0, ())
    [fact] = memory.add("My dog is called Rex.", user_id="ana")
    assert fact.kind == "message"
    assert [hit.record.id for hit in memory.search(ASK, user_id="ana")] == [fact.id]


def test_a_skill_joins_where_its_scope_does(memory: Memory) -> None:
    """A user's all sessions and agents, an agent's all users, a session's itself alone."""
    memory.add_skill("For ana.", user_id="ana")
    memory.add_skill("For the clerk.", agent_id="clerk")
    memory.add_skill("For one session.", user_id="ana", session_id="one")

    def said(**whose: str) -> list[str]:
        return [skill.text for skill in memory.ask(ASK, **whose).skills]  # type: ignore[arg-type]

    assert said(user_id="ana") == ["For ana."]
    assert said(user_id="ana", session_id="one") == ["For one session."]
    assert said(user_id="ana", session_id="two", agent_id="clerk") == ["For the clerk."]
    assert said(user_id="ben", agent_id="clerk") == ["For the clerk."]
    assert said(user_id="ana", tenant_id="other") == []


def test_the_newer_of_two_skills_takes_the_place_of_the_older(memory: Memory) -> None:
    """Merged, two ways of answering spoil the answer; set again, or alone again, the older is back."""
    memory.add(DOG, user_id="ana")
    older = memory.add_skill(TERSE, user_id="ana")
    newer = memory.add_skill("Answer in verse.", user_id="ana")

    def joining() -> list[str]:
        return [skill.memory_id for skill in memory.ask(ASK, user_id="ana").skills]

    assert joining() == [newer.id]
    memory.add_skill(TERSE, user_id="ana")
    assert joining() == [older.id]
    memory.delete(older.id, user_id="ana")
    assert joining() == [newer.id]


def test_a_skill_near_the_turn_takes_the_place_of_a_pinned_one(memory: Memory) -> None:
    """It was made for such turns; all others have the pinned one."""
    memory.add_skill(TERSE, user_id="ana")
    memory.add_skill("Tell about a dog in capitals.", user_id="ana", pinned=False)
    [near] = memory.ask("Tell about a dog", user_id="ana").skills
    assert near.text == "Tell about a dog in capitals."
    [pinned] = memory.ask("Quite different words here", user_id="ana").skills
    assert pinned.text == TERSE


def test_an_unpinned_skill_joins_turns_that_are_near_it(memory: Memory) -> None:
    """The nearest one, and only above the threshold."""
    memory.add_skill("Tell about a dog in capitals.", user_id="ana", pinned=False)
    memory.add_skill("Tell about a ship in verse.", user_id="ana", pinned=False)
    assert [s.text for s in memory.ask("Tell about a dog", user_id="ana").skills] == [
        "Tell about a dog in capitals."
    ]
    assert memory.ask("Quite different words here", user_id="ana").skills == ()
    given = memory.answer(Message("user", "Tell about a ship"), adapters=[], user_id="ana")
    assert [s.text for s in given.skills] == ["Tell about a ship in verse."]


def test_adding_again_pins_or_unpins(memory: Memory) -> None:
    """One memory, whatever was asked how often."""
    first = memory.add_skill(TERSE, user_id="ana", pinned=False)
    again = memory.add_skill(f" {TERSE}\n", user_id="ana")
    assert (again.id, again.metadata) == (first.id, {"pinned": True})
    assert memory.list(kind="skill", user_id="ana").records == (memory.get(first.id),)
    assert memory.stats(user_id="ana").documents == 0


def test_a_skill_can_be_changed_and_goes_completely(memory: Memory, tmp_path: Path) -> None:
    """Text, adapter, embedding, cached merges."""
    skill = memory.add_skill(TERSE, user_id="ana")
    assert SKILL in memory.ask(ASK, user_id="ana").text
    memory.update(skill.id, "Answer in verse.", user_id="ana")
    assert "[Answer in verse.]" in memory.ask(ASK, user_id="ana").text
    assert TERSE.encode() not in everything_in(tmp_path / "home" / "blobs")
    receipt = memory.delete(skill.id, user_id="ana")
    assert len(receipt.blobs) == 1
    assert memory.ask(ASK, user_id="ana").skills == ()
    memory.add_skill(TERSE, user_id="ana")
    assert memory.forget(user_id="ana").memories
    assert memory.ask(ASK, user_id="ana").skills == ()


def test_a_damaged_skill_is_made_again(memory: Memory, tmp_path: Path) -> None:
    """From its description, by the network for skills."""
    memory.add_skill(TERSE, user_id="ana")
    [blob] = (tmp_path / "home" / "blobs").rglob("*.safetensors")
    blob.write_bytes(b"damaged")
    assert memory.ask(ASK, user_id="ana").text.endswith(SKILL)


def test_a_changed_network_is_refused_until_reindexed(make_memory: MakeMemory) -> None:
    """Another network or base; without a network the message says what to do, and the rest is remade."""
    old = make_memory(skills=EchoSkills())
    old.add_skill(TERSE, user_id="ana")
    old.add(DOG, user_id="ana")
    other = make_memory(skills=EchoSkills(hypernet_fingerprint="another"))
    with pytest.raises(
        IncompatibleAdapter, match=r"hypernetwork echo-skills, in use is another; run `memory"
    ):
        other.ask(ASK, user_id="ana")
    assert other.reindex() == 1
    assert other.ask(ASK, user_id="ana").text == f"{DOG} {SKILL}"
    generator = EchoGenerator()
    generator.base_fingerprint = AnotherBase.base_fingerprint
    bare = make_memory(internalizer=AnotherBase(), generator=generator)
    with pytest.raises(ModelUnavailable, match="set MEMORY_SKILLS_MODEL"):
        bare.reindex()
    with pytest.raises(ModelUnavailable, match="set MEMORY_SKILLS_MODEL to one, or remove the skills"):
        bare.ask(ASK, user_id="ana")
    [skill] = bare.list(kind="skill", user_id="ana").records
    bare.delete(skill.id)
    assert bare.ask(ASK, user_id="ana").text == DOG


def test_what_cannot_be_a_skill_is_refused(make_memory: MakeMemory, memory: Memory) -> None:
    """Nobody named, no words, no network."""
    with pytest.raises(MissingScope):
        memory.add_skill(TERSE)
    with pytest.raises(EmptyText):
        memory.add_skill("  ", user_id="ana")
    with pytest.raises(InvalidInput, match="str"):
        memory.add_skill(7, user_id="ana")  # type: ignore[arg-type]
    with pytest.raises(ModelUnavailable, match="no Text-to-LoRA network goes with this model"):
        make_memory().add_skill(TERSE, user_id="ana")


class Elsewhere(EchoInternalizer):
    """Combines where its base model is, which is not where stored adapters are read to."""

    def combine(self, loras: Sequence[LoRA], weights: Sequence[float] | None = None) -> LoRA:
        return super().combine(loras, weights).to("meta")


def test_a_skill_is_merged_where_the_base_model_is(make_memory: MakeMemory) -> None:
    """As on a GPU: both adapters must be on one device to be one."""
    seen: list[str] = []

    class Looking(EchoGenerator):
        def stream(self, request: GenerationRequest) -> EchoGeneration:
            lora = request.lora
            assert lora is not None
            seen.extend(sorted({a.device.type for a in lora.A.values()}))
            return EchoGeneration(0, ["seen"])

    memory = make_memory(skills=EchoSkills(), internalizer=Elsewhere(), generator=Looking())
    memory.add(DOG, user_id="ana")
    memory.add_skill(TERSE, user_id="ana")
    assert memory.ask(ASK, user_id="ana").text == "seen"
    assert seen == ["meta"]
