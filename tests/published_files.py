"""Writes Doc-to-LoRA checkpoints in the published layout, with random weights, from the layout's description.

Axes: L base layers, M modules, R rank, D latent width, H feature width.
"""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

HEADS, KV_HEADS, HEAD_DIM = 16, 4, 128
_CLASSES = {
    "HypernetConfig": "ctx_to_lora.modeling.hypernet",
    "AggregatorConfig": "ctx_to_lora.modeling.aggregator",
    "CtxEncoderArguments": "ctx_to_lora.configs",
    "LoraConfig": "peft.tuners.lora.config",
}


@dataclass
class Sizes:
    """What a published checkpoint is made of."""

    modules: tuple[str, ...] = ("down_proj",)
    d_in: dict[str, int] = field(default_factory=lambda: {"down_proj": 48})
    d_out: dict[str, int] = field(default_factory=lambda: {"down_proj": 32})
    kind: str = "per_layer_activations"
    layers: int = 3
    rank: int = 2
    latent: int = 12
    feature: int = 32
    queries: int = 5
    blocks: int = 2
    selfs: int = 0
    pre_heads: int = 1
    layer_idx: int | None = 1

    @property
    def exit_layer(self) -> int:
        """Blocks that run in early exit: a quarter of them where nothing is said."""
        return self.layers // 4 if self.layer_idx is None else self.layer_idx

    @property
    def out_queries(self) -> int:
        per_layer = len(self.modules) * self.rank
        return per_layer if self.kind == "per_layer_activations" else self.layers * per_layer


def tensors(sizes: Sizes, seed: int = 0) -> OrderedDict[str, Tensor]:
    """Random weights under the published names."""
    draw = torch.Generator().manual_seed(seed)
    out: OrderedDict[str, Tensor] = OrderedDict()

    def add(name: str, *shape: int, norm: bool = False) -> None:
        values = torch.randn(*shape, generator=draw)
        out[name] = 1 + 0.2 * values if norm else values * shape[-1] ** -0.5

    d, h = sizes.latent, sizes.feature
    perceiver = "aggregator.perceiver"
    for name, shape in (("gate", (4 * h, h)), ("up", (4 * h, h)), ("down", (d, 4 * h))):
        add(f"{perceiver}.modality_projection.{name}_proj.weight", *shape)
    kinds = ([True] + [False] * sizes.selfs) * sizes.blocks
    _stack(add, f"{perceiver}.encoder", sizes.queries, kinds, d)
    _stack(add, f"{perceiver}.decoder", sizes.out_queries, [True], d)
    layers = sizes.layers
    for i in range(sizes.pre_heads):
        for j in (0, 4):
            add(f"layers.{i}.layers.{j}.weight", d, norm=True)
            add(f"layers.{i}.layers.{j}.bias", d)
        for j, (rows, columns) in ((1, (d, 4 * d)), (3, (4 * d, d))):
            add(f"layers.{i}.layers.{j}.weight", layers, rows, columns)
            add(f"layers.{i}.layers.{j}.bias", 1, layers, 1, 1, columns)
    for module in sizes.modules:
        for side, widths in (("A", sizes.d_in), ("B", sizes.d_out)):
            add(f"bias_{side}.{module}", layers, sizes.rank, widths[module])
            add(f"scaler_{side}.{module}", 1, layers, sizes.rank, 1, norm=True)
    widest = max(sizes.d_in[m] + sizes.d_out[m] for m in sizes.modules)
    modules = (len(sizes.modules),) if len(sizes.modules) > 1 else ()
    add("head.weight", layers, *modules, d, widest)
    return out


def _stack(add: Any, prefix: str, queries: int, kinds: list[bool], d: int) -> None:
    add(f"{prefix}.latents_q", queries, d)
    for i, cross in enumerate(kinds):
        block = f"{prefix}.layers.{i}"
        norms = ["input_latents_", "post_attention_", "pre_ff_", "post_ff_"] + ["input_context_"] * cross
        for norm in norms:
            add(f"{block}.{norm}layernorm.weight", d, norm=True)
        for name, heads in (("q", HEADS), ("k", KV_HEADS), ("v", KV_HEADS)):
            add(f"{block}.self_attn.{name}_proj.weight", heads * HEAD_DIM, d)
        add(f"{block}.self_attn.o_proj.weight", d, HEADS * HEAD_DIM)
        for name, shape in (("gate", (4 * d, d)), ("up", (4 * d, d)), ("down", (d, 4 * d))):
            add(f"{block}.mlp.{name}_proj.weight", *shape)
    add(f"{prefix}.layernorm.weight", d, norm=True)


def write(
    path: Path, sizes: Sizes, weights: dict[str, Tensor], ctx_encoder: str | None = None, **changes: Any
) -> Path:
    """Pickle a checkpoint as the public code does; ``changes`` replace whole entries of its dict."""
    with foreign_classes() as make:
        content = OrderedDict(weights)
        content["base_model_name_or_path"] = "tiny/base"
        lora = make(
            "LoraConfig", r=sizes.rank, lora_alpha=2 * sizes.rank**1.5, target_modules=set(sizes.modules)
        )
        aggregator = make(
            "AggregatorConfig",
            feature_size=sizes.feature,
            n_latent_queries=sizes.queries,
            num_blocks=sizes.blocks,
            num_self_attn_per_block=sizes.selfs,
        )
        content["hypernet_config"] = make(
            "HypernetConfig",
            latent_size=sizes.latent,
            num_pre_head_layers=sizes.pre_heads,
            lora_config=lora,
            extra_modules=None,
            layer_indices=torch.arange(sizes.layers),
            feature_sizes=(sizes.d_in, sizes.d_out),
            aggregator_config=aggregator,
        )
        content["ctx_encoder_args"] = make(
            "CtxEncoderArguments",
            ctx_encoder_model_name_or_path=ctx_encoder,
            ctx_encoder_type=sizes.kind,
            layer_idx=sizes.layer_idx,
            ctx_encoder_last_layer=None,
        )
        torch.save(content | changes, path)
    return path


@cache
def _classes() -> dict[str, type]:
    return {name: type(name, (), {"__module__": module}) for name, module in _CLASSES.items()}


@contextmanager
def foreign_classes() -> Iterator[Any]:
    """Yields ``make(class name, **fields)``; the classes exist, under their foreign names, only inside."""
    before, classes = dict(sys.modules), _classes()
    for module in _CLASSES.values():
        for part in (".".join(module.split(".")[: i + 1]) for i in range(module.count(".") + 1)):
            sys.modules[part] = ModuleType(part)
    for name, module in _CLASSES.items():
        setattr(sys.modules[module], name, classes[name])

    def make(name: str, **fields: Any) -> Any:
        record = classes[name]()
        record.__dict__.update(fields)
        return record

    try:
        yield make
    finally:
        for name in set(sys.modules) - set(before):
            del sys.modules[name]
        sys.modules.update(before)
