"""ParametricMemory on real stores, with a model that echoes what its adapters or its prompt hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from integrations.langchain import ParametricMemory
from memory import Memory
from memory.fakes import EchoGenerator
from memory.fakes.models import EchoGeneration
from memory.ports import GenerationRequest

MakeMemory = Callable[..., Memory]


class Recorder(EchoGenerator):
    """Keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[GenerationRequest] = []

    def stream(self, request: GenerationRequest) -> EchoGeneration:
        self.requests.append(request)
        return super().stream(request)

    @property
    def prompts(self) -> list[str]:
        """Each prompt as one text."""
        return ["\n".join(message.text for message in request.messages) for request in self.requests]


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def service(make_memory: MakeMemory, recorder: Recorder) -> Memory:
    return make_memory(generator=recorder)


@pytest.fixture
def parametric(service: Memory) -> ParametricMemory:
    """Ana's memory."""
    return ParametricMemory(service=service, user_id="ana")


@pytest.fixture
def anybody(service: Memory) -> ParametricMemory:
    """A memory that waits to be told whose it is."""
    return ParametricMemory(service=service)


@pytest.fixture
def benchmark() -> Callable[[Callable[[], Any]], Any]:
    """Run once, in place of pytest-benchmark's: tests assert behaviour, not speed."""
    return lambda run: run()


@pytest.fixture
def whose() -> Callable[..., dict[str, Any]]:
    """Configs that name somebody."""
    return lambda user, **names: {"configurable": {"user_id": user, **names}}
