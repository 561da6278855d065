"""Factors <-> one safetensors blob, in the dtype it has or in a smaller one.

Stored per module: ``<module>.A`` and ``<module>.B``; int8 also has ``<module>.A.step``, the float32 size of
one integer step for every factor row. The header's one metadata entry ``lora`` is JSON: format, scaling and,
where not all layers of the base are adapted, which ones (one entry, because safetensors writes several in any
order, and equal adapters must give equal bytes).
"""

from __future__ import annotations

import json

import safetensors
import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from hypernet.lora.factors import Factors

FORMAT = 1
STORAGES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.int8,
}
_FLOATS = tuple(dtype for dtype in STORAGES.values() if dtype.is_floating_point)


def pack(factors: Factors, storage: str | None = None) -> bytes:
    """The adapter as bytes, stored as float32, bfloat16, float16, int8 (per row) or, with None, as it is."""
    if storage is not None and storage not in STORAGES:
        raise ValueError(f"unknown storage {storage!r}: one of {', '.join(STORAGES)}")
    tensors: dict[str, Tensor] = {}
    for side, table in (("A", factors.A), ("B", factors.B)):
        for module, tensor in table.items():
            tensors |= _store(f"{module}.{side}", tensor.detach().cpu().contiguous(), storage)
    head: dict[str, object] = {"format": FORMAT, "scaling": factors.scaling}
    if factors.layers is not None:
        head["layers"] = factors.layers
    return save_tensors(tensors, {"lora": json.dumps(head)})


def unpack(data: bytes) -> Factors:
    """Read ``pack``; int8 comes back as float32. Raises ValueError for bytes of any other origin.

    Whether a hypernetwork can have made the adapter is another question: ``checks.require_own``.
    """
    try:
        tensors = load_tensors(data)
    except (safetensors.SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(f"not a stored adapter, or a damaged one ({len(data)} bytes): {error}") from error
    scaling, layers = _head(data)
    restored = {name: _restore(name, tensors) for name in tensors if not name.endswith(".step")}
    sides = {s: {n[:-2]: t for n, t in restored.items() if n.endswith(f".{s}")} for s in ("A", "B")}
    return Factors(sides["A"], sides["B"], scaling, layers)


def _head(data: bytes) -> tuple[float, tuple[int, ...] | None]:
    """Scaling and layers in the blob's own metadata; the safetensors header was found valid before."""
    length = int.from_bytes(data[:8], "little")
    raw = json.loads(data[8 : 8 + length]).get("__metadata__", {}).get("lora")
    try:
        head = json.loads(raw)
        if head["format"] != FORMAT:
            raise ValueError(f"stored adapter of format {head['format']}; this version reads format {FORMAT}")
        layers = head.get("layers")
        return float(head["scaling"]), None if layers is None else tuple(map(int, layers))
    except (json.JSONDecodeError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise ValueError(f"not a stored adapter: its 'lora' entry is {str(raw)[:60]!r}") from error


def _store(name: str, tensor: Tensor, storage: str | None) -> dict[str, Tensor]:
    if storage != "int8":
        return {name: tensor if storage is None else tensor.to(STORAGES[storage])}
    step = tensor.float().abs().amax(dim=-1, keepdim=True) / 127
    return {name: (tensor / step.clamp_min(torch.finfo().tiny)).round().to(torch.int8), f"{name}.step": step}


def _restore(name: str, tensors: dict[str, Tensor]) -> Tensor:
    tensor = tensors[name]
    if tensor.dtype in _FLOATS:
        return tensor
    step = tensors.get(f"{name}.step")
    if tensor.dtype != torch.int8 or step is None:
        raise ValueError(f"stored adapter of {tensor.dtype} lacks {name}.step, or is in unknown numbers")
    if step.shape != (*tensor.shape[:-1], 1) or step.dtype != torch.float32:
        raise ValueError(f"stored adapter has a step of shape {tuple(step.shape)} for {tuple(tensor.shape)}")
    return tensor * step
