"""Models that are asked through deployments of Ray Serve: the ports' own suites, and replicas that are lost.

Ray's cluster is left out: a stand-in for its handles asks replicas in this process, and pickles all that goes
there and back. test_ray.py has the cluster. Needs the extra `ray`.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from threading import Event, Thread
from typing import Any

import pytest

pytest.importorskip("ray.serve", reason="the extra `ray` is not installed")

from ray.exceptions import RayActorError, RayTaskError

from integrations.ray.models import Models, RemoteGenerator, RemoteInternalizer, RemoteSkills
from memory import Memory
from memory.conformance import GeneratorConformance, InternalizerConformance, SkillWriterConformance
from memory.errors import Cancelled, InvalidInput, ModelUnavailable
from memory.fakes import EchoGenerator, EchoInternalizer, EchoSkills, WordEmbedder
from memory.ports import GenerationRequest
from memory.records import Message

QUESTION = (Message("user", "What is my dog called?"),)


class Handle:
    """A deployment of one replica; `lost` says how many of the next calls reach one that is gone."""

    def __init__(self) -> None:
        self.lost = 0
        self.breaks_after: int | None = None  # pieces of a reply
        self.cancelled = Event()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        ports = {"generator": EchoGenerator(), "internalizer": EchoInternalizer(), "skills": EchoSkills()}
        self._models = Models(lambda: ports)

    @property
    def ask(self) -> Handle:
        return self

    stream = ask

    def options(self, *, stream: bool) -> Streaming:
        assert stream
        return Streaming(self)

    def remote(self, *given: Any) -> Response:
        self._check_there()
        return Response(self.run(self._models.ask(*over(given))))

    def replies(self, request: GenerationRequest) -> Any:
        self._check_there()
        return self._models.stream(over(request))

    def run(self, call: Any) -> Future[Any]:
        return asyncio.run_coroutine_threadsafe(call, self._loop)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _check_there(self) -> None:
        if self.lost:
            self.lost -= 1
            raise RayActorError


def over(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


def raised(call: Callable[[], Any]) -> Any:
    """What the call gives, over the wire; its error as Ray wraps it."""
    try:
        return over(call())
    except Exception as error:
        raise RayTaskError("ask", "a traceback", over(error)) from None


class Response:
    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def result(self, *, timeout_s: float) -> Any:
        return raised(lambda: self._future.result(timeout_s))


class Streaming:
    """Handles whose calls give generators."""

    def __init__(self, handle: Handle) -> None:
        self.stream = self
        self._handle = handle

    def remote(self, request: GenerationRequest) -> Pieces:
        return Pieces(self._handle, self._handle.replies(request))


class Pieces:
    def __init__(self, handle: Handle, replies: Any) -> None:
        self._handle = handle
        self._replies = replies
        self._given = 0

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._given == self._handle.breaks_after:
            raise RayActorError
        self._given += 1
        found = raised(lambda: self._handle.run(self._next()).result(30))
        if found is None:
            raise StopIteration
        return found

    async def _next(self) -> Any:
        return await anext(self._replies, None)

    def cancel(self) -> None:
        self._handle.cancelled.set()
        self._handle.run(self._replies.aclose()).result(30)


@pytest.fixture
def handle() -> Iterator[Handle]:
    made = Handle()
    yield made
    made.close()


@pytest.fixture
def generator(handle: Handle) -> RemoteGenerator:
    return RemoteGenerator(handle)  # type: ignore[arg-type]


@pytest.fixture
def internalizer(handle: Handle) -> RemoteInternalizer:
    return RemoteInternalizer(handle)  # type: ignore[arg-type]


class TestRemoteGenerator(GeneratorConformance):
    """As every generator."""


class TestRemoteInternalizer(InternalizerConformance):
    """As every internalizer."""


class TestRemoteSkills(SkillWriterConformance):
    """As every writer of skills."""

    @pytest.fixture
    def skills(self, handle: Handle) -> RemoteSkills:
        return RemoteSkills(handle)  # type: ignore[arg-type]


def test_a_memory_lives_on_them(handle: Handle, tmp_path: Any) -> None:
    """Told and asked: what is merged comes back out of a replica that keeps nothing."""
    ports = {
        "generator": RemoteGenerator(handle),  # type: ignore[arg-type]
        "internalizer": RemoteInternalizer(handle),  # type: ignore[arg-type]
        "skills": RemoteSkills(handle),  # type: ignore[arg-type]
    }
    with Memory(home=tmp_path, embedder=WordEmbedder(), **ports) as memory:
        memory.add("My dog is called Biscuit.", user_id="ana")
        memory.add("My cat is called Tom.", user_id="ana")
        memory.add_skill("Answer in French.", user_id="ana")
        assert "Biscuit" in memory.ask("What is my dog called?", user_id="ana").text
        assert memory.ask("What is my dog called?", user_id="ben").adapters == ()
        assert memory.compact(user_id="ana", min_adapters=2).compacted == 2


def test_what_a_model_refuses_is_its_own_error(generator: RemoteGenerator) -> None:
    """And not Ray's."""
    long = Message("user", "word " * (generator.window + 1))
    with pytest.raises(InvalidInput):
        generator.stream(GenerationRequest((long,)))


def test_a_replica_that_is_lost_before_a_word_is_replaced(
    handle: Handle, generator: RemoteGenerator, internalizer: RemoteInternalizer
) -> None:
    """By the next one that is asked; where none answers, the model is away, and is asked again later."""
    handle.lost = 2
    assert "".join(generator.stream(GenerationRequest(QUESTION)))
    handle.lost = 2
    assert internalizer.count(["one two"]) == [2]
    for call in (lambda: generator.stream(GenerationRequest(QUESTION)), lambda: internalizer.count(["one"])):
        handle.lost = 3
        with pytest.raises(ModelUnavailable, match="try again"):
            call()
    assert internalizer.count(["one"]) == [1]


def test_a_replica_that_is_lost_in_the_middle_breaks_the_reply_off(
    handle: Handle, generator: RemoteGenerator
) -> None:
    """Nothing is said twice."""
    handle.breaks_after = 2
    reply = generator.stream(GenerationRequest(QUESTION))
    assert next(reply)
    with pytest.raises(ModelUnavailable):
        list(reply)


def test_a_reply_that_nobody_waits_for_is_cancelled(handle: Handle, generator: RemoteGenerator) -> None:
    """At the next piece, in the replica too."""
    gone = Event()
    reply = generator.stream(GenerationRequest(QUESTION, cancelled=gone))
    gone.set()
    with pytest.raises(Cancelled):
        next(reply)
    assert handle.cancelled.is_set()
