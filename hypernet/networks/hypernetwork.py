"""The trainable part of Doc-to-LoRA: Perceiver and heads, from context features to factors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hypernet.networks.anchored import AnchoredHypernetwork
from hypernet.networks.config import HypernetConfig
from hypernet.networks.heads import FactorHeads, Factors
from hypernet.networks.perceiver import Perceiver
from hypernet.networks.tokens import TokenHypernetwork


class Hypernetwork(nn.Module):
    """Features of C chunks -> LoRA factors of C chunks, in one pass.

    Initialisation (all of it is here; a hypernetwork lives or dies by its output scale):

    =================  ==========================================================
    latents            normal, std 1: queries must differ for the rows to differ
    linear layers      normal, std fan_in ** -0.5
    biases             zero
    head               normal, std D ** -0.5; its input has unit length
    scaler_A           (D / d_in) ** 0.5: a row of A starts with unit length
    scaler_B           0.3 (D / d_out) ** 0.5 / scaling: small but alive; zero would stall A's gradient
    bias_A, bias_B     normal, std d_in ** -0.5; zero: the bias adapter starts without effect
    =================  ==========================================================
    """

    def __init__(self, config: HypernetConfig) -> None:
        super().__init__()
        self.config = config
        self.perceiver = Perceiver(config)
        self.heads = FactorHeads(config)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        if next(self.parameters()).is_meta:
            return  # weights are assigned later; drawing would import torch's compiler for nothing
        for name, p in self.named_parameters():
            if "norm" in name:
                continue
            if name.endswith("latents"):
                p.normal_()
            elif name.endswith("bias"):
                p.zero_()
            elif name.endswith("weight"):  # nn.Linear keeps [out, in], PerLayerLinear [layers, in, out]
                p.normal_(std=p.size(1) ** -0.5)
        width = self.config.latent_size
        self.heads.head.normal_(std=width**-0.5)
        for module in self.config.target_modules:
            d_in, d_out = self.config.d_in[module], self.config.d_out[module]
            self.heads.scaler_A[module].fill_((width / d_in) ** 0.5)
            self.heads.scaler_B[module].fill_(0.3 * (width / d_out) ** 0.5 / self.config.scaling)
            self.heads.bias_A[module].normal_(std=d_in**-0.5)
            self.heads.bias_B[module].zero_()

    def forward(
        self, features: Tensor, mask: Tensor | None = None, tokens_at_once: int | None = None
    ) -> Factors:
        """features [C, L or 1, T, H], mask [C, T] or None -> factors of C chunks, see ``heads.Factors``."""
        return self.heads.expand(self.latents(features, mask, tokens_at_once))

    def latents(
        self, features: Tensor, mask: Tensor | None = None, tokens_at_once: int | None = None
    ) -> Tensor:
        """The same -> what the heads make factors of [C, L, M, R, D].

        The Perceiver takes as many sequences at a time as hold ``tokens_at_once`` tokens, or all of them.
        """
        parts, width = features.shape[1:3]
        sequences = features.flatten(0, 1)  # [C*(L or 1), T, H]
        keep = None if mask is None else mask.repeat_interleave(parts, 0)
        step = max(1, tokens_at_once // width) if tokens_at_once else len(sequences)
        rows = [
            self.embed(sequences[i : i + step], None if keep is None else keep[i : i + step])
            for i in range(0, len(sequences), step)
        ]
        return self.kept(torch.cat(rows))

    def embed(self, sequences: Tensor, mask: Tensor | None) -> Tensor:
        """sequences [N, T, H], mask [N, T] or None -> [N, queries, D] in float32.

        Half-precision sequences go through the Perceiver under autocast, as in the published training, where
        its residuals stay in float32; float32 ones are computed in float32.
        """
        half = sequences.dtype if sequences.dtype in (torch.bfloat16, torch.float16) else None
        with torch.autocast(sequences.device.type, dtype=half or torch.bfloat16, enabled=half is not None):
            out: Tensor = self.perceiver(sequences, mask)
        return out.float()

    def kept(self, rows: Tensor) -> Tensor:
        """Embeddings [C*(L or 1), queries, D] -> what the heads make factors of [C, L, M, R, D]."""
        c = self.config
        return self.heads.latents(rows.view(-1, c.num_layers, c.num_modules, c.rank, c.latent_size))

    def bias(self) -> Factors:
        """The bias adapter: {module: (A [1, L, R, d_in], B [1, L, R, d_out])}."""
        return {
            m: (self.heads.bias_A[m][None], self.heads.bias_B[m][None]) for m in self.config.target_modules
        }


AnyHypernetwork = Hypernetwork | AnchoredHypernetwork | TokenHypernetwork


def build(config: HypernetConfig) -> AnyHypernetwork:
    """The kind of hypernetwork that ``config.reader`` names, freshly initialised."""
    if config.reader == "tokens":
        return TokenHypernetwork(config)
    return AnchoredHypernetwork(config) if config.reader == "anchors" else Hypernetwork(config)


def merge(factors: Factors, bias: Factors, chunks_per_group: int) -> Factors:
    """Concatenate the factors of each group's chunks on the rank dimension, then the bias adapter once.

    {module: [G*chunks, L, R, d]} -> {module: [G, L, (chunks+1)*R, d]}; chunks of a group are adjacent.
    """

    def join(rows: Tensor, constant: Tensor) -> Tensor:
        grouped = rows.view(-1, chunks_per_group, *rows.shape[1:]).transpose(1, 2).flatten(2, 3)
        return torch.cat([grouped, constant.expand(grouped.size(0), -1, -1, -1)], dim=2)

    return {m: (join(a, bias[m][0]), join(b, bias[m][1])) for m, (a, b) in factors.items()}
