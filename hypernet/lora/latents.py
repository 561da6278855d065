"""Compact storage of adapters: what the heads of the hypernetwork make their rows of, a latent a row.

``hypernet/expansion.py`` makes factors of them on load; the same latents give the same ones bit for bit.
Latents are int8, with a step for each part of a row: numbers of another size would drown in a common one. Of
a hypernetwork with rows for tokens, ``ids`` are the tokens; of a published one they number the rows of a
chunk, by layer, module and rank, and a chunk for gemma-2-2b takes 107 KB, its factors 2.4 MB in int8.

As a blob: safetensors of ``latents`` [R, Z] int8, ``step`` [R, P] (of one part [R]) float16 and ``ids`` [R];
its metadata entry ``latents`` has the format and the widths of several parts. Axes: R rows, Z latent width,
P parts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import safetensors
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

FORMAT = 1
_LEVELS = 127
_LEAST_STEP = 2.0**-24  # the least above zero in float16
_NARROW = 2**16  # vocabularies up to here need two bytes a token
_DTYPES = {"latents": (torch.int8,), "step": (torch.float16,), "ids": (torch.uint16, torch.int32)}


@dataclass(frozen=True, eq=False)
class Latents:
    """``quantized`` [R, Z] int8, ``step`` [R, P] float16, ``ids`` [R] int64, ``parts`` P widths, Z in all.

    ``rounded``: the adapter that has them was made of what they round, so only int8 may keep them for it.
    """

    quantized: Tensor
    step: Tensor
    ids: Tensor
    parts: tuple[int, ...]
    rounded: bool = False

    @property
    def values(self) -> Tensor:
        """The latents in float32 [R, Z]."""
        return self.quantized.float() * _spread(self.step.float(), self.parts)

    @staticmethod
    def of(
        values: Tensor, ids: Tensor, *, parts: tuple[int, ...] | None = None, rounded: bool = False
    ) -> Latents:
        """Quantize latents [R, Z], each part of a row (all of it) by its largest number, for ``ids`` [R]."""
        parts = parts or (values.size(1),)
        values = values.float().cpu()
        largest = [part.abs().amax(dim=-1) for part in torch.split_with_sizes(values, parts, dim=-1)]
        step = (torch.stack(largest, dim=-1) / _LEVELS).half().clamp_min(_LEAST_STEP)
        quantized = (values / _spread(step.float(), parts)).round().clamp(-_LEVELS, _LEVELS).to(torch.int8)
        return Latents(quantized, step, ids.long().cpu(), parts, rounded)

    @staticmethod
    def concat(several: Sequence[Latents]) -> Latents:
        """The rows of all, in order."""
        return Latents(
            torch.cat([one.quantized for one in several]),
            torch.cat([one.step for one in several]),
            torch.cat([one.ids for one in several]),
            several[0].parts,
            any(one.rounded for one in several),
        )


def pack(latents: Latents) -> bytes:
    """As one blob; equal latents give equal bytes."""
    narrow = not len(latents.ids) or int(latents.ids.max()) < _NARROW
    tensors = {
        "latents": latents.quantized.contiguous(),
        "step": latents.step if len(latents.parts) > 1 else latents.step[:, 0].contiguous(),
        "ids": latents.ids.to(torch.uint16 if narrow else torch.int32),
    }
    parts = {"parts": latents.parts} if len(latents.parts) > 1 else {}
    return save_tensors(tensors, {"latents": json.dumps({"format": FORMAT, **parts})})


def unpack(data: bytes) -> Latents | None:
    """Read ``pack``; None for a blob that is not of latents. Raises ValueError for a damaged one."""
    parts = _head(data)
    if parts is None:
        return None
    try:
        tensors = load_tensors(data)
    except safetensors.SafetensorError as error:
        raise ValueError(f"stored latents are damaged ({len(data)} bytes): {error}") from error
    _require_sound(tensors, parts)
    quantized, step, ids = (tensors[name] for name in _DTYPES)
    parts = parts or (quantized.size(1),)
    return Latents(quantized, step.view(len(ids), len(parts)), ids.long(), parts)


def _head(data: bytes) -> tuple[int, ...] | None:
    """The parts that the blob's metadata names, none of a single one; None where it is not of latents."""
    length = int.from_bytes(data[:8], "little")
    try:
        entry = json.loads(data[8 : 8 + length]).get("__metadata__", {}).get("latents")
        if entry is None:
            return None
        head = json.loads(entry)
        found, parts = int(head["format"]), tuple(map(int, head.get("parts", ())))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    if found != FORMAT:
        raise ValueError(f"stored latents of format {found}; this version reads format {FORMAT}")
    return parts


def _spread(step: Tensor, parts: tuple[int, ...]) -> Tensor:
    """Steps [R, P] -> one for each number of a row [R, Z]."""
    return step.repeat_interleave(torch.tensor(parts), dim=1)


def _require_sound(tensors: dict[str, Tensor], parts: tuple[int, ...]) -> None:
    found = {name: (t.dtype, tuple(t.shape)) for name, t in tensors.items()}
    rows = len(tensors["ids"]) if "ids" in tensors and tensors["ids"].ndim == 1 else -1
    sound = (
        found.keys() == _DTYPES.keys()
        and all(found[name][0] in kinds for name, kinds in _DTYPES.items())
        and tensors["latents"].ndim == 2
        and len(tensors["latents"]) == rows >= 1
        and tuple(tensors["step"].shape) == ((rows, len(parts)) if parts else (rows,))
        and (not parts or (min(parts) >= 1 and sum(parts) == tensors["latents"].size(1)))
    )
    if not sound:
        raise ValueError(f"stored latents of an unexpected shape: {found}")
    if not (torch.isfinite(tensors["step"]).all() and (tensors["step"] >= 0).all()):
        raise ValueError("stored latents have a step that is not a size")
    if (tensors["ids"].long() < 0).any():
        raise ValueError("stored latents have a token id below 0")
