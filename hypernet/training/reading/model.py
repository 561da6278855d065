"""A BERT encoder with two scores a token: an answer begins here, an answer ends here.

[CLS] question [SEP] text [SEP] text [SEP] ..., the question of type 0 and the texts of type 1. The scores at
[CLS] are those of no answer (SQuAD 2.0, arXiv:1810.04805, section 4.3). B batch, T tokens, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertModel

from hypernet.reading import MOST_TOKENS
from hypernet.training.reading.examples import Example

_CLS, _SEP = "[CLS]", "[SEP]"
_EMBEDDED = "embeddings."  # what stays as the base has it
_SCALE = ".scale"


@dataclass(frozen=True, slots=True)
class Encoded:
    """Tokens of an example, their types, and the spans that answer: pairs of places, (0, 0) for none."""

    ids: list[int]
    types: list[int]
    spans: list[tuple[int, int]]
    bounds: list[tuple[int, int, int]]  # of each text: its first token, one past the last, its number
    offsets: list[tuple[int, int]]  # of each token within its text


class ReadingModel(nn.Module):
    """Token ids [B, T] -> scores [B, T, 2] of where the answer begins and ends."""

    def __init__(self, encoder: BertModel) -> None:
        super().__init__()
        self.encoder = encoder
        self.span = nn.Linear(encoder.config.hidden_size, 2)
        nn.init.normal_(self.span.weight, std=0.02)
        nn.init.zeros_(self.span.bias)
        for name, parameter in encoder.named_parameters():
            parameter.requires_grad_(not name.startswith(_EMBEDDED))

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        hidden = self.encoder(ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        scores: Tensor = self.span(hidden)
        return scores


def load_base(folder: Path) -> tuple[ReadingModel, Tokenizer]:
    """An untrained reading model on an encoder in transformers' layout, and the tokenizer."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return ReadingModel(BertModel.from_pretrained(folder, add_pooling_layer=False)), tokenizer


def load_trained(model: ReadingModel, path: Path) -> None:
    """Take the weights that `save` wrote."""
    tensors = load_file(path)
    for name, weight in model.state_dict().items():
        bare = name.removeprefix("encoder.")
        if bare in tensors:
            scale = tensors.get(bare + _SCALE)
            given = tensors[bare].float()
            weight.copy_(given if scale is None else given * scale[:, None])


def encode(example: Example, tokenizer: Tokenizer) -> Encoded | None:
    """None where the example is too long, or its answer is cut by the tokens."""
    parts = tokenizer.encode_batch([example.question, *example.texts], add_special_tokens=False)
    cls, sep = (tokenizer.token_to_id(mark) or 0 for mark in (_CLS, _SEP))
    ids = [cls, *parts[0].ids, sep]
    types, offsets = [0] * len(ids), [(0, 0)] * len(ids)
    bounds, spans = [], []
    for number, (text, part) in enumerate(zip(example.texts, parts[1:], strict=True)):
        if not part.ids:
            continue
        first = len(ids)
        ids += [*part.ids, sep]
        types += [1] * (len(part.ids) + 1)
        offsets += [*part.offsets, (0, 0)]
        bounds.append((first, first + len(part.ids), number))
        spans += [(a + first, b + first) for a, b in _places(text, example.answer, part.offsets)]
    if len(ids) > MOST_TOKENS or (example.answer and not spans):
        return None
    return Encoded(ids, types, spans or [(0, 0)], bounds, offsets)


def _places(text: str, answer: str, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """First and last token of each place where the text has the answer."""
    found, at = [], text.find(answer) if answer else -1
    while at >= 0:
        inside = [i for i, (a, b) in enumerate(offsets) if a < at + len(answer) and b > at]
        if inside and offsets[inside[0]][0] == at and offsets[inside[-1]][1] == at + len(answer):
            found.append((inside[0], inside[-1]))
        at = text.find(answer, at + 1)
    return found


def batch(examples: Sequence[Encoded]) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, types and mask [B, T]."""
    longest = max(len(one.ids) for one in examples)
    rows = [[*one.ids, *[0] * (longest - len(one.ids))] for one in examples]
    types = [[*one.types, *[0] * (longest - len(one.ids))] for one in examples]
    mask = [[1] * len(one.ids) + [0] * (longest - len(one.ids)) for one in examples]
    return torch.tensor(rows), torch.tensor(types), torch.tensor(mask)


def loss(scores: Tensor, examples: Sequence[Encoded], mask: Tensor) -> Tensor:
    """Minus the log of what all places of the answer have together, of the beginning and of the end."""
    masked = scores.float().masked_fill(mask[..., None] == 0, -1e4).log_softmax(1)
    right = torch.full(scores.shape, -1e4)
    for row, one in enumerate(examples):
        for span in one.spans:
            for side in (0, 1):
                right[row, span[side], side] = 0.0
    return -(masked + right).logsumexp(1).mean()


def best(scores: Tensor, one: Encoded, longest: int = 40) -> tuple[float, tuple[int, int]]:
    """How much more the best span has than none, and the span (tokens, both included)."""
    none = float(scores[0].sum())
    found, at = -1e9, (0, 0)
    for first, end, _ in one.bounds:
        begins, ends = scores[first:end, 0], scores[first:end, 1]
        pairs = begins[:, None] + ends[None, :]
        allowed = torch.ones_like(pairs, dtype=torch.bool).triu().tril(longest - 1)
        pairs = pairs.masked_fill(~allowed, -1e9)
        if pairs.numel() and float(pairs.max()) > found:
            found, place = float(pairs.max()), int(pairs.argmax())
            at = (first + place // pairs.shape[1], first + place % pairs.shape[1])
    return found - none, at


def said(example: Example, one: Encoded, span: tuple[int, int]) -> str:
    """The words of a span."""
    for first, end, number in one.bounds:
        if first <= span[0] < end:
            return example.texts[number][one.offsets[span[0]][0] : one.offsets[span[1]][1]]
    return ""


def save(model: ReadingModel, path: Path) -> None:
    """Write the trained weights: matrices in int8 with a scale a row, the rest in float32, no embeddings."""
    tensors: dict[str, Tensor] = {}
    for name, weight in model.state_dict().items():
        bare = name.removeprefix("encoder.")
        if bare.startswith(_EMBEDDED):
            continue
        if weight.ndim == 2 and not bare.startswith("span"):
            scale = weight.abs().amax(1) / 127
            tensors[bare] = (weight / scale[:, None]).round().to(torch.int8)
            tensors[bare + _SCALE] = scale
        else:
            tensors[bare] = weight.contiguous()
    save_file(tensors, path)
