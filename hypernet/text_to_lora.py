"""Text-to-LoRA: the description of a task in, an adapter for it out, in one pass of a small network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from hypernet.backbones import bases
from hypernet.backbones.descriptions import Descriptions, directed
from hypernet.checkpoints import locate, published_task
from hypernet.checkpoints.checkpoint import require_weights
from hypernet.lora import checks
from hypernet.lora.adapter import LoRA
from hypernet.lora.fingerprint import fingerprint
from hypernet.networks.task_hypernetwork import TaskConfig, TaskHypernetwork

CONFIG = "task_hypernet.json"
WEIGHTS = "task_hypernet.safetensors"
FORMAT = 1


class TextToLoRA:
    """A network that writes adapters for ``base_model`` from embeddings of task descriptions.

    ``embedder`` names the sentence model whose embeddings it was trained on; it is loaded when the first
    description comes. ``descriptions`` are those it was made for, where they are known, and ``near`` is the
    least cosine to one of them from which on it follows a description, where that was measured.
    ``failed`` are those among them that it was measured not to follow, of tasks that it never learned too.
    """

    def __init__(
        self,
        network: TaskHypernetwork,
        *,
        base_model: str,
        embedder: str | None,
        device: torch.device | str,
        descriptions: Sequence[str] = (),
        near: float | None = None,
        failed: Sequence[str] = (),
    ) -> None:
        self.network = network.to(device)
        self.base_model = base_model
        self.embedder = embedder
        self.device = torch.device(device)
        self.descriptions = tuple(descriptions)
        self.near = near
        self.failed = frozenset(failed)
        self._descriptions = Descriptions(embedder, device)

    @classmethod
    def from_pretrained(
        cls,
        path: str | Path,
        *,
        base_model: str | Path | None = None,
        embedder: str | Path | None = None,
        device: torch.device | str | None = None,
    ) -> TextToLoRA:
        """The network in a folder or hub id (``owner/repo:folder``), in the published layout or ours.

        ``base_model`` and ``embedder`` replace the names in the checkpoint. Raises FileNotFoundError for
        what is missing, and ValueError, saying what was expected and found, for what is damaged.
        """
        folder = locate.checkpoint_path(path)
        folder = folder if folder.is_dir() else folder.parent
        if (folder / CONFIG).is_file():
            config, weights, names, known = _read_own(folder)
        elif (folder / published_task.FILE).is_file():
            found = published_task.load(folder)
            config, weights, known = found.config, found.weights, _Known()
            names = {"base_model": found.base_model, "embedder": found.embedder}
        else:
            raise FileNotFoundError(
                f"no Text-to-LoRA network in {folder}: neither {CONFIG} nor {published_task.FILE}"
            )
        return cls(
            _assemble(config, weights, str(folder)),
            base_model=str(base_model or names["base_model"]),
            embedder=str(embedder) if embedder else names["embedder"],
            device=device or bases.default_device(),
            descriptions=known.descriptions,
            near=known.near,
            failed=known.failed,
        )

    @property
    def config(self) -> TaskConfig:
        return self.network.config

    @cached_property
    def hypernet_fingerprint(self) -> str:
        """Tells networks apart, by their sizes and their weights."""
        sizes = json.dumps(self.config.to_dict(), sort_keys=True)
        return fingerprint(sizes, self.network.state_dict().items())

    def generate(self, description: str) -> LoRA:
        """The adapter for a task described in a sentence or two. Raises ValueError when it is blank."""
        return self.generate_from_embedding(self.embed(description))

    @torch.no_grad()
    def generate_from_embedding(self, vector: Sequence[float] | Tensor) -> LoRA:
        """The adapter for a task whose embedding [E], of any length, is known already."""
        task = torch.as_tensor(vector, dtype=torch.float32, device=self.device).flatten()
        if task.numel() != self.config.task_size:
            raise ValueError(
                f"expected a task embedding of size {self.config.task_size}, found {task.numel()}"
            )
        factors = self.network(directed(task))
        return LoRA(
            {m: a for m, (a, _) in factors.items()},
            {m: b for m, (_, b) in factors.items()},
            self.config.scaling,
        )

    def require_own(self, lora: LoRA) -> None:
        """Raise ValueError for an adapter that ``generate`` cannot have made, damaged ones included."""
        checks.require_own(lora, self.config, self.config.rank)

    def embed(self, description: str) -> Tensor:
        """The embedding [E] of a description, as ``Descriptions.embed`` makes it."""
        return self._descriptions.embed(description)

    def nearest(self, description: str) -> tuple[float, str]:
        """The cosine to the nearest of the descriptions it was made for, and that one."""
        cosines = torch.cosine_similarity(self._made_for, self.embed(description)[None])
        place = int(cosines.argmax())
        return float(cosines[place]), self.descriptions[place]

    @cached_property
    def _made_for(self) -> Tensor:
        return torch.stack([self.embed(one) for one in self.descriptions])

    def save(self, folder: str | Path) -> None:
        """Write the network in our own layout: ``task_hypernet.json`` and ``task_hypernet.safetensors``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: t.detach().cpu().contiguous() for name, t in self.network.state_dict().items()}
        _written(folder / WEIGHTS, lambda part: save_file(weights, part))
        described = {
            "base_model": self.base_model,
            "embedder": self.embedder,
            "descriptions": self.descriptions,
            "near": self.near,
            "failed": [one for one in self.descriptions if one in self.failed],
            "config": self.config.to_dict(),
        }
        text = json.dumps({"format": FORMAT, **described}, indent=2) + "\n"
        _written(folder / CONFIG, lambda part: part.write_text(text))


def _written(path: Path, write: Callable[[Path], object]) -> None:
    """The file as a whole or as it was: a crash leaves at most a part beside it."""
    part = path.with_name(f"{path.name}.part")
    write(part)
    part.replace(path)


def _assemble(config: TaskConfig, weights: dict[str, Tensor], where: str) -> TaskHypernetwork:
    with torch.device("meta"):
        network = TaskHypernetwork(config)
    network.load_state_dict(require_weights(network, weights, where), assign=True)
    return network.requires_grad_(False).eval()


@dataclass(frozen=True)
class _Known:
    """What a network is measured to follow."""

    descriptions: tuple[str, ...] = ()
    near: float | None = None
    failed: tuple[str, ...] = ()


def _read_own(
    folder: Path,
) -> tuple[TaskConfig, dict[str, Tensor], dict[str, Any], _Known]:
    try:
        described = json.loads((folder / CONFIG).read_text())
        if described["format"] != FORMAT:
            raise ValueError(f"{folder / CONFIG}: expected format {FORMAT}, found {described['format']}")
        weights = load_file(folder / WEIGHTS)
        named = ((kind, described[kind]) for kind in ("base_model", "embedder"))
        names = {kind: locate.base_model(name, folder) if name else None for kind, name in named}
        descriptions, failed = (
            tuple(str(one) for one in described.get(kind, ())) for kind in ("descriptions", "failed")
        )
        near = None if described.get("near") is None else float(described["near"])
        known = _Known(descriptions, near, failed)
        return TaskConfig.from_dict(described["config"]), weights, names, known
    except (json.JSONDecodeError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise ValueError(f"the Text-to-LoRA network in {folder} is damaged: {error}") from error
