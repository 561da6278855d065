"""Merging, applying and making adapters: ``python -m benchmarks.bench_hypernet [--json]``.

Every ratio compares two things measured in turns, side by side in one run, by their medians. Weights are
random: time and memory do not depend on them. PEFT's model is a copy, because it replaces layers.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import peft
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel
from transformers.utils import logging as transformers_logging

from benchmarks.peak_memory import peak_memory
from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.adapter import LoRA
from hypernet.lora.inject import apply
from hypernet.networks.config import HypernetConfig
from hypernet.networks.hypernetwork import Hypernetwork
from hypernet.training.reference.reference import train_tokenizer, wrap_tokenizer

LAYERS, HIDDEN, INNER, RANK, VOCAB = 30, 576, 1536, 8, 256
CHUNK = 512
MODULE = "down_proj"


@dataclass(frozen=True)
class Shape:
    """Sizes of a base and of the hypernetwork for it."""

    layers: int
    hidden: int
    inner: int
    latent: int
    pre_head_layers: int


GOLDEN = Shape(layers=4, hidden=64, inner=128, latent=32, pre_head_layers=1)  # as the reference values have
DEEP = Shape(layers=LAYERS, hidden=128, inner=384, latent=64, pre_head_layers=4)


@dataclass(frozen=True)
class Row:
    """One line of the table; ``times`` is how many of our milliseconds the other takes."""

    what: str
    ms: float
    other: str = ""
    other_ms: float | None = None
    note: str = ""

    @property
    def times(self) -> float | None:
        return None if self.other_ms is None else self.other_ms / self.ms


@torch.no_grad()
def rows() -> Iterator[Row]:
    """All rows; about a minute on one idle core."""
    torch.manual_seed(0)
    transformers_logging.set_verbosity_error()
    base = _base(HIDDEN, INNER)
    loras = [_lora(seed) for seed in range(16)]
    yield from merging(base, loras[:4])
    yield from batching(base, loras)
    yield from internalizing(_doc_to_lora(GOLDEN), 128)
    deep = _doc_to_lora(DEEP)
    yield from internalizing(deep, CHUNK)
    yield from storing(deep)


def merging(base: PreTrainedModel, loras: Sequence[LoRA]) -> Iterator[Row]:
    """Four adapters into one, against PEFT's combinations of the same tensors."""
    wrapped, names = _in_peft(base, loras)
    exact = torch.stack([_product(lora) for lora in loras]).sum(0)
    for kind, repeats in (("cat", 5), ("linear", 5), ("svd", 1)):

        def theirs(kind: str = kind) -> None:
            if "merged" in wrapped.peft_config:
                wrapped.delete_adapter("merged")
            wrapped.add_weighted_adapter(names, [1.0] * len(names), "merged", kind, svd_full_matrices=False)

        ms, other_ms = _side_by_side([lambda: LoRA.concat(loras), theirs], repeats)
        ours, other = (_error(p, exact) for p in (_product(LoRA.concat(loras)), _peft_product(wrapped)))
        note = f"error {ours:.0e}, PEFT's {other:.0e} of the norm"
        yield Row(f"merge {len(loras)} adapters of rank {RANK}", ms, f"PEFT {kind}", other_ms, note)


def batching(base: PreTrainedModel, loras: Sequence[LoRA]) -> Iterator[Row]:
    """A row each for sixteen adapters, against one adapter for all rows, none, and PEFT's mixed batch."""
    wrapped, names = _in_peft(base, loras)
    for tokens in (1, 8):
        ids = torch.randint(0, VOCAB, (len(loras), tokens))

        def with_adapters(rows: LoRA | Sequence[LoRA | None], ids: Tensor = ids) -> None:
            with apply(base, rows):
                base(input_ids=ids, use_cache=False)

        def theirs(ids: Tensor = ids) -> None:
            wrapped(input_ids=ids, use_cache=False, adapter_names=names)

        sixteen, one, none, other = _side_by_side(
            [
                lambda run=with_adapters: run(loras),
                lambda run=with_adapters: run(loras[0]),
                lambda run=with_adapters: run([None]),
                theirs,
            ],
            repeats=3,
        )
        what = f"batch of {len(loras)} rows x {tokens} tokens"
        yield Row(
            f"{what}, {len(loras)} adapters", sixteen, "one adapter", one, f"{sixteen / one:.2f} times one"
        )
        yield Row(
            f"{what}, {len(loras)} adapters", sixteen, "no adapter", none, f"{sixteen / none:.2f} times none"
        )
        yield Row(f"{what}, {len(loras)} adapters", sixteen, "PEFT adapter_names", other)


