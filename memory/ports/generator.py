"""The port of the base model: requests, replies and scores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Protocol

from memory.errors import IncompatibleAdapter
from memory.ports.internalizer import Internalizer
from memory.records import Message

if TYPE_CHECKING:
    from hypernet.lora.adapter import LoRA


@dataclass(frozen=True, slots=True)
class MergedAdapter:
    """One adapter of a merge, by name: its bytes are in the blob store, under the tenant and the digest."""

    memory_id: str
    digest: str  # "" for a passage of the past, which has no blob: only tensors hold it
    weight: float
    skill: bool = False  # joins as it is; with any that is none, the bias adapter joins the merge once


@dataclass(frozen=True, slots=True)
class Merge:
    """The adapters of a turn by name, and their exact sum as tensors for who asks for it.

    An engine elsewhere loads them by name and never asks for tensors. All of them fit the base model
    `base_fingerprint`.
    """

    tenant_id: str
    base_fingerprint: str
    adapters: tuple[MergedAdapter, ...]
    tensors: Callable[[], LoRA]  # raises BlobError, ModelUnavailable


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """One row of the engine's batch."""

    messages: tuple[Message, ...]
    adapter: LoRA | Merge | None = None  # None is the bare base model
    max_new_tokens: int = 128
    temperature: float = 0.0  # 0 is greedy: the same prompt gives the same reply
    seed: int | None = None  # of the sampling, where temperature is above 0
    stop: tuple[str, ...] = ()  # the reply ends before the first of these
    top_p: float = 1.0  # sample among the likeliest tokens that together have this chance
    owner: str = ""  # whose request it is: owners take turns
    cancelled: Event | None = None  # once set, nobody needs the reply: nothing more of it is written

    @property
    def lora(self) -> LoRA | None:
        """The adapter as tensors, merged now where it was not; to be asked for once. Raises as the merge."""
        return self.adapter.tensors() if isinstance(self.adapter, Merge) else self.adapter


class Generation(Protocol):
    """A reply on its way: iterate for its pieces. The counts are final when the iteration has ended."""

    @property
    def prompt_tokens(self) -> int:
        """Tokens the model read."""
        ...

    @property
    def completion_tokens(self) -> int:
        """Tokens the model has written so far."""
        ...

    def __iter__(self) -> Iterator[str]: ...

    def __next__(self) -> str: ...

    def close(self) -> None:
        """Cancel what is left of it."""
        ...


@dataclass(frozen=True, slots=True)
class Trial:
    """A question with its right answer, to be scored under an adapter."""

    question: str
    answer: str
    adapter: LoRA | None = None
    before: tuple[Message, ...] = ()  # what stands in the prompt before the question
    whole: bool = False  # whether the reply ends behind the answer, which counts then: "1" is not "12"


@dataclass(frozen=True, slots=True)
class Score:
    """How likely the answer was."""

    likelihood: float  # mean natural logarithm of the chances of its tokens; 0 is certainty
    right: bool  # whether the greedy reply would begin with it


class Generator(Protocol):
    """The one owner of the base model."""

    @property
    def base_fingerprint(self) -> str:
        """Of the base model in use."""
        ...

    @property
    def window(self) -> int:
        """Tokens the base model can read and write in one request."""
        ...

    @property
    def waiting(self) -> int:
        """Requests that wait for the model; loads nothing."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt these messages make, chat template included."""
        ...

    def stream(self, request: GenerationRequest) -> Generation:
        """The reply in pieces, as they come. Raises InvalidInput for a prompt longer than the window.

        Raises as `GenerationRequest.lora` does, before anything is generated.
        """
        ...

    def score(self, trials: Sequence[Trial]) -> list[Score]:
        """How likely each answer is; nothing is written. The trials share forward passes."""
        ...

    def close(self) -> None:
        """Finish what runs and let go of the model."""
        ...


def require_same_base(internalizer: Internalizer, generator: Generator) -> None:
    """Refuse a generator whose base model adapters are not made for. Raises IncompatibleAdapter."""
    made_for, in_use = internalizer.base_fingerprint, generator.base_fingerprint
    if made_for != in_use:
        raise IncompatibleAdapter(
            f"adapters are made for base model {made_for[:12]}, the generator runs {in_use[:12]}; "
            "give a generator and an internalizer of one base model"
        )
