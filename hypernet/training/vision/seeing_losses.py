"""What a patch encoder is trained on: its tokens stand where a caption's words stand, and are read as those.

Axes: N images, T tokens an image, H hidden width, V words of the base.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from hypernet.backbones.chunking import affixes
from hypernet.backbones.patches import PatchEncoder, among, fits
from hypernet.doc_to_lora import DocToLoRA
from hypernet.training.vision.gallery import Shown


class Reading:
    """A frozen base, and what it makes of captions."""

    def __init__(self, model: DocToLoRA, tokens: int) -> None:
        self.base, self.tokens = model.base_model, tokens
        self.words = model.base_model.get_input_embeddings().weight
        self.opening, self.closing = affixes(model.tokenizer, system_turn=model.config.context_system_turn)
        self.tokenizer: PreTrainedTokenizerBase = model.tokenizer

    def captions(self, shown: Sequence[Shown]) -> Tensor:
        """Ids of the captions, filled up with the word that ends a turn: [N, T]."""
        said = self.tokenizer([" " + each.caption for each in shown], add_special_tokens=False)["input_ids"]
        if (longest := max(map(len, said))) > self.tokens:
            raise ValueError(f"a caption has {longest} tokens, an image {self.tokens}")
        end = self.tokenizer.eos_token_id
        return torch.tensor([[*ids, *[end] * (self.tokens - len(ids))] for ids in said])

    def states(self, embedded: Tensor) -> Tensor:
        """The states of all layers, as a hypernetwork reads them, each of unit length: [layers, N, T, H]."""
        edges = [
            self.words[torch.tensor(ids)].expand(len(embedded), -1, -1)
            for ids in (self.opening, self.closing)
        ]
        whole = torch.cat([edges[0], embedded, edges[1]], dim=1)
        states = self.base.get_decoder()(
            inputs_embeds=whole, use_cache=False, output_hidden_states=True
        ).hidden_states
        return F.normalize(torch.stack(states)[:, :, len(self.opening) :][:, :, : self.tokens], dim=-1)


def seeing_losses(
    encoder: PatchEncoder, reading: Reading, shown: Sequence[Shown], *, states: bool
) -> dict[str, Tensor]:
    """``words``: which word each token stands at. ``near``: how far from it.

    ``states``: how far what the base makes of them is from what it makes of the caption.
    """
    seen = encoder(encoder.pixels([each.image for each in shown]))
    ids = reading.captions(shown)
    tokens, right = among(seen, reading.words), reading.words[ids]
    losses = {
        "words": F.cross_entropy(fits(seen, reading.words).flatten(0, 1), ids.flatten()) * 10,
        "near": (tokens - right).square().sum(-1).mean() / 10,
    }
    if states:
        with torch.no_grad():
            wanted = reading.states(right)
        losses["states"] = (1 - (reading.states(tokens) * wanted).sum(-1)).mean() * 10
    return losses
