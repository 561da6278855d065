"""Retrieves chunks for a question by nearest-sentence embedding and word overlap."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from hypernet.backbones.descriptions import packaged
from hypernet.overlap import WEIGHT, overlap

Embed = Callable[[Sequence[str]], Tensor]
"""Texts -> vectors [N, E] of length 1."""

_BATCH = 64
_CANDIDATES = 32  # chunks whose words are compared
_FEWEST_WORDS = 3  # shorter parts say nothing that could be asked for


def packaged_embedder() -> Embed:
    """all-MiniLM-L6-v2 with mean pooling, from the package that carries it."""
    folder = packaged()
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    known: dict[str, Tensor] = {}

    @torch.inference_mode()
    def add(texts: Sequence[str]) -> None:
        tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=256, return_tensors="pt")
        hidden = model(**tokens).last_hidden_state  # [N, T, E]
        mask = tokens["attention_mask"][..., None]
        vectors = torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)
        known.update(zip(texts, vectors, strict=True))

    def embed(texts: Sequence[str]) -> Tensor:
        new = sorted({text for text in texts if text not in known}, key=len)
        for start in range(0, len(new), _BATCH):
            add(new[start : start + _BATCH])
        return torch.stack([known[text] for text in texts])

    return embed


def nearest(embed: Embed, question: str, chunks: Sequence[str], k: int) -> list[int]:
    """Which k chunks are nearest to the question, in their own order.

    A chunk is as near as the nearest of its sentences, or as it is itself where that is nearer: so does the
    service find an adapter by the nearest passage that it holds. One embedding of eighty words is near to
    what most of them are about, and a single sentence amid them is lost. Of the nearest, those that share
    words with the question come first, as in the service.
    """
    if not chunks:
        return []
    parts: list[str] = []
    owners: list[int] = []
    for i, chunk in enumerate(chunks):
        texts = dict.fromkeys([chunk, *_sentences(chunk)])
        parts += texts
        owners += [i] * len(texts)
    scores = embed(parts) @ embed([question])[0]
    best = torch.full((len(chunks),), -torch.inf)
    best.scatter_reduce_(0, torch.tensor(owners), scores, "amax")
    found = best.topk(min(_CANDIDATES, len(chunks)))
    shares = torch.tensor(overlap(question, [chunks[i] for i in found.indices]))
    first = (found.values + WEIGHT * shares).topk(min(k, len(shares))).indices
    return sorted(found.indices[first].tolist())


def _sentences(text: str) -> list[str]:
    parts = re.split(r"(?<=[.!?])\s+|\n+", text)
    return [part for part in parts if len(part.split()) >= _FEWEST_WORDS]
