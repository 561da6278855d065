"""A hypernetwork whose factor rows are anchored to salient tokens of the chunk.

An adapter that recalls is a key-value memory: a row of A answers to the state in which a token must be
said, and the row of B beside it says that token. The published Perceiver leaves it to learned latents to
find out which tokens to hold, and which latent holds which; that assignment is what trains slowest. Here it
is explicit: after a few blocks of attention among the chunk's own tokens, each token is given a saliency,
the R most salient become the queries of one Perceiver block, and row r of every layer belongs to token r. B
starts as the token's own embedding, so from the first step only A, *when* to say it, has to be learned.

Axes: C chunks, T tokens, F feature width, H hidden width, D latent width, R rank, L base layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypernet.networks.config import HypernetConfig
from hypernet.networks.heads import Factors
from hypernet.networks.perceiver import Block, RMSNorm, SwiGLU

SILENT = 0.1  # a token less likely than this to be asked for has no row
BIAS_RANK = 8
_EPS = 1e-6
_THETA = 1000.0  # rotary base: chunks are short


@dataclass(frozen=True)
class Anchors:
    """The tokens that rows are anchored to, in the order of the text.

    ``rows`` [C, R, D] what each knows of its surroundings, ``tokens`` [C, R, H] its normed embedding,
    ``bags`` [C, R, H] the words around it, ``there`` [C, R] whether it is one (a chunk may have fewer),
    ``chances`` [C, R] that it is asked for, ``positions`` [C, R] in the chunk, and ``saliency`` [C, T] the
    logit of every token's chance.
    """

    rows: Tensor
    tokens: Tensor
    bags: Tensor
    there: Tensor
    chances: Tensor
    positions: Tensor
    saliency: Tensor


class AnchoredHypernetwork(nn.Module):
    """Features of C chunks -> LoRA factors of C chunks, in one pass; the interface is ``Hypernetwork``'s.

    ``config.rank`` is the most rows a chunk may have; it has as many as tokens are worth saying.

    Initialisation (all of it is here):

    =================  ==========================================================
    linear layers      normal, std fan_in ** -0.5; what a block adds starts at a third of that
    saliency           normal, std D ** -0.5, bias -2: few tokens are worth saying
    key                normal, std D ** -0.5; scaler_A d_in ** -0.5: a row of A starts with unit length
    value              the identity where a token's embedding has the width of the output, plus small noise
    bags               averages over the near tokens (reach 0.12: e-fold in 8), not compared: bag_key is zero
    scaler_B           0.3 / scaling: small but alive; zero would stall A's gradient
    bias_A, bias_B     normal, std d_in ** -0.5; zero: the bias adapter starts without effect
    =================  ==========================================================
    """

    def __init__(self, config: HypernetConfig) -> None:
        super().__init__()
        c = self.config = config
        layers, d = c.num_layers, c.latent_size
        self.projection = nn.Linear(c.feature_size, d, bias=False)
        self.context_blocks = nn.ModuleList(ContextBlock(c) for _ in range(c.num_context_blocks))
        self.norm_context = RMSNorm(d, eps=_EPS)
        self.saliency = nn.Linear(d, 1)
        self.anchor_block = Block(c, cross=True)
        self.norm = RMSNorm(d, eps=_EPS)

        def table(*shape: int, widths: dict[str, int]) -> nn.ParameterDict:
            return nn.ParameterDict(
                {m: nn.Parameter(torch.empty(layers, *shape, widths[m])) for m in c.target_modules}
            )

        ones = dict.fromkeys(c.target_modules, 1)
        self.bag_query = nn.Linear(d, c.head_dim, bias=False)
        self.bag_key_proj = nn.Linear(d, c.head_dim, bias=False)
        self.bag_value = nn.Linear(c.feature_size, c.hidden_size, bias=False)
        self.bag_reach = nn.Parameter(torch.empty(1))
        self.key = table(d, widths=c.d_in)
        self.bag_key = table(c.hidden_size, widths=c.d_in)
        self.value = table(c.hidden_size + d, widths=c.d_out)
        self.scaler_A, self.scaler_B = table(1, widths=ones), table(1, widths=ones)
        self.bias_A, self.bias_B = table(BIAS_RANK, widths=c.d_in), table(BIAS_RANK, widths=c.d_out)
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        if next(self.parameters()).is_meta:
            return  # weights are assigned later; drawing would import torch's compiler for nothing
        for name, p in self.named_parameters():
            if name.endswith("weight") and "norm" not in name:
                p.normal_(std=p.size(1) ** -0.5 * (0.33 if "o_proj" in name or "down_proj" in name else 1.0))
        self.saliency.bias.fill_(-2.0)
        self.bag_query.weight.mul_(0.1)
        self.bag_reach.fill_(0.12)
        c = self.config
        for module in c.target_modules:
            d_in, d_out = c.d_in[module], c.d_out[module]
            self.key[module].normal_(std=c.latent_size**-0.5)
            self.bag_key[module].zero_()
            self.value[module].normal_(std=0.1 * c.latent_size**-0.5)
            if d_out == c.hidden_size:
                self.value[module][:, :d_out] += torch.eye(d_out)
            self.scaler_A[module].fill_(d_in**-0.5)
            self.scaler_B[module].fill_(0.3 / c.scaling)
            self.bias_A[module].normal_(std=d_in**-0.5)
            self.bias_B[module].zero_()

    def forward(
        self, features: Tensor, mask: Tensor | None = None, tokens_at_once: int | None = None
    ) -> Factors:
        """features [C, 1, T, F], mask [C, T] (True: a real token) or None -> factors of C chunks.

        As many chunks at a time as hold ``tokens_at_once`` tokens, or all of them. Rows of A whose tokens are
        hardly worth saying (``SILENT``) are zero. R is the most that a chunk has of others, at least 1 and at
        most ``config.rank``.
        """
        parts = []
        for found, kept in self.spoken(features, mask, tokens_at_once):
            through = 1 + found.chances - found.chances.detach()  # one, with the gradient of the chances
            parts.append(self.factors(found, kept * through))
        return cat_chunks(parts)

    def spoken(
        self, features: Tensor, mask: Tensor | None = None, tokens_at_once: int | None = None
    ) -> Iterator[tuple[Anchors, Tensor]]:
        """The same -> anchors of some chunks at a time, and which are worth saying [C, R]."""
        step = max(1, tokens_at_once // features.size(2)) if tokens_at_once else len(features)
        for i in range(0, len(features), step):
            here = None if mask is None else mask[i : i + step]
            found = self.anchors(features[i : i + step], here, silent=False)
            yield found, found.there & (found.chances >= SILENT)

    def anchors(
        self,
        features: Tensor,
        mask: Tensor | None,
        *,
        rank: int | None = None,
        prefer: Tensor | None = None,
        silent: bool = True,
    ) -> Anchors:
        """The ``rank`` most salient tokens, ``config.rank`` or all there are at most.

        Those of ``prefer`` [C, T] come before all others: training knows what will be asked. Not ``silent``:
        no more of them than a chunk has tokens that are worth saying.
        """
        c = self.config
        rank = min(rank or c.rank, c.rank, features.size(2))
        features = features[:, 0]
        keep = None if mask is None else mask[:, None, None, :]
        x = self.projection(features)
        for block in self.context_blocks:
            x = block(x, keep)
        x = self.norm_context(x)
        saliency = self.saliency(x).squeeze(-1)
        if not silent:
            rank = min(rank, max(1, _spoken(saliency, mask)))
        positions, there = _most_salient(saliency.float(), mask, prefer, rank)
        rows, tokens = (
            t.gather(1, positions[..., None].expand(-1, -1, t.size(-1)))
            for t in (x, features[..., : c.hidden_size])
        )
        rows = self.norm(self.anchor_block(rows, x, keep))
        bags = self._bags(rows, positions, x, features, mask)
        chances = saliency.gather(1, positions).float().sigmoid()
        return Anchors(rows.float(), tokens, bags.float(), there, chances, positions, saliency)

    def _bags(
        self, rows: Tensor, positions: Tensor, x: Tensor, features: Tensor, mask: Tensor | None
    ) -> Tensor:
        """The words around each anchor [C, R, H]: an average of states, near and fitting ones foremost."""
        away = (positions[..., None] - torch.arange(x.size(1), device=x.device)).abs()  # [C, R, T]
        fit = self.bag_query(rows) @ self.bag_key_proj(x).mT * self.config.head_dim**-0.5
        scores = fit.float() - self.bag_reach * away
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -torch.inf)
        return scores.softmax(-1) @ self.bag_value(features).float()

    def factors(self, found: Anchors, kept: Tensor) -> Factors:
        """{module: (A [C, L, R, d_in], B [C, L, R, d_out])}; rows of A not ``kept`` [C, R] are zero."""
        factors = self.expand(found.rows, found.bags, found.tokens)
        return {m: (a * kept[:, None, :, None], b) for m, (a, b) in factors.items()}

    def expand(self, rows: Tensor, bags: Tensor, tokens: Tensor) -> Factors:
        """What anchors know, see ``Anchors`` -> the same, every row kept."""
        shape = rows.shape[:2]
        rows, bags, tokens = (known.flatten(0, 1) for known in (rows, bags, tokens))  # [C*R, width]
        told = torch.cat([tokens, rows], dim=-1)
        out = {}
        for m in self.config.target_modules:
            a = (rows @ self.key[m]) * self.scaler_A[m] + bags @ self.bag_key[m]  # [L, C*R, d_in]
            b = (told @ self.value[m]) * self.scaler_B[m]
            out[m] = (a.unflatten(1, shape).transpose(0, 1), b.unflatten(1, shape).transpose(0, 1))
        return out

    def bias(self) -> Factors:
        """The bias adapter: {module: (A [1, L, R, d_in], B [1, L, R, d_out])}."""
        return {m: (self.bias_A[m][None], self.bias_B[m][None]) for m in self.config.target_modules}


def cat_chunks(parts: Sequence[Factors]) -> Factors:
    """Factors of all parts' chunks in one, zero rows added to those of lower rank."""

    def join(factors: Sequence[Tensor]) -> Tensor:
        rank = max(f.size(2) for f in factors)
        return torch.cat([F.pad(f, (0, 0, 0, rank - f.size(2))) for f in factors])

    return {m: (join([p[m][0] for p in parts]), join([p[m][1] for p in parts])) for m in parts[0]}


