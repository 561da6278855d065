"""What most tests share: a small tokenizer, and memories on real stores with models that are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from hypernet.doc_to_lora import DocToLoRA
from hypernet.networks.config import HypernetConfig
from hypernet.networks.hypernetwork import Hypernetwork
from memory import Memory
from memory.fakes import EchoGenerator, EchoInternalizer, WordEmbedder
from tests.buckets import _s3, s3  # noqa: F401  fixtures, as those below
from tests.postgres import (  # noqa: F401  fixtures: what they need is started when a test asks for them
    _in_file,
    _on_server,
    database,
    database_url,
    empty_url,
    open_database,
    postgres,
    postgres_url,
    vector_postgres,
    vector_url,
)

SPECIALS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] | trim }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)

MakeMemory = Callable[..., Memory]


@pytest.fixture(scope="session")
def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, five special ones before them: 261 in all."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIALS, *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIALS))
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=SPECIALS[0], eos_token=SPECIALS[1]
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


@pytest.fixture
def make_memory(tmp_path: Path) -> Iterator[MakeMemory]:
    """Opens memories in tmp_path: real database, files and index; words for embeddings, echoes for models."""
    opened: list[Memory] = []

    def make(**overrides: Any) -> Memory:
        parts = {"embedder": WordEmbedder(), "internalizer": EchoInternalizer(), "generator": EchoGenerator()}
        opened.append(Memory(**{"home": tmp_path / "home", **parts, **overrides}))
        return opened[-1]

    yield make
    for memory in opened:
        memory.close()


@pytest.fixture
def memory(make_memory: MakeMemory) -> Memory:
    return make_memory()


@pytest.fixture(scope="session")
def tiny_d2l(byte_tokenizer: PreTrainedTokenizerFast) -> DocToLoRA:
    """A Doc-to-LoRA pair with random weights: its answers are noise, but each adapter gives its own."""
    torch.manual_seed(0)
    base = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(byte_tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            initializer_range=0.3,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=1,
        )
    )
    config = HypernetConfig(
        target_modules=("down_proj",),
        d_in={"down_proj": 64},
        d_out={"down_proj": 32},
        num_layers=2,
        rank=4,
        hidden_size=32,
        scaling=4.0,
        latent_size=16,
        num_latents=8,
        num_blocks=1,
        feature_kind="concat",
        num_pre_head_layers=1,
        num_heads=2,
        num_kv_heads=2,
        head_dim=8,
        projection_size=32,
        max_chunk_tokens=160,
        context_system_turn=False,
    )
    hypernetwork = Hypernetwork(config).requires_grad_(False).eval()
    return DocToLoRA(hypernetwork, base.eval().requires_grad_(False), byte_tokenizer)
