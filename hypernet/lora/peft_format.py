"""Factors <-> PEFT adapter folder: ``adapter_config.json`` and ``adapter_model.safetensors``.

PEFT keeps lora_A [r, d_in] and lora_B [d_out, r] per layer and scales by ``lora_alpha / r``; hence
``lora_alpha = scaling * r`` here, a float. Axes: L base layers, R rank.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from hypernet.lora.factors import Factors

_BLOCK = dict.fromkeys(("q_proj", "k_proj", "v_proj", "o_proj"), "self_attn")
_BLOCK |= dict.fromkeys(("gate_proj", "up_proj", "down_proj"), "mlp")
_KEY = re.compile(r"\.layers\.(\d+)\.(?:.+\.)?(\w+)\.lora_([AB])\.weight$")
_PLAIN = {
    "bias": ("none",),
    "use_dora": (False, None),
    "lora_bias": (False, None),
    "fan_in_fan_out": (False, None),
    "modules_to_save": (None,),
    "layer_replication": (None,),
}


def save(factors: Factors, folder: str | Path, *, base_model_name: str = "") -> None:
    """Write an adapter of one rank as a PEFT folder for a Llama-like base (Llama, Mistral, Gemma, Qwen).

    Raises ValueError for a module whose place in such a base is unknown.
    """
    tensors = {}
    for module in sorted(factors.A):
        layers = factors.layers or range(len(factors.A[module]))
        for layer, a, b in zip(layers, factors.A[module].cpu(), factors.B[module].cpu(), strict=True):
            path = f"base_model.model.model.layers.{layer}.{_block(module)}.{module}"
            tensors[f"{path}.lora_A.weight"] = a.contiguous()
            tensors[f"{path}.lora_B.weight"] = b.T.contiguous()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "adapter_model.safetensors", {"format": "pt"})
    config = json.dumps(_config(factors, base_model_name), indent=2)
    (folder / "adapter_config.json").write_text(config + "\n")


def load(folder: str | Path) -> Factors:
    """Read a PEFT folder. Raises FileNotFoundError, or ValueError for anything but a plain LoRA."""
    folder = Path(folder)
    config = json.loads((folder / "adapter_config.json").read_text())
    _require_plain(config)
    try:
        tensors = load_file(folder / "adapter_model.safetensors")
    except safetensors.SafetensorError as error:
        raise ValueError(f"{folder}/adapter_model.safetensors is damaged: {error}") from error
    sides: dict[str, dict[str, dict[int, Tensor]]] = {"A": {}, "B": {}}
    for key, tensor in tensors.items():
        match = _KEY.search(key)
        if match is None:
            raise ValueError(f"{folder}: tensor {key!r} belongs to no LoRA layer")
        rows = tensor if match[3] == "A" else tensor.T
        sides[match[3]].setdefault(match[2], {})[int(match[1])] = rows
    layers = _layers(config)
    a, b = ({m: _stack(m, found, layers) for m, found in sides[side].items()} for side in ("A", "B"))
    return Factors(a, b, _scaling(config), layers)


def _block(module: str) -> str:
    if module not in _BLOCK:
        raise ValueError(
            f"do not know where {module!r} stands in a base model; known are {', '.join(_BLOCK)}"
        )
    return _BLOCK[module]


def _config(factors: Factors, base_model_name: str) -> dict[str, Any]:
    [rank] = {a.size(1) for a in factors.A.values()}
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_model_name,
        "r": rank,
        "lora_alpha": factors.scaling * rank,
        "target_modules": sorted(factors.A),
        "layers_to_transform": None if factors.layers is None else list(factors.layers),
        "lora_dropout": 0.0,
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
        "modules_to_save": None,
        "inference_mode": True,
        "init_lora_weights": True,
    }


def _require_plain(config: dict[str, Any]) -> None:
    if config.get("peft_type") != "LORA":
        raise ValueError(f"expected a PEFT adapter of type LORA, found {config.get('peft_type')}")
    for name, allowed in _PLAIN.items():
        if name in config and config[name] not in allowed:
            raise ValueError(f"cannot read a PEFT adapter with {name}={config[name]!r}: only a plain LoRA")
    if config.get("rank_pattern") or config.get("alpha_pattern"):
        raise ValueError("cannot read a PEFT adapter with rank_pattern or alpha_pattern: one rank for all")


def _scaling(config: dict[str, Any]) -> float:
    try:
        rank = float(config["r"])
        return float(config["lora_alpha"]) / (rank**0.5 if config.get("use_rslora") else rank)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError) as error:
        raise ValueError("a PEFT adapter needs numbers for r and lora_alpha, r above 0") from error


def _layers(config: dict[str, Any]) -> tuple[int, ...] | None:
    """The base layers that are adapted, None for all of them."""
    named = config.get("layers_to_transform")
    return None if named is None else tuple(sorted([named] if isinstance(named, int) else named))


def _stack(module: str, found: dict[int, Tensor], layers: tuple[int, ...] | None) -> Tensor:
    wanted = range(len(found)) if layers is None else layers
    if sorted(found) != list(wanted):
        expected = "an adapter for every layer" if layers is None else f"adapters for layers {list(layers)}"
        raise ValueError(f"{module}: expected {expected}, found layers {sorted(found)}")
    return torch.stack([found[i] for i in wanted])
