"""Published Text-to-LoRA folders -> our network: ``hypermod.pt``, ``args.yaml`` and ``adapter_config.json``.

Layout and meaning as in the public implementation (github.com/SakanaAI/text-to-lora). Rows of the module
embedding follow the iteration order of a Python set in the training process; the order of the ``heads.*``
keys records it, ``args.yaml`` may not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from hypernet.checkpoints import locate, unpickle
from hypernet.networks.task_hypernetwork import TaskConfig

FILE = "hypermod.pt"
_RENAMES = (
    (r"^task_encoder\.mlp\.", "task_encoder."),
    (r"^layer_depth_encoder\.", "layer_embedding."),
    (r"^layer_type_encoder\.", "module_embedding."),
    (r"^mixer\.1\.", "mixer.0."),
    (r"^mixer\.4\.", "mixer.2."),
    (r"^mlp1\.mlp\.", "first.inner."),
    (r"^mlp2\.mlp\.", "second.inner."),
    (r"^mlp3\.", "trunk."),
    (r"^((?:first|second)\.inner|trunk)\.4\.", r"\1.3."),
    (r"^out_emb_norm\.", "side_norm."),
)
_SPREAD = 1e-10  # added to the spread in the public code


@dataclass(frozen=True)
class PublishedTask:
    """A published network in our names, and the models it was made with."""

    config: TaskConfig
    weights: dict[str, Tensor]
    base_model: str
    embedder: str | None


def load(folder: Path) -> PublishedTask:
    """Read a published folder. Raises ValueError for what is damaged, missing or of another kind."""
    path = folder / FILE
    arguments = _mapping(yaml.safe_load, folder / "args.yaml")
    adapter = _mapping(json.loads, folder / "adapter_config.json")
    _require_known(arguments, path)
    tensors = {name: t for name, t in unpickle.read(path).items() if isinstance(t, Tensor)}
    try:
        config = _config(tensors, adapter, shared=bool(arguments.get("shared_AB_head")))
        weights = _weights(tensors, config, arguments)
    except (KeyError, IndexError) as error:
        raise ValueError(f"{path} is not a Text-to-LoRA checkpoint: missing {error}") from error
    embedder = arguments.get("emb_model")
    return PublishedTask(
        config,
        weights,
        locate.base_model(str(arguments.get("model_dir") or adapter["base_model_name_or_path"]), folder),
        locate.base_model(str(embedder), folder) if embedder else None,
    )


def _mapping(parse: Any, path: Path) -> dict[str, Any]:
    try:
        parsed = parse(path.read_text())
    except FileNotFoundError as error:
        raise ValueError(f"{path} is missing") from error
    except (yaml.YAMLError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {str(error).splitlines()[0]}") from error
    if not isinstance(parsed, dict):
        raise ValueError(f"{path}: expected named settings, found {type(parsed).__name__}")
    return parsed


def _require_known(arguments: Mapping[str, Any], path: Path) -> None:
    known = {
        "encoder_type": ("linear", None),
        "autoreg_gen": (False, None),
        "use_one_hot_task_emb": (False, None),
    }
    for name, values in known.items():
        if arguments.get(name) not in values:
            raise ValueError(f"{path}: expected {name}={values[0]}, found {arguments[name]}")


def _config(tensors: Mapping[str, Tensor], adapter: Mapping[str, Any], *, shared: bool) -> TaskConfig:
    modules = tuple(name.split(".")[1] for name in tensors if re.fullmatch(r"heads\.\w+\.weight", name))
    d_in = {m: tensors[f"AB_offset.A.{m}"].size(-1) for m in modules}
    d_out = {m: tensors[f"AB_offset.B.{m}"].size(-2) for m in modules}
    layers, rank = tensors[f"AB_offset.A.{modules[0]}"].shape[:2]
    encoded_size, task_size = tensors["task_encoder.mlp.0.weight"].shape
    return TaskConfig(
        modules=modules,
        d_in=d_in,
        d_out=d_out,
        num_layers=layers,
        rank=rank,
        scaling=adapter["lora_alpha"] / (rank**0.5 if adapter.get("use_rslora") else rank),
        task_size=task_size,
        encoded_size=encoded_size,
        place_size=tensors["layer_depth_encoder.0.weight"].size(-1),
        head_size=tensors[f"heads.{modules[0]}.weight"].size(-1),
        shared_head=shared,
        head_bias=f"heads.{modules[0]}.bias" in tensors,
    )


def _weights(
    tensors: Mapping[str, Tensor], config: TaskConfig, arguments: Mapping[str, Any]
) -> dict[str, Tensor]:
    tables = ("AB_offset.", "mean_recon_target.", "std_recon_target.", "out_emb.")
    weights = {_renamed(name): t for name, t in tensors.items() if not name.startswith(tables)}
    restored = arguments.get("training_task") == "recon"
    for module in config.modules:
        for side in ("A", "B"):
            offset, mean, spread = (_rows(tensors[f"{t}{side}.{module}"], side) for t in tables[:3])
            scale, shift = torch.ones_like(offset), torch.zeros_like(offset) if restored else offset
            if restored and arguments.get("pred_z_score"):
                scale, shift = spread + _SPREAD, mean
            weights |= {f"scale_{side}.{module}": scale, f"shift_{side}.{module}": shift}
        if config.shared_head:
            sides = [tensors[f"out_emb.{module}.{side}"] for side in ("A", "B")]
            weights[f"side_embedding.{module}"] = torch.stack(sides)
    return weights


def _rows(table: Tensor, side: str) -> Tensor:
    """[L, R, d_in] as it is; B's [L, d_out, R] with the rank in the middle."""
    return table if side == "A" else table.mT


def _renamed(name: str) -> str:
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    return name
