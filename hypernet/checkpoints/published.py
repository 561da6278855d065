"""Published Doc-to-LoRA checkpoints -> our hypernetwork.

Layout and meaning as in the public implementation (github.com/SakanaAI/doc-to-lora): one dict of float32
tensors plus ``base_model_name_or_path``, ``hypernet_config`` and ``ctx_encoder_args``; no base weights.
Axes: L base layers, M target modules, R rank, D latent width.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hypernet.checkpoints import locate, unpickle
from hypernet.checkpoints.checkpoint import Checkpoint, assemble
from hypernet.networks.config import FeatureKind, HypernetConfig

FILE = "pytorch_model.bin"
_KINDS: dict[str, FeatureKind] = {"per_layer_activations": "per_layer", "early_exit": "early_exit"}
_RENAMES = (
    (r"^aggregator\.perceiver\.modality_projection\.", "perceiver.projection."),
    (r"^aggregator\.perceiver\.(encoder|decoder)\.latents_q$", r"perceiver.\1.latents"),
    (r"^aggregator\.perceiver\.(encoder|decoder)\.layernorm\.", r"perceiver.\1.norm."),
    (r"^aggregator\.perceiver\.(encoder|decoder)\.layers\.", r"perceiver.\1.blocks."),
    (r"\.input_latents_layernorm\.", ".norm_latents."),
    (r"\.input_context_layernorm\.", ".norm_context."),
    (r"\.self_attn\.", ".attention."),
    (r"\.post_attention_layernorm\.", ".norm_attention."),
    (r"\.pre_ff_layernorm\.", ".norm_before_mlp."),
    (r"\.post_ff_layernorm\.", ".norm_after_mlp."),
    (r"^layers\.(\d+)\.layers\.0\.", r"heads.pre_head.\1.norm_in."),
    (r"^layers\.(\d+)\.layers\.1\.", r"heads.pre_head.\1.up."),
    (r"^layers\.(\d+)\.layers\.3\.", r"heads.pre_head.\1.down."),
    (r"^layers\.(\d+)\.layers\.4\.", r"heads.pre_head.\1.norm_out."),
    (r"^(bias_[AB]|scaler_[AB])\.", r"heads.\1."),
    (r"^head\.weight$", "heads.head"),
)


def find(path: Path) -> Path | None:
    """The published checkpoint at ``path``: a file, its folder, or a run's folder (its last checkpoint)."""
    if path.is_file():
        return path
    if (path / FILE).is_file():
        return path / FILE
    found = [p for p in path.glob(f"checkpoint-*/{FILE}") if p.parent.name[11:].isdigit()]
    return max(found, key=lambda p: int(p.parent.name[11:]), default=None)


def load(path: Path) -> Checkpoint:
    """Read a published checkpoint file; nothing in it is executed.

    Raises ValueError for a foreign file, an unknown kind of hypernetwork, and tensors that are missing,
    of the wrong shape or not finite.
    """
    content = {name.removeprefix("_orig_mod."): value for name, value in unpickle.read(path).items()}
    tensors = {name: value for name, value in content.items() if isinstance(value, Tensor)}
    try:
        config = _config(content, len(tensors))
        base = str(content["base_model_name_or_path"])
        encoder = content["ctx_encoder_args"].get("ctx_encoder_model_name_or_path")
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise ValueError(f"{path} is not a Doc-to-LoRA checkpoint: missing {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    weights = {_renamed(name): _reshaped(name, t, config) for name, t in tensors.items()}
    if not content["hypernet_config"].get("use_bias", True):
        weights |= _zero_bias(config)
    return Checkpoint(
        assemble(config, weights, str(path)),
        locate.base_model(base, path),
        locate.base_model(str(encoder), path) if encoder and encoder != base else None,
    )


def _config(content: Mapping[str, Any], tensor_count: int) -> HypernetConfig:
    """Our sizes from the published configuration, which repeats many of them."""
    hyper, encoder = content["hypernet_config"], content["ctx_encoder_args"]
    lora, perceiver = hyper["lora_config"], hyper["aggregator_config"]
    layers = [int(i) for i in hyper["layer_indices"]]
    kind = str(encoder["ctx_encoder_type"])
    if kind not in _KINDS:
        raise ValueError(f"expected a context encoder of type {' or '.join(_KINDS)}, found {kind}")
    if layers != list(range(len(layers))) or hyper.get("extra_modules"):
        raise ValueError(f"expected adapters for all layers and no extra modules, found layers {layers}")
    last = encoder.get("ctx_encoder_last_layer")
    if _KINDS[kind] == "per_layer" and last not in (None, len(layers)):
        raise ValueError(f"expected features of {len(layers)} layers, found ctx_encoder_last_layer={last}")
    counts = {
        "num_blocks": int(perceiver["num_blocks"]),
        "num_self_attn_per_block": int(perceiver["num_self_attn_per_block"]),
        "num_pre_head_layers": int(hyper.get("num_pre_head_layers", 4)),
    }
    if max(counts.values()) > tensor_count:
        raise ValueError(f"expected at most {tensor_count} blocks, as there are tensors, found {counts}")
    d_in, d_out = hyper["feature_sizes"]
    modules = tuple(sorted(str(m) for m in lora["target_modules"]))
    return HypernetConfig(
        target_modules=modules,
        d_in={m: int(d_in[m]) for m in modules},
        d_out={m: int(d_out[m]) for m in modules},
        num_layers=len(layers),
        rank=int(lora["r"]),
        hidden_size=int(perceiver["feature_size"]),
        scaling=float(lora["lora_alpha"]),  # used directly, never divided by r
        latent_size=int(hyper["latent_size"]),
        num_latents=int(perceiver["n_latent_queries"]),
        feature_kind=_KINDS[kind],
        exit_layer=_exit_layer(encoder, len(layers)),
        context_system_turn=True,
        num_blocks=counts["num_blocks"],
        num_self_attn_per_block=counts["num_self_attn_per_block"],
        num_pre_head_layers=counts["num_pre_head_layers"],
    )


def _exit_layer(encoder: Mapping[str, Any], layers: int) -> int | None:
    if encoder["ctx_encoder_type"] != "early_exit":
        return None
    index = encoder.get("layer_idx")
    return layers // 4 if index is None else int(index)


def _renamed(name: str) -> str:
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    return name


def _reshaped(name: str, tensor: Tensor, config: HypernetConfig) -> Tensor:
    """Drop the axes of length 1 that biases and scalers have; give a lone module's head its module axis."""
    if re.match(r"layers\.\d+\.layers\.[13]\.bias$", name) and tensor.ndim == 5:
        return tensor[0, :, 0]  # [1, L, 1, 1, D] -> [L, 1, D]
    if name.startswith("scaler_") and tensor.ndim == 4:
        return tensor[0]  # [1, L, R, 1] -> [L, R, 1]
    if name == "head.weight" and config.num_modules == 1 and tensor.ndim == 3:
        return tensor[:, None]  # [L, D, F] -> [L, 1, D, F]
    return tensor


def _zero_bias(config: HypernetConfig) -> dict[str, Tensor]:
    shape = (config.num_layers, config.rank)
    return {
        f"heads.bias_{side}.{m}": torch.zeros(*shape, width[m])
        for side, width in (("A", config.d_in), ("B", config.d_out))
        for m in config.target_modules
    }
