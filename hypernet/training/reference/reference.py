"""The reference model: the base's architecture, its tokenizer, and the sizes of its hypernetwork."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from hypernet.networks.config import HypernetConfig
from hypernet.training.reference.induction import seed_induction
from hypernet.training.reference.rows import END, PAD, SPECIALS

WINDOW = 512
VOCAB = 2048
WIDTH = 192
KEYS = 512  # width of what an adapter's keys are compared with
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "<|{{ message['role'] }}|> {{ message['content'] | trim }}<|end|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def train_tokenizer(texts: Iterable[str]) -> Tokenizer:
    """A byte-level BPE: nothing is out of its vocabulary, and every digit is a token of its own."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=20,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def wrap_tokenizer(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=SPECIALS[PAD],
        eos_token=SPECIALS[END],
        model_max_length=WINDOW,
        padding_side="left",
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def build_base(vocab_size: int) -> LlamaForCausalLM:
    """A small Llama with random weights but for an induction circuit."""
    base = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=WIDTH,
            intermediate_size=KEYS,
            num_hidden_layers=5,
            num_attention_heads=6,
            num_key_value_heads=6,
            max_position_embeddings=WINDOW,
            tie_word_embeddings=True,
            initializer_range=0.05,
            pad_token_id=PAD,
            bos_token_id=None,
            eos_token_id=END,
        )
    )
    seed_induction(base)
    return base


def hypernet_config(base: LlamaForCausalLM) -> HypernetConfig:
    c = base.config
    return HypernetConfig(
        target_modules=("down_proj",),
        d_in={"down_proj": c.intermediate_size},
        d_out={"down_proj": c.hidden_size},
        num_layers=c.num_hidden_layers,
        rank=48,
        hidden_size=c.hidden_size,
        scaling=1.0,
        latent_size=256,
        num_latents=16,
        num_blocks=1,
        feature_kind="concat",
        reader="anchors",
        num_context_blocks=3,
        num_pre_head_layers=0,
        num_heads=4,
        num_kv_heads=4,
        head_dim=64,
        max_chunk_tokens=256,
        max_chunks=8,
    )


def save_base(base: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    base.save_pretrained(folder)
    wrap_tokenizer(tokenizer).save_pretrained(folder)
