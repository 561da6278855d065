"""Model fingerprints: a hash of the weights that is stable across file formats, devices and dtypes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor

_ELEMENTS = 65_536


def fingerprint(kind: str, tensors: Iterable[tuple[str, Tensor]]) -> str:
    """sha256, in hex, over ``kind`` and the names, shapes and values of ``tensors``.

    Values are rounded to bfloat16, so that a model has one fingerprint whether it is loaded in float32 or in
    half precision; of tensors above 65,536 elements an even sample counts, so that billions of weights
    take milliseconds.
    """
    digest = hashlib.sha256(kind.encode())
    for name, tensor in sorted(tensors, key=lambda item: item[0]):
        flat = tensor.detach().flatten()
        sample = flat[:: -(-flat.numel() // _ELEMENTS) or 1].to(torch.bfloat16).cpu()
        digest.update(f"\n{name} {tuple(tensor.shape)}\n".encode())
        digest.update(sample.contiguous().view(torch.int16).numpy().tobytes())
    return digest.hexdigest()
