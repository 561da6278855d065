"""Context features -> one embedding per factor row, by cross-attention from learned latents.

Axes: N sequences, T context tokens, H feature width, Q latents, D latent width, G query heads, K key heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypernet.networks.config import HypernetConfig

_EPS = 1e-6


class RMSNorm(nn.RMSNorm):
    """Computed in float32, also where autocast gives it half precision."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.float())


class SwiGLU(nn.Module):
    """``down(silu(gate x) * up x)``, without biases."""

    def __init__(self, d_in: int, hidden: int, d_out: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(d_in, hidden, bias=False)
        self.up_proj = nn.Linear(d_in, hidden, bias=False)
        self.down_proj = nn.Linear(hidden, d_out, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Attention(nn.Module):
    """Grouped-query attention, not causal, without positions: [N, Q, D] x [N, T, D] -> [N, Q, D]."""

    def __init__(self, config: HypernetConfig) -> None:
        super().__init__()
        d, head = config.latent_size, config.head_dim
        self.head_dim = head
        self.q_proj = nn.Linear(d, config.num_heads * head, bias=False)
        self.k_proj = nn.Linear(d, config.num_kv_heads * head, bias=False)
        self.v_proj = nn.Linear(d, config.num_kv_heads * head, bias=False)
        self.o_proj = nn.Linear(config.num_heads * head, d, bias=False)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor | None) -> Tensor:
        q, k, v = (
            proj(source).unflatten(-1, (-1, self.head_dim)).transpose(1, 2)  # [N, G or K, Q or T, head_dim]
            for proj, source in ((self.q_proj, x), (self.k_proj, context), (self.v_proj, context))
        )
        # Query heads that share a key head become more queries of that head: no copies of k and v.
        grouped = q.reshape(q.size(0), k.size(1), -1, self.head_dim)  # [N, K, G/K * Q, head_dim]
        heads = F.scaled_dot_product_attention(grouped, k, v, attn_mask=mask).reshape(q.shape)
        out: Tensor = self.o_proj(heads.transpose(1, 2).flatten(-2))
        return out


class Block(nn.Module):
    """Attention and MLP, each between two RMS norms; cross blocks norm the context too."""

    def __init__(self, config: HypernetConfig, *, cross: bool) -> None:
        super().__init__()
        d = config.latent_size
        self.norm_latents = RMSNorm(d, eps=_EPS)
        self.norm_context = RMSNorm(d, eps=_EPS) if cross else None
        self.attention = Attention(config)
        self.norm_attention = RMSNorm(d, eps=_EPS)
        self.norm_before_mlp = RMSNorm(d, eps=_EPS)
        self.mlp = SwiGLU(d, 4 * d, d)
        self.norm_after_mlp = RMSNorm(d, eps=_EPS)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor | None) -> Tensor:
        """x [N, Q, D], context [N, T, D] (unused by self blocks), mask [N, 1, 1, T] or None -> [N, Q, D]."""
        normed = self.norm_latents(x)
        if self.norm_context is None:
            attended = self.attention(normed, normed, None)
        else:
            attended = self.attention(normed, self.norm_context(context), mask)
        x = x + self.norm_attention(attended)
        out: Tensor = x + self.norm_after_mlp(self.mlp(self.norm_before_mlp(x)))
        return out


class LatentStack(nn.Module):
    """Learned latents that read a context: ``num_blocks`` times one cross block and its self blocks."""

    def __init__(self, config: HypernetConfig, queries: int, num_blocks: int, num_self: int) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.empty(queries, config.latent_size))
        kinds = ([True] + [False] * num_self) * num_blocks
        self.blocks = nn.ModuleList(Block(config, cross=cross) for cross in kinds)
        self.norm = RMSNorm(config.latent_size, eps=_EPS)

    def forward(self, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """context [N, T, D], mask [N, 1, 1, T] (True: read) or None -> [N, Q, D]."""
        x = self.latents.expand(context.size(0), -1, -1)
        for block in self.blocks:
            x = block(x, context, mask)
        out: Tensor = self.norm(x)
        return out


class Perceiver(nn.Module):
    """Project the features, gather them into few latents, read one embedding per factor row out of those."""

    def __init__(self, config: HypernetConfig) -> None:
        super().__init__()
        self.projection = SwiGLU(config.feature_size, config.projection_hidden, config.latent_size)
        self.encoder = LatentStack(
            config, config.num_latents, config.num_blocks, config.num_self_attn_per_block
        )
        self.decoder = LatentStack(config, config.num_queries, 1, 0)

    def forward(self, features: Tensor, mask: Tensor | None) -> Tensor:
        """features [N, T, H], mask [N, T] (True: a real token) or None -> [N, num_queries, D]."""
        keep = None if mask is None else mask[:, None, None, :]
        latents = self.encoder(self.projection(features), keep)
        out: Tensor = self.decoder(latents)
        return out
