"""Hypernetwork weights and sizes <-> a folder: ``hypernet.json`` beside ``hypernet*.safetensors``.

``hypernet.json`` holds the format, the sizes, the names of the weight files (each under 16 MB, unless one
tensor alone is larger) and the base model it belongs to: a folder relative to this one, or a hub id. Where
there is a patch encoder, ``image_encoder`` names its folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from hypernet.checkpoints import locate
from hypernet.networks.config import HypernetConfig
from hypernet.networks.hypernetwork import AnyHypernetwork, build

FORMAT = 1
CONFIG = "hypernet.json"
SHARD_BYTES = 15_000_000
_STORED = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class Checkpoint:
    """A hypernetwork in float32, and the names of the models it works with."""

    hypernetwork: AnyHypernetwork
    base_model: str
    encoder_model: str | None = None  # None: the base model itself
    image_encoder: Path | None = None  # the folder of a patch encoder in front of the base


def save(
    hypernetwork: AnyHypernetwork,
    folder: str | Path,
    *,
    base: str,
    encoder: str | None = None,
    dtype: str = "float32",
) -> None:
    """Write ``hypernetwork`` for the base model ``base``, a folder relative to ``folder`` or a hub id.

    ``dtype`` is how the weights are stored: float32, bfloat16 or float16.
    """
    if dtype not in _STORED:
        raise ValueError(f"unknown dtype {dtype!r}: one of {', '.join(_STORED)}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    stored = {name: t.detach().to("cpu", _STORED[dtype]) for name, t in hypernetwork.state_dict().items()}
    shards = list(_shards(stored))
    names = [f"hypernet-{i:05d}-of-{len(shards):05d}.safetensors" for i in range(1, len(shards) + 1)]
    for name, shard in zip(names, shards, strict=True):
        save_file(shard, folder / f"{name}.part")
        (folder / f"{name}.part").replace(folder / name)
    described = {
        "format": FORMAT,
        "base_model": base,
        "encoder_model": encoder,
        "config": hypernetwork.config.to_dict(),
        "weights": names,
    }
    part = folder / f"{CONFIG}.part"
    part.write_text(json.dumps(described, indent=2) + "\n")
    part.replace(folder / CONFIG)
    for stale in folder.glob("hypernet*.safetensors"):
        if stale.name not in names:
            stale.unlink()


def load(folder: str | Path) -> Checkpoint:
    """Read ``save``. Raises FileNotFoundError, or ValueError that says what was expected and found."""
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(f"no {CONFIG} in {folder}")
    described = _described(folder / CONFIG)
    tensors: dict[str, Tensor] = {}
    for name in described["weights"]:
        tensors |= _read(folder / Path(name).name)
    hypernetwork = assemble(HypernetConfig.from_dict(described["config"]), tensors, str(folder))
    encoder = described.get("encoder_model")
    return Checkpoint(
        hypernetwork,
        locate.base_model(described["base_model"], folder),
        locate.base_model(encoder, folder) if encoder else None,
        folder / described["image_encoder"] if described.get("image_encoder") else None,
    )


def assemble(config: HypernetConfig, tensors: Mapping[str, Tensor], where: str) -> AnyHypernetwork:
    """A hypernetwork of these sizes with these weights, in float32 and not trainable.

    Raises ValueError when a tensor is missing, unknown, of another shape or not finite.
    """
    with torch.device("meta"):
        hypernetwork = build(config)
    hypernetwork.load_state_dict(require_weights(hypernetwork, tensors, where), assign=True)
    return hypernetwork.requires_grad_(False).eval()


def require_weights(network: nn.Module, tensors: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """The tensors in float32, when they are exactly those that ``network`` needs; else ValueError."""
    expected = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            wanted, had = expected.get(name, "none"), found.get(name, "none")
            raise ValueError(f"{where}: tensor {name}: expected {wanted}, found {had}")
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{where}: tensor {name}: expected finite numbers, found NaN or infinity")
    return {name: tensor.float().contiguous() for name, tensor in tensors.items()}


def _described(path: Path) -> dict[str, Any]:
    try:
        described: dict[str, Any] = json.loads(path.read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    if not isinstance(described, dict) or described.get("format") != FORMAT:
        found = described.get("format") if isinstance(described, dict) else type(described).__name__
        raise ValueError(f"{path}: expected a hypernetwork of format {FORMAT}, found {found}")
    missing = {"base_model", "config", "weights"} - described.keys()
    if missing:
        raise ValueError(f"{path}: expected entries {', '.join(sorted(missing))}, found none")
    return described


def _read(path: Path) -> dict[str, Tensor]:
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except FileNotFoundError as error:
        raise ValueError(f"weight file {path} is missing") from error
    except safetensors.SafetensorError as error:
        raise ValueError(f"weight file {path} is damaged: {error}") from error
    return tensors


def _shards(tensors: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    shard: dict[str, Tensor] = {}
    size = 0
    for name, tensor in tensors.items():
        if shard and size + tensor.nbytes > SHARD_BYTES:
            yield shard
            shard, size = {}, 0
        shard[name] = tensor.contiguous()
        size += tensor.nbytes
    yield shard
