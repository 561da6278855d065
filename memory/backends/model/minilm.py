"""MiniLM in NumPy, straight from its safetensors: token ids in, embeddings out.

One short text takes 6 ms of one core, a full batch about as long as in torch; what is saved is importing
torch and transformers, seconds of CPU, in a process that only searches. Architecture: BERT without pooler
(arXiv:1810.04805); the vectors are those of transformers' BertModel to 1e-5, which a test compares.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
TOKENS = 384  # of a pass, padding included: what it works on stays in a core's cache
_ROWS = 32  # of a GELU, whose dozen steps over more would each go through memory
_MASKED = np.float32(-1e9)  # the score of a padding token


@dataclass(frozen=True, slots=True)
class MiniLM:
    """A BERT encoder: weights by their published names, and its sizes. Read only, so threads may share it."""

    weights: dict[str, Floats]
    layers: int
    heads: int
    eps: float  # of the layer norms

    @classmethod
    def from_folder(cls, folder: Path) -> MiniLM:
        """Read model.safetensors and config.json.

        Raises OSError, SafetensorError; ValueError where config.json is not that of such an encoder.
        """
        config = json.loads((folder / "config.json").read_text("utf-8"))
        try:
            if (config["model_type"], config["hidden_act"]) != ("bert", "gelu"):
                raise ValueError(f"not a BERT encoder with GELU: {config['model_type']!r}")
            layers, heads = int(config["num_hidden_layers"]), int(config["num_attention_heads"])
            eps = float(config["layer_norm_eps"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"config.json lacks {error}") from error
        return cls(_mapped(folder / "model.safetensors"), layers, heads, eps)

    def embed(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Token ids of N texts, none empty -> [N, D] of length 1, the same in whatever company."""
        found: dict[int, Floats] = {}
        for rows in _passes([len(ids) for ids in texts]):
            found |= zip(rows, self._pooled([texts[row] for row in rows]), strict=True)
        return np.stack([found[row] for row in range(len(texts))])

    def _pooled(self, texts: Sequence[Sequence[int]]) -> Floats:
        """Mean of the last hidden states over each text's own tokens, as the model's configuration has it."""
        lengths = np.array([len(ids) for ids in texts])
        mask = np.arange(lengths.max()) < lengths[:, None]  # [B, T]
        tokens = np.zeros(mask.shape, np.int64)
        tokens[mask] = np.concatenate(texts)
        total = (self.hidden_states(tokens, mask) * mask[..., None]).sum(1)
        return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True))  # of the mean's direction

    def hidden_states(
        self, tokens: NDArray[np.int64], mask: NDArray[np.bool_], types: NDArray[np.int64] | int = 0
    ) -> Floats:
        """Token ids [B, T] -> last hidden states [B, T, D]; `mask` [B, T] is false at padding.

        `types`, of all tokens or of each [B, T], tell a question (0) from the text that is read for it (1).
        """
        position = self.weights["embeddings.position_embeddings.weight"][: tokens.shape[1]]
        kind = self.weights["embeddings.token_type_embeddings.weight"][types]
        x = self.weights["embeddings.word_embeddings.weight"][tokens] + (position + kind)
        x = self._norm(x, "embeddings.LayerNorm")
        bias = np.where(mask, np.float32(0), _MASKED)[:, None, None, :]  # on the scores [B, heads, T, T]
        for layer in range(self.layers):
            block = f"encoder.layer.{layer}"
            attended = self._attention(x, bias, f"{block}.attention.self")
            x = x + self._linear(attended, f"{block}.attention.output.dense")
            x = self._norm(x, f"{block}.attention.output.LayerNorm")
            inner = self._linear(x, f"{block}.intermediate.dense")
            _gelu_in_place(inner)
            x = self._norm(x + self._linear(inner, f"{block}.output.dense"), f"{block}.output.LayerNorm")
        return x

    def _attention(self, x: Floats, bias: Floats, name: str) -> Floats:
        """[B, T, D] -> [B, T, D]."""
        batch, length, width = x.shape
        query, key, value = (
            self._linear(x, f"{name}.{part}").reshape(batch, length, self.heads, -1).swapaxes(1, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(-1, -2)  # [B, heads, T, T]
        scores *= np.float32((width // self.heads) ** -0.5)
        scores += bias
        scores -= scores.max(-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(-1, keepdims=True)
        attended = np.asarray(scores @ value, np.float32)  # [B, heads, T, D / heads]
        return attended.swapaxes(1, 2).reshape(batch, length, width)

    def _linear(self, x: Floats, name: str) -> Floats:
        flat = x.reshape(-1, x.shape[-1]) @ self.weights[f"{name}.weight"].T  # one product, not one a text
        flat += self.weights[f"{name}.bias"]
        return flat.reshape(*x.shape[:-1], -1)

    def _norm(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(-1, keepdims=True)
        variance = np.einsum("...d,...d->...", centred, centred)[..., None] / x.shape[-1]
        centred /= np.sqrt(variance + np.float32(self.eps))
        centred *= self.weights[f"{name}.weight"]
        centred += self.weights[f"{name}.bias"]
        return centred


def _passes(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Rows that go through the model together, shortest first: like lengths, so that little is padding."""
    rows: list[int] = []
    for row in sorted(range(len(lengths)), key=lambda row: lengths[row]):
        if rows and (len(rows) + 1) * lengths[row] > TOKENS:
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def _mapped(path: Path) -> dict[str, Floats]:
    """The float32 tensors of a safetensors file as views of it: only what is used is ever read.

    Of 30,522 word embeddings a text uses a few. Raises OSError, SafetensorError.
    """
    from safetensors import safe_open

    with safe_open(path, "np"):  # checks the header: offsets, shapes and size agree
        pass
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    data = np.memmap(path, np.uint8, "r", offset=8 + size)
    found = {}
    for name, tensor in header.items():
        if name != "__metadata__" and tensor["dtype"] == "F32":
            first, end = tensor["data_offsets"]
            found[name] = np.asarray(data[first:end]).view(np.float32).reshape(tensor["shape"])
    return found


def _gelu_in_place(x: Floats) -> None:
    """Some rows at a time; `x` is contiguous."""
    rows = x.reshape(-1, x.shape[-1])
    for first in range(0, len(rows), _ROWS):
        rows[first : first + _ROWS] = _gelu(rows[first : first + _ROWS])


def _gelu(x: Floats) -> Floats:
    """x Phi(x) = max(x, 0) - |x| erfc(|x| / sqrt 2) / 2, with erfc to 1.5e-7 (Abramowitz, Stegun 7.1.26)."""
    size = np.abs(x)
    z = size * np.float32(0.5**0.5)
    t = np.float32(1) / (np.float32(1) + np.float32(0.3275911) * z)
    complement = t * np.float32(1.061405429)
    for coefficient in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        complement += np.float32(coefficient)
        complement *= t
    z *= -z
    complement *= np.exp(z, out=z)
    complement *= size
    complement *= np.float32(0.5)
    return np.maximum(x, np.float32(0)) - complement