def internalizing(model: DocToLoRA, tokens: int) -> Iterator[Row]:
    """Chunks of so many tokens, one by one and together, all layers' features at once and layer by layer."""
    bounded = DocToLoRA(
        model.hypernetwork, model.base_model, model.tokenizer, tokens_at_once=tokens, layer_by_layer=True
    )
    model.generate([[1] * tokens])
    layers = model.config.num_layers
    for count in (1, 4, 16):
        chunks = torch.randint(5, VOCAB, (count, tokens)).tolist()
        with peak_memory() as together:
            ms = _milliseconds(lambda c=chunks: model.generate(c))
        with peak_memory() as apart:
            bounded_ms = _milliseconds(lambda c=chunks: bounded.generate(c))
        yield Row(
            f"{layers} layers: make {count} adapters, per {tokens}-token chunk",
            ms / count,
            "layer by layer",
            bounded_ms / count,
            f"peak +{together.mib:.0f} MiB, layer by layer +{apart.mib:.0f} MiB",
        )


def storing(model: DocToLoRA) -> Iterator[Row]:
    """The bytes of one adapter in each kind of number."""
    lora = model.generate([[1] * CHUNK])[0]
    for storage in ("float32", "bfloat16", "int8"):
        start = time.perf_counter()
        size = len(lora.to_bytes(storage))
        yield Row(
            f"store an adapter as {storage}", 1000 * (time.perf_counter() - start), note=f"{size} bytes"
        )


def _side_by_side(runs: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median milliseconds of each, measured in turns; more than one repeat comes after a warm-up."""
    if repeats > 1:
        for run in runs:
            run()
    turns = [[_milliseconds(run) for run in runs] for _ in range(repeats)]
    return [statistics.median(taken) for taken in zip(*turns, strict=True)]


def _milliseconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start)


def _base(hidden: int, inner: int, layers: int = LAYERS) -> PreTrainedModel:
    config = LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=max(1, hidden // 64),
        num_key_value_heads=max(1, hidden // 192),
        max_position_embeddings=2048,
    )
    return LlamaForCausalLM(config).eval().requires_grad_(False)


def _lora(seed: int) -> LoRA:
    draw = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(LAYERS, RANK, width, generator=draw) for width in (INNER, HIDDEN))
    return LoRA({MODULE: a}, {MODULE: b}, 1.0)


def _in_peft(base: PreTrainedModel, loras: Sequence[LoRA]) -> tuple[peft.PeftModel, list[str]]:
    """A copy of the base with the same adapters in PEFT's layers."""
    config = peft.LoraConfig(r=RANK, lora_alpha=RANK, target_modules=[MODULE])
    names = [f"adapter{i}" for i in range(len(loras))]
    wrapped = peft.get_peft_model(copy.deepcopy(base), config, names[0])
    for name in names[1:]:
        wrapped.add_adapter(name, config)
    for layer, block in enumerate(_peft_layers(wrapped)):
        for name, lora in zip(names, loras, strict=True):
            block.lora_A[name].weight.copy_(lora.A[MODULE][layer])
            block.lora_B[name].weight.copy_(lora.B[MODULE][layer].T)
    return wrapped.eval(), names


def _peft_layers(wrapped: peft.PeftModel) -> list[peft.tuners.lora.Linear]:
    return [block.mlp.down_proj for block in wrapped.base_model.model.model.layers]


def _product(lora: LoRA) -> Tensor:
    return lora.scaling * lora.B[MODULE].mT @ lora.A[MODULE]


def _peft_product(wrapped: peft.PeftModel) -> Tensor:
    layers = _peft_layers(wrapped)
    return torch.stack(
        [b.scaling["merged"] * b.lora_B["merged"].weight @ b.lora_A["merged"].weight for b in layers]
    )


def _error(found: Tensor, exact: Tensor) -> float:
    return ((found - exact).norm() / exact.norm()).item()


def _doc_to_lora(shape: Shape) -> DocToLoRA:
    """A base of that shape, and a small hypernetwork of the published kind for it."""
    config = HypernetConfig(
        target_modules=(MODULE,),
        d_in={MODULE: shape.inner},
        d_out={MODULE: shape.hidden},
        num_layers=shape.layers,
        rank=RANK,
        hidden_size=shape.hidden,
        scaling=2 * RANK**1.5,
        latent_size=shape.latent,
        num_latents=8,
        num_blocks=2,
        feature_kind="per_layer",
        max_chunk_tokens=CHUNK,
        num_pre_head_layers=shape.pre_head_layers,
    )
    tokenizer = wrap_tokenizer(train_tokenizer(["a small text"] * 30))
    base = _base(shape.hidden, shape.inner, shape.layers)
    return DocToLoRA(Hypernetwork(config).eval().requires_grad_(False), base, tokenizer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object a row instead of a table")
    as_json = parser.parse_args().json
    table = Table("what", "ms", "against", "ms", "times", "note", title="hypernet")
    for row in rows():
        if as_json:
            print(json.dumps({**asdict(row), "times": row.times}), flush=True)
        table.add_row(
            row.what,
            f"{row.ms:.2f}",
            row.other,
            "" if row.other_ms is None else f"{row.other_ms:.2f}",
            "" if row.times is None else f"{row.times:.2f}",
            row.note,
        )
    if not as_json:
        Console(width=160).print(table)


if __name__ == "__main__":
    main()
