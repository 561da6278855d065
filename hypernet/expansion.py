"""What a hypernetwork keeps of an adapter -> its factors: the same each time, bit for bit.

Which numbers a row's latents are, and what its ``ids`` say, differs by the kind of hypernetwork:

=========  ==============================================  ==========================================
reader     latents of a row                                ids
=========  ==============================================  ==========================================
latents    what the heads expand                           its number among those of its chunk
anchors    what its anchor knows, and the words around it  the anchor's token
tokens     what is kept of its token                       the token
=========  ==============================================  ==========================================

Axes: C chunks, L base layers, M target modules, R rows, Z latent width.
"""

from __future__ import annotations

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from hypernet.lora.adapter import LoRA
from hypernet.lora.latents import Latents
from hypernet.networks.anchored import AnchoredHypernetwork, Anchors
from hypernet.networks.config import HypernetConfig
from hypernet.networks.heads import Factors
from hypernet.networks.hypernetwork import AnyHypernetwork, Hypernetwork
from hypernet.networks.tokens import MODULE, TokenHypernetwork


def expand(network: AnyHypernetwork, embeddings: Tensor, kept: Latents) -> LoRA:
    """The adapter of stored latents, for the token ``embeddings`` [V, H] of the context encoder.

    Raises ValueError for latents that this hypernetwork does not keep.
    """
    values = kept.values.to(embeddings.device)
    if isinstance(network, Hypernetwork):
        lora = _of_rows(network, kept, values)
    else:
        _require_fit(network, embeddings, kept)
        said = embeddings[kept.ids.to(embeddings.device)].float()
        lora = _of_tokens(network, values, F.rms_norm(said, (said.size(-1),), eps=1e-6))
    return replace(lora, latents=replace(kept, rounded=False))


def one(factors: Factors, chunk: int, config: HypernetConfig) -> LoRA:
    """The adapter of one chunk among those that a pass made factors of."""
    return LoRA(
        {m: a[chunk].clone() for m, (a, _) in factors.items()},
        {m: b[chunk].clone() for m, (_, b) in factors.items()},
        config.scaling,
        config.written_layers or None,
    )


def rows_kept(rows: Tensor) -> Latents:
    """What int8 keeps of a chunk's rows [L, M, R, Z]."""
    return Latents.of(rows.flatten(0, 2), torch.arange(rows[..., 0].numel()), rounded=True)


def anchors_kept(found: Anchors, spoken: Tensor, ids: Tensor, chunk: int) -> Latents | None:
    """What int8 keeps of a chunk's anchors that are ``spoken`` [C, R], of token ids [C, T]; None of none."""
    here = spoken[chunk]
    if not here.any():
        return None
    parts = found.rows[chunk][here], found.bags[chunk][here]
    return Latents.of(
        torch.cat(parts, dim=-1),
        ids[chunk, found.positions[chunk][here]],
        parts=tuple(part.size(-1) for part in parts),
        rounded=True,
    )


def _of_rows(network: Hypernetwork, kept: Latents, values: Tensor) -> LoRA:
    """Of learned latents: a chunk after the other, each with all its rows."""
    c = network.config
    rows = c.num_layers * c.num_modules * c.rank
    chunks = max(1, len(values) // rows)
    if values.size(1) != c.latent_size or not torch.equal(kept.ids, torch.arange(rows).repeat(chunks)):
        raise ValueError(
            f"the adapter is kept as latents of shape {tuple(values.shape)}; the hypernetwork expands rows "
            f"of width {c.latent_size}, {rows} a chunk in their order"
        )
    factors = network.heads.expand(values.view(-1, c.num_layers, c.num_modules, c.rank, c.latent_size))
    return LoRA.concat([one(factors, chunk, c) for chunk in range(chunks)])


def _of_tokens(network: AnchoredHypernetwork | TokenHypernetwork, values: Tensor, said: Tensor) -> LoRA:
    """values [R, Z], the rows' tokens [R, H]."""
    if isinstance(network, AnchoredHypernetwork):
        rows, bags = torch.split_with_sizes(values, _parts(network), dim=-1)
        factors = network.expand(rows[None], bags[None], said[None])
    else:
        factors = {MODULE: network.expand(values[None], said[None])}
    return one(factors, 0, network.config)


def _require_fit(
    network: AnchoredHypernetwork | TokenHypernetwork, embeddings: Tensor, kept: Latents
) -> None:
    most, parts = int(kept.ids.max()), _parts(network)
    if kept.parts != parts or most >= len(embeddings):
        raise ValueError(
            f"the adapter is kept as latents of width {_said(kept.parts)} for tokens up to {most}; the "
            f"hypernetwork expands width {_said(parts)} for {len(embeddings)} tokens"
        )


def _parts(network: AnchoredHypernetwork | TokenHypernetwork) -> tuple[int, ...]:
    c = network.config
    return (c.row_size,) if isinstance(network, TokenHypernetwork) else (c.latent_size, c.hidden_size)


def _said(parts: tuple[int, ...]) -> str:
    return " + ".join(map(str, parts))
