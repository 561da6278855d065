"""A hypernetwork that emits one adapter row per token: A says when the token is due, B how to write it.

``down_proj`` with a LoRA adds, for every row r, ``(A_r . h) B_r`` to the residual, where h is the inner state
of the block's MLP. So A_r is a key that answers when the base is about to need token r, and B_r the push that
makes the layers above say it. What is kept of a text is small: a latent a token and the token's id, which
``expand`` turns into rows whenever they are needed. Rows are written to few layers, each one's sum of scores
trained against all other tokens of all merged texts, so that adapters can simply be laid side by side.

Axes: C chunks, T tokens, F feature width, H hidden width, D width inside, Z latent width, R rows,
W written layers, r rank of the tuning.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hypernet.networks.anchored import ContextBlock, cat_chunks
from hypernet.networks.config import HypernetConfig
from hypernet.networks.heads import Factors
from hypernet.networks.perceiver import RMSNorm

MODULE = "down_proj"
_EPS = 1e-6


class TokenHypernetwork(nn.Module):
    """Features of C chunks -> LoRA factors of C chunks; the interface is ``Hypernetwork``'s.

    It reads the states named by ``config.feature_layers`` (embeddings first) of every token, and the last of
    them of the token before, for there the base was about to say this one. A LoRA of its own, ``tuning``,
    belongs into the base: it makes the base end an answer, and say that it does not know.

    Initialisation (all of it is here):

    ===================  ==========================================================
    linear layers        normal, std fan_in ** -0.5; what a block adds starts at a third of that
    key                  normal, std (Z d_in) ** -0.5: scores start near one
    token_value          the identity: a row says its own token's normed embedding
    value, tuning_B      zero: the learned part of what a row says, and the tuning, start without effect
    size                 25: a row that answers with 10 outweighs the residual of a middle layer
    ===================  ==========================================================
    """

    def __init__(self, config: HypernetConfig) -> None:
        super().__init__()
        c = self.config = config
        d, d_in, d_out = c.latent_size, c.d_in[MODULE], c.d_out[MODULE]
        written = len(c.written_layers)
        self.projection = nn.Linear(c.feature_size + c.hidden_size, d, bias=False)
        self.context_blocks = nn.ModuleList(ContextBlock(c) for _ in range(c.num_context_blocks))
        self.norm = RMSNorm(d, eps=_EPS)
        self.latent = nn.Linear(d, c.row_size, bias=False)
        self.key = nn.Parameter(torch.empty(written, c.row_size, d_in))
        self.value = nn.Parameter(torch.empty(written, c.row_size, d_out))
        self.token_value = nn.Parameter(torch.empty(written, c.hidden_size, d_out))
        self.centre = nn.Parameter(torch.empty(c.hidden_size))
        self.size = nn.Parameter(torch.empty(written, 1, 1))
        sizes = {name.replace(".", "_"): size for name, size in c.tuned.items()}
        self.tuning_A = nn.ParameterDict(
            {k: nn.Parameter(torch.empty(r, i)) for k, (r, i, _) in sizes.items()}
        )
        self.tuning_B = nn.ParameterDict(
            {k: nn.Parameter(torch.empty(r, o)) for k, (r, _, o) in sizes.items()}
        )
        self._initialise()

    @torch.no_grad()
    def _initialise(self) -> None:
        if next(self.parameters()).is_meta:
            return  # weights are assigned later; drawing would import torch's compiler for nothing
        for name, p in self.named_parameters():
            if name.endswith("weight") and "norm" not in name:
                p.normal_(std=p.size(1) ** -0.5 * (0.33 if "o_proj" in name or "down_proj" in name else 1.0))
        self.key.normal_(std=(self.key.size(1) * self.key.size(2)) ** -0.5)
        self.token_value.copy_(torch.eye(*self.token_value.shape[1:]).expand_as(self.token_value))
        for a in self.tuning_A.values():
            a.normal_(std=a.size(1) ** -0.5)
        self.size.fill_(25.0)
        for zero in (self.value, self.centre, *self.tuning_B.values()):
            zero.zero_()

    def forward(
        self, features: Tensor, mask: Tensor | None = None, tokens_at_once: int | None = None
    ) -> Factors:
        """features [C, 1, T, F], mask [C, T] (True: a real token) or None -> factors of C chunks.

        {module: (A [C, W, R, d_in], B [C, W, R, d_out])}, a row for each of the text's tokens in their order;
        where a text is shorter than the longest, zeros follow. As many chunks at a time as hold
        ``tokens_at_once`` tokens, or all of them.
        """
        features, mask = self.text_alone(features, mask)
        step = max(1, tokens_at_once // features.size(2)) if tokens_at_once else len(features)
        parts = []
        for i in range(0, len(features), step):
            few, keep = features[i : i + step], mask[i : i + step]
            a, b = self.expand(self.latents(few, keep), few[:, 0, :, : self.config.hidden_size])
            parts.append({MODULE: (a * keep[:, None, :, None], b)})
        return cat_chunks(parts)

    def text_alone(self, features: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Features and mask without the tokens of the chat template, which open and close every chunk."""
        opening, closing = self.config.template
        mask = features.new_ones(features.shape[::2][:2], dtype=torch.bool) if mask is None else mask
        ends = mask.sum(1) - closing
        place = torch.arange(opening, int(ends.max()), device=mask.device)
        return features[:, :, opening : int(ends.max())], place < ends[:, None]

    def latents(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """features [C, 1, T, F], mask [C, T] or None -> what is kept of every token [C, T, Z]."""
        states = features[:, 0]
        before = F.pad(states[..., -self.config.hidden_size :], (0, 0, 1, 0))[:, :-1]
        x = self.projection(torch.cat([states, before], dim=-1))
        keep = None if mask is None else mask[:, None, None, :]
        for block in self.context_blocks:
            x = block(x, keep)
        out: Tensor = self.latent(self.norm(x))
        return out

    def expand(self, latents: Tensor, embeddings: Tensor) -> tuple[Tensor, Tensor]:
        """latents [C, R, Z], their tokens' RMS-normed embeddings [C, R, H] -> A, B [C, W, R, d_in, d_out]."""
        a = torch.einsum("crz,wzk->cwrk", latents, self.key)
        said = F.normalize(embeddings - self.centre, dim=-1)
        b = torch.einsum("crh,whk->cwrk", said, self.token_value)
        b = b + torch.einsum("crz,wzk->cwrk", latents, self.value)
        return a, b * self.size

    def bias(self) -> Factors:
        """{module: (A [1, W, 0, d_in], B [1, W, 0, d_out])}: no rows; what is constant is ``tuning``."""
        c = self.config
        shape = (1, len(c.written_layers), 0)
        return {
            MODULE: (self.key.new_empty(*shape, c.d_in[MODULE]), self.key.new_empty(*shape, c.d_out[MODULE]))
        }

    def tuning(self) -> dict[tuple[int, str], tuple[Tensor, Tensor]]:
        """What belongs into the base: {(layer, module): (A [r, d_in], B [r, d_out])}."""
        keys = ((name, name.replace(".", "_")) for name in self.config.tuned)
        return {_place(name): (self.tuning_A[key], self.tuning_B[key]) for name, key in keys}


def _place(name: str) -> tuple[int, str]:
    layer, _, module = name.partition(".")
    return int(layer), module
