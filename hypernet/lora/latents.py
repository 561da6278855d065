"""Compact storage of adapters: what the heads of the hypernetwork make their rows of, a latent a row.

The heads expand them on load; the same latents give the same factors bit for bit. Latents are int8 with one
step a row. Of a hypernetwork with a row for every token, ``ids`` are the tokens, and a passage of 40 takes
8 KB; of a published one they number the rows of a chunk, by layer, module and rank, and a chunk for
gemma-2-2b takes 107 KB, where its factors take 2.4 MB in int8.

As a blob: safetensors of ``latents`` [R, Z] int8, ``step`` [R] float16 and ``ids`` [R], and the format in its
metadata entry ``latents``. Axes: R rows, Z latent width.
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
    """``quantized`` [R, Z] int8, ``step`` [R] float16, ``ids`` [R] int64: what the rows say, see above.

    ``rounded``: the adapter that has them was made of what they round, so only int8 may keep them for it.
    """

    quantized: Tensor
    step: Tensor
    ids: Tensor
    rounded: bool = False

    @property
    def values(self) -> Tensor:
        """The latents in float32 [R, Z]."""
        return self.quantized.float() * self.step.float()[:, None]

    @staticmethod
    def of(values: Tensor, ids: Tensor, *, rounded: bool = False) -> Latents:
        """Quantize latents [R, Z], each row by its largest number, for ``ids`` [R]."""
        largest = values.float().abs().amax(dim=-1, keepdim=True)
        step = (largest / _LEVELS).half().clamp_min(_LEAST_STEP)
        quantized = (values.float() / step.float()).round().clamp(-_LEVELS, _LEVELS).to(torch.int8)
        return Latents(quantized.cpu(), step[:, 0].cpu(), ids.long().cpu(), rounded)

    @staticmethod
    def concat(several: Sequence[Latents]) -> Latents:
        """The rows of all, in order."""
        return Latents(
            torch.cat([one.quantized for one in several]),
            torch.cat([one.step for one in several]),
            torch.cat([one.ids for one in several]),
            any(one.rounded for one in several),
        )


def pack(latents: Latents) -> bytes:
    """As one blob; equal latents give equal bytes."""
    narrow = not len(latents.ids) or int(latents.ids.max()) < _NARROW
    tensors = {
        "latents": latents.quantized.contiguous(),
        "step": latents.step.contiguous(),
        "ids": latents.ids.to(torch.uint16 if narrow else torch.int32),
    }
    return save_tensors(tensors, {"latents": json.dumps({"format": FORMAT})})


def unpack(data: bytes) -> Latents | None:
    """Read ``pack``; None for a blob that is not of latents. Raises ValueError for a damaged one."""
    if _format(data) is None:
        return None
    try:
        tensors = load_tensors(data)
    except safetensors.SafetensorError as error:
        raise ValueError(f"stored latents are damaged ({len(data)} bytes): {error}") from error
    _require_sound(tensors)
    return Latents(tensors["latents"], tensors["step"], tensors["ids"].long())


def _format(data: bytes) -> int | None:
    """The format that the blob's metadata names, None where it is not of latents."""
    length = int.from_bytes(data[:8], "little")
    try:
        entry = json.loads(data[8 : 8 + length]).get("__metadata__", {}).get("latents")
        found = None if entry is None else int(json.loads(entry)["format"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    if found not in (None, FORMAT):
        raise ValueError(f"stored latents of format {found}; this version reads format {FORMAT}")
    return found


def _require_sound(tensors: dict[str, Tensor]) -> None:
    found = {name: (t.dtype, tuple(t.shape)) for name, t in tensors.items()}
    rows = len(tensors["ids"]) if "ids" in tensors and tensors["ids"].ndim == 1 else -1
    sound = (
        found.keys() == _DTYPES.keys()
        and all(found[name][0] in kinds for name, kinds in _DTYPES.items())
        and tensors["latents"].ndim == 2
        and len(tensors["latents"]) == rows >= 1
        and tuple(tensors["step"].shape) == (rows,)
    )
    if not sound:
        raise ValueError(f"stored latents of an unexpected shape: {found}")
    if not (torch.isfinite(tensors["step"]).all() and (tensors["step"] >= 0).all()):
        raise ValueError("stored latents have a step that is not a size")
    if (tensors["ids"].long() < 0).any():
        raise ValueError("stored latents have a token id below 0")