def _spoken(saliency: Tensor, mask: Tensor | None) -> int:
    """The most tokens of one chunk that are worth saying, from saliency [C, T]."""
    worth = saliency.float().sigmoid() >= SILENT
    return int((worth if mask is None else worth & mask).sum(1).max())


def _most_salient(
    saliency: Tensor, mask: Tensor | None, prefer: Tensor | None, rank: int
) -> tuple[Tensor, Tensor]:
    """saliency [C, T] -> positions [C, R] in the order of the text, and whether a token is there [C, R]."""
    score = saliency.detach() if prefer is None else saliency.detach() + 1e4 * prefer
    if mask is not None:
        score = score.masked_fill(~mask, -torch.inf)
    positions = score.topk(rank, dim=1).indices.sort(dim=1).values
    return positions, score.gather(1, positions) > -torch.inf


class ContextBlock(nn.Module):
    """Attention in both directions among a chunk's tokens, with rotary positions, and an MLP; pre-norm."""

    def __init__(self, config: HypernetConfig) -> None:
        super().__init__()
        d = config.latent_size
        self.head_dim = config.head_dim
        self.norm_attention = RMSNorm(d, eps=_EPS)
        self.qkv_proj = nn.Linear(d, 3 * d, bias=False)
        self.o_proj = nn.Linear(d, d, bias=False)
        self.norm_mlp = RMSNorm(d, eps=_EPS)
        self.mlp = SwiGLU(d, 2 * d, d)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x [C, T, D], mask [C, 1, 1, T] (True: read) or None -> [C, T, D]."""
        parts = self.qkv_proj(self.norm_attention(x)).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (-1, self.head_dim)).transpose(1, 2) for part in parts)
        cos, sin = _rotary(x.size(1), self.head_dim, x.device)
        heads = F.scaled_dot_product_attention(_turn(q, cos, sin), _turn(k, cos, sin), v, attn_mask=mask)
        x = x + self.o_proj(heads.transpose(1, 2).flatten(-2))
        out: Tensor = x + self.mlp(self.norm_mlp(x))
        return out


def _rotary(length: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosine and sine [T, width / 2] of each position's angles (RoFormer, arXiv 2104.09864)."""
    rates = _THETA ** (-torch.arange(0, width, 2, device=device) / width)
    angles = torch.arange(length, device=device)[:, None] * rates
    return angles.cos(), angles.sin()


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x [C, heads, T, width] turned pair by pair, the two halves of the width being the pairs."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)
