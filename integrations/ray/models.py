"""The base model and the hypernetworks as deployments of Ray Serve, and the ports that ask them.

    server replicas          engine replicas          hypernetwork replicas
    tenants, rows, index,    replies under the        texts and pictures -> adapters,
    adapters in a cache      adapter of a request     exact merges

Only servers keep anything of anybody: a request brings its merged adapter along (20 KiB with the packaged
model), and a replica forgets it with the reply. Any replica can therefore answer any request.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any, TypeVar

from ray.exceptions import RayError, RayTaskError
from ray.serve.exceptions import RayServeException

from memory.errors import Cancelled, ModelUnavailable
from memory.ports import GenerationRequest, Look, Score, Trial
from memory.records import Message

if TYPE_CHECKING:
    from PIL.Image import Image
    from ray.serve.handle import DeploymentHandle

    from hypernet.lora.adapter import LoRA

T = TypeVar("T")
TRIES = 3  # replicas that are asked; all that is asked of a model can be asked again
_TIMEOUT_S = 300.0
AT_ONCE = 256  # calls and replies under way in a replica; the engine's batches are smaller
_LOST = "a replica of the model was lost, or none answers; try again"


class Models:
    """What a replica runs: models that fill ports, asked by the names of their methods."""

    def __init__(self, open_models: Callable[[], Mapping[str, Any]]) -> None:
        """`open_models` gives what fills the ports "generator", "internalizer" and "skills"."""
        self._ports = dict(open_models())
        self._threads = ThreadPoolExecutor(AT_ONCE, "model")

    async def ask(self, port: str, name: str, *given: Any) -> Any:
        """A method of a port, or a property; calls that come at the same time share the model's passes."""
        return await self._in_thread(self._asked, port, name, *given)

    async def stream(self, request: GenerationRequest) -> AsyncIterator[tuple[str, int, int]]:
        """Pieces of a reply, each with the tokens read and written so far; first and last an empty one."""
        reply = await self._in_thread(self._ports["generator"].stream, request)
        try:
            yield "", reply.prompt_tokens, 0
            while (piece := await self._in_thread(next, reply, None)) is not None:
                yield piece, reply.prompt_tokens, reply.completion_tokens
            yield "", reply.prompt_tokens, reply.completion_tokens
        finally:
            reply.close()

    def check_health(self) -> None:
        """Ray replaces a replica whose model can no longer read a prompt."""
        self._ports["generator"].count_tokens([Message("user", "Hello")])

    def _asked(self, port: str, name: str, *given: Any) -> Any:
        found = getattr(self._ports[port], name)
        return _at_hand(found(*given) if callable(found) else found)

    async def _in_thread(self, call: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *given)


class Remote:
    """A port that a deployment fills. Safe to share between threads."""

    port = ""

    def __init__(self, handle: DeploymentHandle[Any]) -> None:
        self._handle = handle

    def _ask(self, name: str, *given: Any) -> Any:
        """Raises what the model raises, and ModelUnavailable where no replica answers."""
        ask = self._handle.ask
        return _tried(lambda: ask.remote(self.port, name, *given).result(timeout_s=_TIMEOUT_S))


class RemoteHypernetwork(Remote):
    """What the ports of both hypernetworks have, by their deployment."""

    @cached_property
    def hypernet_fingerprint(self) -> str:
        return str(self._ask("hypernet_fingerprint"))

    def generate(self, texts: Sequence[str]) -> list[LoRA]:
        return list(self._ask("generate", [*texts])) if texts else []

    def check(self, lora: LoRA) -> None:
        self._ask("check", lora)

    def unpack(self, data: bytes) -> LoRA:
        found: LoRA = self._ask("unpack", data)
        return found


class RemoteInternalizer(RemoteHypernetwork):
    """The port Internalizer."""

    port = "internalizer"

    @cached_property
    def base_fingerprint(self) -> str:
        return str(self._ask("base_fingerprint"))

    @cached_property
    def passage_tokens(self) -> int:
        return int(self._ask("passage_tokens"))

    @cached_property
    def most_merged(self) -> int:
        return int(self._ask("most_merged"))

    def count(self, texts: Sequence[str]) -> list[int]:
        return list(self._ask("count", [*texts])) if texts else []

    def look(self, image: Image, caption: str = "") -> Look:
        found: Look = self._ask("look", image, caption)
        return found

    def combine(self, loras: Sequence[LoRA], weights: Sequence[float] | None = None) -> LoRA:
        found: LoRA = self._ask("combine", [*loras], weights)
        return found


class RemoteSkills(RemoteHypernetwork):
    """The port SkillWriter."""

    port = "skills"

    def refusal(self, description: str) -> str | None:
        found: str | None = self._ask("refusal", description)
        return found


class RemoteGenerator(Remote):
    """The port Generator, by the engine's deployment."""

    port = "generator"
    waiting = 0  # the replicas have the lines

    @cached_property
    def base_fingerprint(self) -> str:
        return str(self._ask("base_fingerprint"))

    @cached_property
    def window(self) -> int:
        return int(self._ask("window"))

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return int(self._ask("count_tokens", [*messages]))

    def stream(self, request: GenerationRequest) -> RemoteReply:
        bare = replace(request, adapter=_at_hand(request.lora), cancelled=None)
        replies = self._handle.options(stream=True).stream
        return _tried(lambda: RemoteReply(replies.remote(bare), request.cancelled))

    def score(self, trials: Sequence[Trial]) -> list[Score]:
        given = [replace(trial, adapter=_at_hand(trial.adapter)) for trial in trials]
        return list(self._ask("score", given)) if given else []

    def close(self) -> None:
        """The replicas go with their deployment."""


class RemoteReply:
    """A reply on its way from a replica. Its head has come; what fails from here on ends it."""

    def __init__(self, pieces: Any, cancelled: Event | None) -> None:
        self._pieces = pieces
        self._cancelled = cancelled
        self._said, self.prompt_tokens, self.completion_tokens = next(pieces)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        while True:
            if self._cancelled is not None and self._cancelled.is_set():
                self.close()
                raise Cancelled("nobody waits for the reply")
            try:
                piece, self.prompt_tokens, self.completion_tokens = next(self._pieces)
            except (RayError, RayServeException) as error:
                _translate(error, again=False)
            if piece:
                return str(piece)

    def close(self) -> None:
        self._pieces.cancel()


def _tried(ask: Callable[[], T]) -> T:
    """Ask until a replica answers, TRIES of them at most."""
    for left in reversed(range(TRIES)):
        try:
            return ask()
        except (RayError, RayServeException, TimeoutError) as error:
            _translate(error, again=left > 0)
    raise AssertionError  # the last try raised


def _translate(error: Exception, *, again: bool) -> None:
    """Raise what the model raised, or ModelUnavailable for a lost replica unless it is tried again."""
    if isinstance(error, RayTaskError):
        raise error.cause from None
    if not again:
        raise ModelUnavailable(_LOST) from error


def _at_hand(found: Any) -> Any:
    """With adapters on the CPU: whoever reads them may have no GPU."""
    from hypernet.lora.adapter import LoRA

    if isinstance(found, LoRA):
        return found.to("cpu")
    if isinstance(found, Look):
        return found._replace(lora=found.lora.to("cpu"))
    return [_at_hand(one) for one in found] if isinstance(found, list) else found
