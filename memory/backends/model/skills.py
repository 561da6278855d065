"""The Text-to-LoRA network in this process: fills the port SkillWriter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from memory.backends.model.embedder import MiniLMEmbedder
from memory.errors import ModelUnavailable

if TYPE_CHECKING:
    from hypernet import LoRA, TextToLoRA
    from memory.backends.model.local import LocalModel
    from memory.ports import Vectors

NEAR = (
    0.635  # cosine to the nearest description that the network was made for; docs/models.md has the figures
)


class SkillModel:
    """Loads a Text-to-LoRA network, for the base of a local model, when it is first needed."""

    def __init__(self, path: str | Path, model: LocalModel) -> None:
        self._path = path
        self._model = model
        self._network: TextToLoRA | None = None
        self._sentences = MiniLMEmbedder()
        self._known: Vectors | None = None  # [N, D], of the descriptions that the network was made for
        self._lock = Lock()  # loads once; and its tokenizer is not safe in two threads

    @property
    def hypernet_fingerprint(self) -> str:
        with self._lock:
            return self._loaded().hypernet_fingerprint

    def generate(self, descriptions: Sequence[str]) -> list[LoRA]:
        with self._lock:
            network = self._loaded()
            try:
                return [network.generate(description) for description in descriptions]
            except (OSError, ValueError, RuntimeError) as error:
                raise ModelUnavailable(f"the skill could not be made: {_line(error)}") from error

    def refusal(self, description: str) -> str | None:
        """A line for a description that is near none of those the network was made for, or to one that it
        was measured not to follow."""
        with self._lock:
            network = self._loaded()
            if not network.descriptions:
                return None
            if network.near is None:
                needed, (found, nearest) = NEAR, self._nearest(network.descriptions, description)
            else:
                needed, (found, nearest) = network.near, network.nearest(description)
            failed = nearest in network.failed
        if found < needed:
            return (
                f"the network for skills was not made for such a description: the nearest that it knows, at "
                f"{found:.2f} of {needed:.2f} needed, is {nearest!r}"
            )
        if failed:
            return (
                f"the network for skills was measured not to do such a task: the nearest description that it "
                f"knows, at {found:.2f}, is {nearest!r}"
            )
        return None

    def _nearest(self, known: Sequence[str], description: str) -> tuple[float, str]:
        """By the packaged sentence model, of a network that measured no bound of its own."""
        if self._known is None:
            self._known = self._sentences.embed(known)
        scores = self._known @ self._sentences.embed([description])[0]
        nearest = int(scores.argmax())
        return float(scores[nearest]), known[nearest]

    def check(self, lora: LoRA) -> None:
        with self._lock:
            network = self._loaded()
        network.require_own(lora)

    def unpack(self, data: bytes) -> LoRA:
        from hypernet.lora.adapter import LoRA

        return LoRA.from_bytes(data)

    def _loaded(self) -> TextToLoRA:
        if self._network is None:
            from hypernet import TextToLoRA
            from hypernet.backbones import bases

            base = self._model.d2l.base_model
            try:
                network = TextToLoRA.from_pretrained(self._path, device=base.device)
                bases.require_targets(network.config, base)
            except (OSError, ValueError, RuntimeError) as error:
                raise ModelUnavailable(
                    f"cannot load the Text-to-LoRA network {str(self._path)!r}: {_line(error)}"
                ) from error
            self._network = network
        return self._network


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
