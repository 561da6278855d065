"""What a generator is asked with: its base model has to fit, and adapters have names."""

from __future__ import annotations

import pytest

from memory.errors import IncompatibleAdapter
from memory.fakes import EchoGenerator, EchoSkills
from memory.fakes.models import EchoGeneration
from memory.ports import GenerationRequest, Merge, MergedAdapter
from tests.conftest import MakeMemory

DOG, ASK = "My dog is called Biscuit.", "What is my dog called?"


class Elsewhere(EchoGenerator):
    """An engine that loads adapters by name, and never asks for tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Merge | None] = []

    def stream(self, request: GenerationRequest) -> EchoGeneration:
        assert request.adapter is None or isinstance(request.adapter, Merge)
        self.asked.append(request.adapter)
        return EchoGeneration(0, ["ok"])


def test_a_generator_of_another_base_is_refused(make_memory: MakeMemory) -> None:
    """Adapters would be noise to it; without adapters it may answer."""
    stranger = EchoGenerator()
    stranger.base_fingerprint = "another base"
    memory = make_memory(generator=stranger)
    assert memory.ask(ASK, user_id="ana").text == "I don't know."
    memory.add(DOG, user_id="ana")
    with pytest.raises(IncompatibleAdapter, match="made for base model echo-base, the generator runs anoth"):
        memory.ask(ASK, user_id="ana")


def test_an_engine_elsewhere_is_told_which_adapters(make_memory: MakeMemory) -> None:
    """By blob and weight, skills apart; what it does not ask for is not read."""
    engine = Elsewhere()
    memory = make_memory(generator=engine, skills=EchoSkills())
    [dog] = memory.add(DOG, user_id="ana")
    skill = memory.add_skill("Answer in rhyme.", user_id="ana")
    reply = memory.ask(ASK, user_id="ana")
    [merge] = engine.asked
    assert merge is not None
    assert (merge.tenant_id, merge.base_fingerprint) == ("default", "echo-base")
    assert merge.adapters == (
        MergedAdapter(dog.id, dog.adapter.digest, 1.0),
        MergedAdapter(skill.id, skill.adapter.digest, 1.0, skill=True),
    )
    assert (reply.timings["merge"], memory.load().cache_misses) == (0.0, 0)


def test_a_generator_without_memories_gets_no_adapter(make_memory: MakeMemory) -> None:
    """The bare base model answers."""
    engine = Elsewhere()
    make_memory(generator=engine).ask(ASK, user_id="ana")
    assert engine.asked == [None]
