"""The reading model with low-rank changes (LoRA, arXiv:2106.09685) of its products, and scores at [CLS].

[CLS] older [SEP] newer [SEP], the older of type 0. B batch, T tokens, D width, R rank.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertModel

from hypernet.pairs import MOST_TOKENS
from hypernet.training.pairs.examples import Pair
from hypernet.training.reading.model import load_base, load_trained, write

_CLASSES = 3


class LowRank(nn.Module):
    """x [..., d_in] -> x W^T + bias + (x A^T) B^T: A [R, d_in] and B [d_out, R] are learnt."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        self.a = nn.Parameter(torch.randn(rank, linear.in_features) * linear.in_features**-0.5)
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        base: Tensor = self.linear(x)
        return base + x @ self.a.T @ self.b.T

    def merged(self) -> nn.Linear:
        """One product that does the same."""
        self.linear.weight += self.b @ self.a
        return self.linear


class PairJudge(nn.Module):
    """Token ids [B, T] -> scores [B, 3]."""

    def __init__(self, encoder: BertModel, rank: int) -> None:
        super().__init__()
        encoder.requires_grad_(False)
        for block in encoder.encoder.layer:
            for module in list(block.modules()):
                for name, child in list(module.named_children()):
                    if isinstance(child, nn.Linear):
                        setattr(module, name, LowRank(child, rank))
        self.encoder = encoder
        self.judged = nn.Linear(encoder.config.hidden_size, _CLASSES)

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        hidden = self.encoder(ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        scores: Tensor = self.judged(hidden[:, 0])
        return scores

    def learnt(self) -> dict[str, Tensor]:
        """What is trained, by name."""
        found = {name: one.detach() for name, one in self.named_parameters() if one.requires_grad}
        return {name.removeprefix("encoder."): one for name, one in found.items()}


def load(base: Path, reading: Path, rank: int) -> tuple[PairJudge, Tokenizer]:
    """An untrained judge on the reading model, and the tokenizer."""
    reader, tokenizer = load_base(base)
    load_trained(reader, reading / "model.safetensors")
    return PairJudge(reader.encoder, rank), tokenizer


@torch.no_grad()
def take_learnt(judge: PairJudge, tensors: Mapping[str, Tensor]) -> None:
    """Take weights as `learnt` gives them."""
    for name, weight in judge.learnt().items():
        weight.copy_(tensors[name])


@torch.no_grad()
def save(judge: PairJudge, path: Path) -> None:
    """Write the blocks with their changes: matrices in int8 with a scale a row, the rest in float32."""
    for module in judge.encoder.encoder.layer.modules():
        for name, child in list(module.named_children()):
            if isinstance(child, LowRank):
                setattr(module, name, child.merged())
    write(dict(judge.state_dict()), path, whole=("judged",))


def batch(pairs: Sequence[Pair], tokenizer: Tokenizer) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, types and mask [B, T]."""
    cls, sep = (tokenizer.token_to_id(mark) or 0 for mark in ("[CLS]", "[SEP]"))
    rows, types = [], []
    for pair in pairs:
        old, new = (
            one.ids[:MOST_TOKENS]
            for one in tokenizer.encode_batch([pair.old, pair.new], add_special_tokens=False)
        )
        rows.append([cls, *old, sep, *new, sep])
        types.append([0] * (len(old) + 2) + [1] * (len(new) + 1))
    longest = max(map(len, rows))
    padded = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    kinds = torch.tensor([row + [0] * (longest - len(row)) for row in types])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return padded, kinds, mask


@torch.no_grad()
def margins(judge: PairJudge, tokenizer: Tokenizer, pairs: Sequence[Pair], size: int = 64) -> Tensor:
    """Of each pair the log odds [N, 3] of each kind against the other two."""
    judge.eval()
    found = []
    for at in range(0, len(pairs), size):
        share = judge(*batch(pairs[at : at + size], tokenizer)).float().log_softmax(-1)
        found.append(share - torch.log1p(-share.exp().clamp(max=1 - 1e-7)))
    judge.train()
    return torch.cat(found)
