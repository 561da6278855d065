"""ParametricMemory on real stores, with a model that echoes what its adapters or its prompt hold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi.testclient import TestClient

from integrations.langchain import ParametricMemory
from integrations.langchain.remote import RemoteMemory
from integrations.langchain.shared import AnyMemory
from memory import Memory
from memory.api import create_app
from memory.fakes import EchoGenerator
from memory.fakes.models import EchoGeneration
from memory.ports import GenerationRequest
from tests.in_process import InProcess

URL = "http://127.0.0.1:8750"
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


@pytest.fixture(params=["here", "server"])
def service(
    request: pytest.FixtureRequest, make_memory: MakeMemory, recorder: Recorder
) -> Iterator[AnyMemory]:
    """A memory in this process, and one that a server has."""
    if request.param == "here":
        yield make_memory(generator=recorder)
        return
    with served(make_memory(generator=recorder, anonymous=True)) as remote:
        yield remote


@contextmanager
def served(memory: Memory) -> Iterator[RemoteMemory]:
    """A client of a server in this process."""
    here = {"base_url": URL, "client": ("127.0.0.1", 50000)}
    with TestClient(create_app(memory), **here) as client:
        settings = memory.settings.model_copy(update={"url": URL})
        with RemoteMemory(settings, transport=InProcess(client)) as remote:
            yield remote


@pytest.fixture
def parametric(service: AnyMemory) -> ParametricMemory:
    """Ana's memory."""
    return ParametricMemory(service=service, user_id="ana")


@pytest.fixture
def anybody(service: AnyMemory) -> ParametricMemory:
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
