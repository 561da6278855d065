"""Plain retrieval for comparison: the chunks nearest to the question by sentence embedding."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import AutoModel, AutoTokenizer

from hypernet.descriptions import packaged

Embed = Callable[[Sequence[str]], Tensor]
"""Texts -> vectors [N, E] of length 1."""

_BATCH = 64


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
    """Which k chunks are nearest to the question, in their own order."""
    scores = embed(list(chunks)) @ embed([question])[0]
    return sorted(scores.topk(min(k, len(chunks))).indices.tolist())
