"""The packaged base model in plain torch, with its tokenizer: what transformers gives, without importing it.

Importing transformers and its generic model classes takes seconds of CPU, of which a process that answers one
question has no use. Only plain Llama checkpoints are read so: silu, default rotary positions, no biases.
Parameters are called as in transformers, so adapters fit and the fingerprint is the same. Logits agree to
1e-5, which a test compares.

Axes: N rows, T new tokens, S tokens so far (S >= T), H heads, G key heads, W head width, V vocabulary.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

_TIED = "lm_head.weight"


@dataclass(frozen=True, slots=True)
class LlamaSizes:
    """Of config.json, what the computation depends on."""

    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    max_position_embeddings: int
    rms_norm_eps: float
    rope_theta: float
    model_type: str = "llama"

    @classmethod
    def of(cls, config: dict[str, Any]) -> Self:
        """Raises ValueError for a config of another architecture, or of a Llama that is not plain."""
        rope = config.get("rope_parameters") or {}
        found = (
            config.get("model_type"),
            config.get("hidden_act"),
            rope.get("rope_type"),
            config.get("tie_word_embeddings"),
            config.get("attention_bias") or config.get("mlp_bias"),
        )
        if found != ("llama", "silu", "default", True, False):
            raise ValueError(f"not a plain Llama with tied embeddings: {found}")
        named = {name: config[name] for name in cls.__slots__ if name not in ("rope_theta", "model_type")}
        return cls(**named, rope_theta=rope["rope_theta"])

    def get_text_config(self) -> Self:
        """Itself, as a config of transformers without other modalities."""
        return self


@dataclass(frozen=True, slots=True)
class DecoderOutput:
    """What the blocks made, normed: [N, T, hidden size]."""

    last_hidden_state: Tensor


@dataclass(frozen=True, slots=True)
class LlamaOutput:
    """Logits [N, T or fewer, V]."""

    logits: Tensor


class KeyValues:
    """Keys and values of each block so far: [N, G, S, W]. They grow in place of being written twice."""

    def __init__(self, layers: int) -> None:
        self._of: list[tuple[Tensor, Tensor] | None] = [None] * layers

    @property
    def length(self) -> int:
        first = self._of[0]
        return 0 if first is None else first[0].size(2)

    def update(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Append a block's new keys and values; returns all that it has."""
        before = self._of[layer]
        if before is not None:
            key, value = torch.cat([before[0], key], dim=2), torch.cat([before[1], value], dim=2)
        self._of[layer] = key, value
        return key, value

    def batch_select_indices(self, rows: Tensor) -> None:
        """Keep these rows of the batch."""
        self._of = [None if pair is None else (pair[0][rows], pair[1][rows]) for pair in self._of]


class PlainLlama(nn.Module):
    """A causal language model, frozen. Called as transformers' own, as far as this package calls one."""

    def __init__(self, sizes: LlamaSizes, name_or_path: str) -> None:
        super().__init__()
        self.config, self.name_or_path = sizes, name_or_path
        self.model = _Decoder(sizes)

    @classmethod
    def from_pretrained(cls, folder: Path) -> Self:
        """Read config.json and model.safetensors, in float32. Raises ValueError, FileNotFoundError."""
        file = folder / "model.safetensors"
        with torch.device("meta"):
            model = cls(LlamaSizes.of(_json(folder / "config.json")), str(folder))
        try:
            tensors = {name: tensor.float() for name, tensor in load_file(file).items() if name != _TIED}
            model.load_state_dict(tensors, assign=True)
        except (SafetensorError, RuntimeError) as error:
            raise ValueError(f"weight file {file} is damaged: {error}") from error
        return model.eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return self.model.embed_tokens.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.model.embed_tokens.weight.dtype

    def get_decoder(self) -> nn.Module:
        return self.model

    def get_input_embeddings(self) -> nn.Embedding:
        return self.model.embed_tokens

    def new_cache(self) -> KeyValues:
        """For ``past_key_values`` of a new batch."""
        return KeyValues(self.config.num_hidden_layers)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: KeyValues | None = None,
        use_cache: bool = False,  # noqa: ARG002  given by callers of transformers' models; a cache is one given
        logits_to_keep: int = 0,
    ) -> LlamaOutput:
        """Ids [N, T], mask [N, S] (0: padding), positions [N, T] -> logits of the last so many (0: all)."""
        states = self.model(input_ids, attention_mask, position_ids, past_key_values).last_hidden_state
        return LlamaOutput(F.linear(states[:, -logits_to_keep:], self.model.embed_tokens.weight))


