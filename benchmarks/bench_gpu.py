"""A model of gemma-2-2b's shape on a GPU: internalizing 1K to 128K tokens, or keeping them in the prompt.

Weights are random, in bfloat16: time and memory do not depend on them. The hypernetwork has the sizes with
which it counts as many parameters as the published one is said to have (309 M). The text is cut into chunks
of the named length, which are internalized in batches of 8,192 tokens. As a prompt it is read in steps of
2,048 tokens, so that its attention fits, and costs its KV cache; the adapters cost their bytes, in int8.
Without a GPU there is one row that says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from transformers import DynamicCache, Gemma2Config, Gemma2ForCausalLM, PreTrainedModel

from benchmarks.bench import Bench, Options, Row
from benchmarks.peak_memory import peak_memory
from hypernet.doc_to_lora import DocToLoRA
from hypernet.lora.adapter import LoRA
from hypernet.networks.config import HypernetConfig
from hypernet.networks.hypernetwork import Hypernetwork
from hypernet.training.reference.reference import train_tokenizer, wrap_tokenizer

STEP, TOKENS_AT_ONCE = 2048, 8192
MODULE = "down_proj"


@dataclass(frozen=True)
class Shape:
    """Sizes of a base and its hypernetwork, and what is measured on them."""

    layers: int
    hidden: int
    inner: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    latent: int
    blocks: int
    chunk_tokens: tuple[int, ...]
    tokens: tuple[int, ...]


GEMMA_2_2B = Shape(
    layers=26,
    hidden=2304,
    inner=9216,
    heads=8,
    kv_heads=4,
    head_dim=256,
    vocabulary=256_000,
    latent=512,
    blocks=8,
    chunk_tokens=(2048, 8192),
    tokens=(1024, 8192, 32_768, 131_072),
)
TINY = Shape(2, 32, 48, 4, 2, 8, 64, 16, 1, (32,), (40,))


def rows(options: Options) -> Iterator[Row]:
    """One row a length of chunks and of the text."""
    if options.quick:
        yield from _measured(TINY, "cpu", torch.float32)
    elif torch.cuda.is_available():
        yield from _measured(GEMMA_2_2B, "cuda", torch.bfloat16)
    else:
        yield _row(None, None, "skipped: there is no CUDA GPU here")


@torch.no_grad()
def _measured(shape: Shape, device: str, dtype: torch.dtype) -> Iterator[Row]:
    torch.manual_seed(0)
    base = _base(shape, device, dtype)
    hypernetwork = Hypernetwork(_config(shape)).to(device).eval().requires_grad_(False)
    tokenizer = wrap_tokenizer(train_tokenizer(["a small text"] * 30))
    model = DocToLoRA(hypernetwork, base, tokenizer, tokens_at_once=TOKENS_AT_ONCE)
    model.generate([[1] * 16])  # warm up
    for size in shape.chunk_tokens:
        for tokens in shape.tokens:
            yield _one(model, shape, size, tokens)


def _one(model: DocToLoRA, shape: Shape, size: int, tokens: int) -> Row:
    ids = torch.randint(3, shape.vocabulary, (tokens,)).tolist()
    chunks = [ids[start : start + size] for start in range(0, tokens, size)]
    made: list[LoRA] = []
    with peak_memory() as internalizing:
        seconds = _seconds(lambda: made.extend(lora.to("cpu") for lora in model.generate(chunks)))
    stored = sum(len(lora.to_bytes("int8")) for lora in made)
    cache = DynamicCache(config=model.base_model.config)
    with peak_memory() as reading:
        prefill = _seconds(lambda: _read(model.base_model, ids, cache))
    kept = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    return _row(tokens, size, "", len(chunks), seconds, internalizing.mib, stored, prefill, reading.mib, kept)


def _row(
    tokens: int | None,
    size: int | None,
    note: str,
    chunks: int | None = None,
    seconds: float | None = None,
    mib: float | None = None,
    stored: int | None = None,
    prefill: float | None = None,
    prefill_mib: float | None = None,
    kept: int | None = None,
) -> Row:
    return {
        "tokens": tokens,
        "in chunks of": size,
        "chunks": chunks,
        "internalize s": seconds,
        "peak +MiB": mib,
        "stored MB": None if stored is None else stored / 1e6,
        "prefill s": prefill,
        "its peak +MiB": prefill_mib,
        "KV cache MB": None if kept is None else kept / 1e6,
        "note": note,
    }


def _read(base: PreTrainedModel, ids: list[int], cache: DynamicCache) -> None:
    """The tokens as a prompt, in steps."""
    row = torch.tensor([ids], device=base.device)
    for start in range(0, len(ids), STEP):
        base.model(input_ids=row[:, start : start + STEP], past_key_values=cache, use_cache=True)


def _seconds(run: Callable[[], object]) -> float:
    """How long it takes until the GPU is done with it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _base(shape: Shape, device: str, dtype: torch.dtype) -> PreTrainedModel:
    config = Gemma2Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        query_pre_attn_scalar=shape.head_dim,
        max_position_embeddings=2 * max(shape.tokens),
        dtype=dtype,
    )
    with torch.device(device):
        model = Gemma2ForCausalLM(config)
    return model.to(dtype).eval().requires_grad_(False)


def _config(shape: Shape) -> HypernetConfig:
    return HypernetConfig(
        target_modules=(MODULE,),
        d_in={MODULE: shape.inner},
        d_out={MODULE: shape.hidden},
        num_layers=shape.layers,
        rank=8,
        hidden_size=shape.hidden,
        scaling=2 * 8**1.5,
        latent_size=shape.latent,
        num_latents=8,
        num_blocks=shape.blocks,
        num_pre_head_layers=1,
    )


BENCH = Bench("gpu", "The shape of gemma-2-2b on a GPU", rows)
