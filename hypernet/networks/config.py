"""Sizes of a hypernetwork, frozen. Everything that can be derived is a property."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast

FeatureKind = Literal["per_layer", "early_exit", "concat", "chosen"]
Reader = Literal["latents", "anchors", "tokens"]
_LAYERS = ("feature_layers", "written_layers")
_TUPLES = {"template": (0, 0), "feature_layers": (), "written_layers": ()}

_POSITIVE = (
    "num_layers",
    "rank",
    "hidden_size",
    "latent_size",
    "num_latents",
    "num_blocks",
    "num_heads",
    "num_kv_heads",
    "head_dim",
    "max_chunk_tokens",
    "max_chunks",
)


@dataclass(frozen=True)
class HypernetConfig:
    """What a Doc-to-LoRA hypernetwork is made of (Doc-to-LoRA, arXiv 2602.15902).

    ``feature_kind`` says what the Perceiver reads of the context encoder:
    ``per_layer`` (published: hidden state i drives LoRA layer i), ``early_exit`` (published: one hidden
    state after ``exit_layer`` blocks drives all layers), ``concat`` (all hidden states, each RMS-normed
    and laid side by side, drive all layers; the reference model learns faster with it) or ``chosen`` (the
    same of the states that ``feature_layers`` names: 0 are the embeddings, n what block n is fed).
    ``reader`` says what turns features into factor rows: learned ``latents`` (published, ``hypernetwork.py``)
    or ``anchors``, salient tokens of the chunk (``anchored.py``; only with ``concat``), after
    ``num_context_blocks`` blocks of attention among the chunk's tokens; or ``tokens``, a row for every token
    (``tokens.py``; only with ``chosen``), which is kept as ``row_size`` numbers and written to
    ``written_layers`` of the base; a chunk's first and last tokens, as many as ``template`` says, are
    those of the chat template and have none. ``tuned`` says what constant LoRA the base gets beside: rank,
    input width and output width of each linear layer, by "layer.module", as "16.q_proj".
    ``context_system_turn`` says whether an empty system turn opens a context, as in the published recipes.
    """

    target_modules: tuple[str, ...]
    d_in: dict[str, int]
    d_out: dict[str, int]
    num_layers: int
    rank: int
    hidden_size: int
    scaling: float
    latent_size: int
    num_latents: int
    num_blocks: int
    feature_kind: FeatureKind = "per_layer"
    exit_layer: int | None = None
    num_self_attn_per_block: int = 0
    num_pre_head_layers: int = 4
    num_heads: int = 16
    num_kv_heads: int = 4
    head_dim: int = 128
    projection_size: int | None = None
    max_chunk_tokens: int = 2048
    max_chunks: int = 8
    context_system_turn: bool = False
    reader: Reader = "latents"
    num_context_blocks: int = 0
    feature_layers: tuple[int, ...] = ()
    written_layers: tuple[int, ...] = ()
    row_size: int = 0
    template: tuple[int, int] = (0, 0)
    tuned: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < abs(self.scaling) < math.inf:
            raise ValueError(f"scaling must be finite and not 0, got {self.scaling}")
        if list(self.target_modules) != sorted(self.target_modules):
            raise ValueError(f"target_modules must be sorted by name, got {self.target_modules}")
        if self.num_heads % self.num_kv_heads:
            raise ValueError(
                f"num_heads {self.num_heads} is not a multiple of num_kv_heads {self.num_kv_heads}"
            )
        if self.feature_kind == "early_exit" and self.exit_layer is None:
            raise ValueError("feature_kind 'early_exit' needs exit_layer")
        if self.reader != "latents" and self.latent_size % self.head_dim:
            raise ValueError(f"latent_size {self.latent_size} is not a multiple of head_dim {self.head_dim}")
        if self.reader == "anchors" and self.feature_kind != "concat":
            raise ValueError(f"reader 'anchors' needs feature_kind 'concat', got {self.feature_kind!r}")
        if self.reader == "tokens":
            self._check_tokens()

    def _check_tokens(self) -> None:
        if self.feature_kind != "chosen" or self.target_modules != ("down_proj",):
            raise ValueError("reader 'tokens' needs feature_kind 'chosen' and down_proj as its one module")
        if self.row_size < 1 or not self.feature_layers or not self.written_layers:
            raise ValueError("reader 'tokens' needs row_size, feature_layers and written_layers")
        if self.feature_layers[0] != 0:
            raise ValueError(f"feature_layers must begin with the embeddings, 0, got {self.feature_layers}")
        for name in _LAYERS:
            layers = getattr(self, name)
            if list(layers) != sorted(set(layers)) or (layers and layers[-1] >= self.num_layers):
                raise ValueError(f"{name} must rise and stay below {self.num_layers}, got {layers}")

    @property
    def num_modules(self) -> int:
        return len(self.target_modules)

    @property
    def feature_size(self) -> int:
        """Width of one context feature: all states side by side in ``concat``, else one hidden state."""
        states = {"concat": self.num_layers + 1, "chosen": len(self.feature_layers)}
        return self.hidden_size * states.get(self.feature_kind, 1)

    @property
    def blocks_read(self) -> int:
        """How many blocks the context encoder must have."""
        if self.feature_kind == "early_exit":
            return self.exit_layer or 0
        if self.feature_kind == "chosen":
            return self.feature_layers[-1] + 1
        return self.num_layers - (self.feature_kind == "per_layer")

    @property
    def projection_hidden(self) -> int:
        return self.projection_size or 4 * self.feature_size

    @property
    def num_queries(self) -> int:
        """Output queries of the Perceiver: one a rank and module, and a layer too unless layers run apart."""
        queries = self.num_modules * self.rank
        return queries if self.feature_kind == "per_layer" else queries * self.num_layers

    @property
    def factor_size(self) -> int:
        """Width of a head's output: the widest module's A row and B row side by side."""
        return max(self.d_in[m] + self.d_out[m] for m in self.target_modules)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> HypernetConfig:
        """Raises ValueError for fields that are missing, unknown or of impossible size."""
        try:
            numbers = {
                name: tuple(cast("list[int]", raw.get(name, usual))) for name, usual in _TUPLES.items()
            }
            modules = tuple(cast("list[str]", raw["target_modules"]))
            tuned = {
                name: tuple(sizes)
                for name, sizes in cast("dict[str, list[int]]", raw.get("tuned", {})).items()
            }
            return cls(**{**raw, **numbers, "tuned": tuned, "target_modules": modules})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not the configuration of a hypernetwork: {error}") from error
