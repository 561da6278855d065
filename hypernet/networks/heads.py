"""Factor-row embeddings -> LoRA factors A and B, with one set of weights per base layer.

Axes: C chunks, L base layers, M target modules, R rank, D latent width, F widest A row plus B row.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypernet.networks.config import HypernetConfig

Factors = dict[str, tuple[Tensor, Tensor]]
"""Per target module: A [C, L, R, d_in] and B [C, L, R, d_out]."""


class PerLayerLinear(nn.Module):
    """A linear map of its own for each base layer, as one batched product."""

    def __init__(self, layers: int, d_in: int, d_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(layers, d_in, d_out))
        self.bias = nn.Parameter(torch.empty(layers, 1, d_out))

    def forward(self, x: Tensor) -> Tensor:
        """x [L, rows, d_in] -> [L, rows, d_out]."""
        return torch.baddbmm(self.bias, x, self.weight)


class ResidualMLP(nn.Module):
    """``x + LN(W2 silu(W1 LN(x)))``, with W1 and W2 per base layer."""

    def __init__(self, layers: int, width: int) -> None:
        super().__init__()
        self.norm_in = nn.LayerNorm(width)
        self.up = PerLayerLinear(layers, width, 4 * width)
        self.down = PerLayerLinear(layers, 4 * width, width)
        self.norm_out = nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """x [L, rows, D] -> [L, rows, D]."""
        out: Tensor = x + self.norm_out(self.down(F.silu(self.up(self.norm_in(x)))))
        return out


class FactorHeads(nn.Module):
    """Embeddings of all factor rows -> A and B of every target module, scaled; and the bias adapter."""

    def __init__(self, config: HypernetConfig) -> None:
        super().__init__()
        self.config = config
        layers, rank, d = config.num_layers, config.rank, config.latent_size
        self.pre_head = nn.ModuleList(ResidualMLP(layers, d) for _ in range(config.num_pre_head_layers))
        self.head = nn.Parameter(torch.empty(layers, config.num_modules, d, config.factor_size))

        def table(widths: dict[str, int]) -> nn.ParameterDict:
            return nn.ParameterDict(
                {m: nn.Parameter(torch.empty(layers, rank, widths[m])) for m in config.target_modules}
            )

        ones = dict.fromkeys(config.target_modules, 1)
        self.bias_A, self.bias_B = table(config.d_in), table(config.d_out)
        self.scaler_A, self.scaler_B = table(ones), table(ones)

    def forward(self, embeddings: Tensor) -> Factors:
        """embeddings [C, L, M, R, D] -> {module: (A [C, L, R, d_in], B [C, L, R, d_out])}, without bias."""
        return self.expand(self.latents(embeddings))

    def latents(self, embeddings: Tensor) -> Tensor:
        """embeddings [C, L, M, R, D] -> what the factors are made of, rows of length 1 [C, L, M, R, D]."""
        chunks, layers, modules, rank, _ = embeddings.shape
        rows = embeddings.transpose(0, 1).flatten(1, 3)  # [L, C*M*R, D]
        for layer in self.pre_head:
            rows = layer(rows)
        rows = rows / rows.norm(dim=-1, keepdim=True)
        return rows.view(layers, chunks, modules, rank, -1).transpose(0, 1)

    def expand(self, latents: Tensor) -> Factors:
        """latents [C, L, M, R, D] -> {module: (A [C, L, R, d_in], B [C, L, R, d_out])}."""
        chunks, layers, modules, rank, _ = latents.shape
        by_module = latents.permute(1, 2, 0, 3, 4)  # [L, M, C, R, D]
        flat = by_module.flatten(2, 3) @ self.head  # [L, M, C*R, F]
        flat = flat.view(layers, modules, chunks, rank, -1).permute(2, 0, 1, 3, 4)  # [C, L, M, R, F]
        return {m: self._split(flat[:, :, i], m) for i, m in enumerate(self.config.target_modules)}

    def _split(self, flat: Tensor, module: str) -> tuple[Tensor, Tensor]:
        d_in, d_out = self.config.d_in[module], self.config.d_out[module]
        a, b = flat[..., :d_in], flat[..., d_in : d_in + d_out]
        return a * self.scaler_A[module], b * self.scaler_B[module]