class _Decoder(nn.Module):
    def __init__(self, sizes: LlamaSizes) -> None:
        super().__init__()
        self.sizes = sizes
        table = torch.empty(sizes.vocab_size, sizes.hidden_size)  # given, so that nothing is drawn for it
        self.embed_tokens = nn.Embedding(sizes.vocab_size, sizes.hidden_size, _weight=table)
        self.layers = nn.ModuleList(_Block(sizes, i) for i in range(sizes.num_hidden_layers))
        self.norm = _Norm(sizes)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        past_key_values: KeyValues | None = None,
        use_cache: bool = False,  # noqa: ARG002  as above
        output_hidden_states: bool = False,  # noqa: ARG002  whoever wants to see them puts a tap on a block
        inputs_embeds: Tensor | None = None,  # in the place of ids: an image's tokens have none
    ) -> DecoderOutput:
        x = self.embed_tokens(input_ids) if inputs_embeds is None else inputs_embeds
        before = 0 if past_key_values is None else past_key_values.length
        if position_ids is None:
            position_ids = torch.arange(before, before + x.size(1), device=x.device)[None]
        turn = _rotations(self.sizes, position_ids)
        bias = _bias(attention_mask, x.size(1), before, x)
        for layer in self.layers:
            x = layer(x, turn, bias, past_key_values)
        return DecoderOutput(self.norm(x))


class _Block(nn.Module):
    def __init__(self, sizes: LlamaSizes, layer: int) -> None:
        super().__init__()
        self.self_attn, self.mlp = _Attention(sizes, layer), _Gated(sizes)
        self.input_layernorm, self.post_attention_layernorm = _Norm(sizes), _Norm(sizes)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], bias: Tensor | None, cache: KeyValues | None
    ) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), turn, bias, cache)
        added: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return added


class _Attention(nn.Module):
    def __init__(self, sizes: LlamaSizes, layer: int) -> None:
        super().__init__()
        self.width, self.layer = sizes.head_dim, layer
        self.grouped = sizes.num_key_value_heads != sizes.num_attention_heads
        heads, keys = sizes.num_attention_heads * self.width, sizes.num_key_value_heads * self.width
        self.q_proj = nn.Linear(sizes.hidden_size, heads, bias=False)
        self.k_proj = nn.Linear(sizes.hidden_size, keys, bias=False)
        self.v_proj = nn.Linear(sizes.hidden_size, keys, bias=False)
        self.o_proj = nn.Linear(heads, sizes.hidden_size, bias=False)

    def forward(
        self, x: Tensor, turn: tuple[Tensor, Tensor], bias: Tensor | None, cache: KeyValues | None
    ) -> Tensor:
        query, key, value = (
            part(x).unflatten(-1, (-1, self.width)).transpose(1, 2)  # [N, H or G, T, W]
            for part in (self.q_proj, self.k_proj, self.v_proj)
        )
        query, key = _turned(query, turn), _turned(key, turn)
        if cache is not None:
            key, value = cache.update(self.layer, key, value)
        attended = F.scaled_dot_product_attention(
            query, key, value, bias, is_causal=bias is None and query.size(2) > 1, enable_gqa=self.grouped
        )
        out: Tensor = self.o_proj(attended.transpose(1, 2).flatten(2))
        return out


class _Gated(nn.Module):
    def __init__(self, sizes: LlamaSizes) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(sizes.hidden_size, sizes.intermediate_size, bias=False)
        self.up_proj = nn.Linear(sizes.hidden_size, sizes.intermediate_size, bias=False)
        self.down_proj = nn.Linear(sizes.intermediate_size, sizes.hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class _Norm(nn.Module):
    def __init__(self, sizes: LlamaSizes) -> None:
        super().__init__()
        self.eps = sizes.rms_norm_eps
        self.weight = nn.Parameter(torch.ones(sizes.hidden_size))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


def _rotations(sizes: LlamaSizes, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosines and sines [N, 1, T, W] of positions [N, T]."""
    places = torch.arange(0, sizes.head_dim, 2, device=positions.device).float() / sizes.head_dim
    angles = positions[:, None, :, None].float() * (1.0 / sizes.rope_theta**places)
    angles = torch.cat([angles, angles], dim=-1)
    return angles.cos(), angles.sin()


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return x * turn[0] + torch.cat([-second, first], dim=-1) * turn[1]


def _bias(mask: Tensor | None, new: int, before: int, like: Tensor) -> Tensor | None:
    """What is added to the scores, [N or 1, 1, T, S]: nothing, or so little that no weight is left.

    None where plain causal attention does. A padding token, which sees no other, would have no weights at
    all: the lowest finite number gives it some.
    """
    whole = mask is None or bool(mask.all())
    if whole and (not before or new == 1):
        return None
    ends = torch.arange(before, before + new, device=like.device)[:, None]
    seen = torch.arange(before + new, device=like.device) <= ends  # [T, S]
    if mask is not None:
        seen = seen & mask[:, None, None, :].bool()
    return torch.zeros(seen.shape, dtype=like.dtype, device=like.device).masked_fill(
        ~seen, torch.finfo(like.dtype).min
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return found
