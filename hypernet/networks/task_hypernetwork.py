"""The network of Text-to-LoRA (arXiv 2506.06105): a task embedding -> factors for all layers at once.

Axes: M target modules, L base layers, R rank, E task embedding width, S network width.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class TaskConfig:
    """Sizes of a Text-to-LoRA network. ``modules`` are in the order of their embeddings, not by name."""

    modules: tuple[str, ...]
    d_in: dict[str, int]
    d_out: dict[str, int]
    num_layers: int
    rank: int
    scaling: float
    task_size: int
    encoded_size: int
    place_size: int
    head_size: int
    shared_head: bool = False
    head_bias: bool = True

    def __post_init__(self) -> None:
        if not 0 < abs(self.scaling) < math.inf:
            raise ValueError(f"scaling must be finite and not 0, got {self.scaling}")

    @property
    def target_modules(self) -> tuple[str, ...]:
        """The modules, as every hypernetwork's sizes call them."""
        return self.modules

    @property
    def width(self) -> int:
        """What the network carries: the encoded task, the layer and the module side by side."""
        return self.encoded_size + 2 * self.place_size

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> TaskConfig:
        """Raises ValueError for fields that are missing or unknown."""
        try:
            return cls(**{**raw, "modules": tuple(raw["modules"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not the configuration of a Text-to-LoRA network: {error}") from error


class _Residual(nn.Module):
    """``x + silu(W2 silu(W1 LN(x)))``."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.LayerNorm(width), *_two_layers(width, width))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.inner(x)
        return out


class TaskHypernetwork(nn.Module):
    """One task embedding -> A [L, R, d_in] and B [L, R, d_out] for every target module.

    With a shared head, A and B come from the same head, told apart by a learned embedding of the side.
    ``scale`` and ``shift`` turn what the heads give into factors: 1 and an offset, or the spread and mean
    of the adapters that a reconstruction model was trained on.
    """

    def __init__(self, config: TaskConfig) -> None:
        super().__init__()
        self.config = c = config
        width = c.width
        self.task_encoder = nn.Sequential(
            nn.Linear(c.task_size, c.encoded_size), nn.LayerNorm(c.encoded_size)
        )
        self.layer_embedding = _place_embedding(c.num_layers, c.place_size)
        self.module_embedding = _place_embedding(len(c.modules), c.place_size)
        self.mixer = nn.Sequential(*_two_layers(width, width))
        self.first, self.second = _Residual(width), _Residual(width)
        self.trunk = nn.Sequential(nn.LayerNorm(width), *_two_layers(width, c.head_size))
        self.heads = nn.ModuleDict(
            {m: nn.Linear(c.head_size, self._outputs(m), c.head_bias) for m in c.modules}
        )
        if c.shared_head:
            sides = {m: nn.Parameter(torch.empty(2, width)) for m in c.modules}  # A, B
            self.side_embedding, self.side_norm = nn.ParameterDict(sides), nn.LayerNorm(width)
        for name in ("scale_A", "scale_B", "shift_A", "shift_B"):
            sizes = c.d_in if name.endswith("A") else c.d_out
            tables = {m: nn.Parameter(torch.empty(c.num_layers, c.rank, sizes[m])) for m in c.modules}
            self.add_module(name, nn.ParameterDict(tables))

    def forward(self, task: Tensor) -> dict[str, Pair]:
        """task [E] -> {module: (A [L, R, d_in], B [L, R, d_out])}."""
        c = self.config
        places = (len(c.modules), c.num_layers, -1)
        encoded = self.task_encoder(task).expand(*places)
        layers = self.layer_embedding.weights().expand(*places)
        modules = self.module_embedding.weights()[:, None].expand(*places)
        x = self.first(self.mixer(torch.cat([encoded, layers, modules], dim=-1)))  # [M, L, S]
        return {m: self._scaled(m, *self._head(m, x[i])) for i, m in enumerate(c.modules)}

    def _head(self, module: str, x: Tensor) -> Pair:
        """x [L, S] -> raw A [L, R, d_in] and B [L, R, d_out] of one module."""
        c, head = self.config, self.heads[module]
        d_in, d_out = c.d_in[module], c.d_out[module]
        if not c.shared_head:
            flat = head(self.trunk(self.second(x)))
            a, b = flat.split([c.rank * d_in, c.rank * d_out], dim=-1)
            return a.view(-1, c.rank, d_in), b.view(-1, c.rank, d_out)
        sides = x + self.side_norm(self.side_embedding[module])[:, None]  # [2, L, S]
        rows = head(self.trunk(self.second(sides))).view(2, c.num_layers, c.rank, -1)
        return rows[0, ..., :d_in], rows[1, ..., :d_out]

    def _scaled(self, module: str, a: Tensor, b: Tensor) -> Pair:
        tables = [self.get_submodule(name) for name in ("scale_A", "shift_A", "scale_B", "shift_B")]
        scale_a, shift_a, scale_b, shift_b = (table.get_parameter(module) for table in tables)
        return a * scale_a + shift_a, b * scale_b + shift_b

    def _outputs(self, module: str) -> int:
        d_in, d_out = self.config.d_in[module], self.config.d_out[module]
        return self.config.rank * (max(d_in, d_out) if self.config.shared_head else d_in + d_out)


class _PlaceEmbedding(nn.Sequential):
    def weights(self) -> Tensor:
        """All embeddings, normed: [places, size]."""
        embedding, norm = self
        out: Tensor = norm(embedding.weight)
        return out


def _place_embedding(places: int, size: int) -> _PlaceEmbedding:
    return _PlaceEmbedding(nn.Embedding(places, size), nn.LayerNorm(size))


def _two_layers(width: int, out: int) -> list[nn.Module]:
    return [nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, out), nn.SiLU()]
