"""The ports of the hypernetworks: Doc-to-LoRA and Text-to-LoRA."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from PIL.Image import Image

    from hypernet.lora.adapter import LoRA


class Look(NamedTuple):
    """What a model makes of a picture."""

    lora: LoRA
    words: str


class Internalizer(Protocol):
    """Text -> adapters: the hypernetwork, behind its public names."""

    @property
    def base_fingerprint(self) -> str:
        """Of the base model the adapters fit."""
        ...

    @property
    def hypernet_fingerprint(self) -> str:
        """Of the weights that make the adapters."""
        ...

    @property
    def passage_tokens(self) -> int:
        """Most tokens in a passage that becomes one adapter."""
        ...

    @property
    def most_merged(self) -> int:
        """Most adapters that the hypernetwork was trained to combine."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without any chat template."""
        ...

    def generate(self, passages: Sequence[str]) -> list[LoRA]:
        """One adapter a passage, without bias."""
        ...

    def look(self, image: Image, caption: str = "") -> Look:
        """The adapter of a picture and its caption, and the model's own words for the picture.

        Raises SeesNothing where the model reads text alone, InvalidInput for one it does not recognize.
        """
        ...

    def check(self, lora: LoRA) -> None:
        """Raise ValueError for an adapter that `generate` cannot have made.

        Asked of whatever was stored or imported before it is applied: a batch holds rows of several tenants.
        """
        ...

    def unpack(self, data: bytes) -> LoRA:
        """A stored adapter. Raises ValueError for bytes that are none of this network's."""
        ...

    def combine(self, loras: Sequence[LoRA], weights: Sequence[float] | None = None) -> LoRA:
        """Exact merge on the rank dimension, with the bias adapter once."""
        ...


class SkillWriter(Protocol):
    """Descriptions of tasks -> adapters for the internalizer's base model: Text-to-LoRA."""

    @property
    def hypernet_fingerprint(self) -> str:
        """Of the weights that make the adapters."""
        ...

    def generate(self, descriptions: Sequence[str]) -> list[LoRA]:
        """One adapter a description. Raises ModelUnavailable."""
        ...

    def refusal(self, description: str) -> str | None:
        """One line on why the network cannot follow a description; None where it can, or cannot tell."""
        ...

    def check(self, lora: LoRA) -> None:
        """Raise ValueError for an adapter that `generate` cannot have made."""
        ...

    def unpack(self, data: bytes) -> LoRA:
        """A stored adapter. Raises ValueError for bytes that are none of this network's."""
        ...
