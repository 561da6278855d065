"""Adapters for vLLM: PEFT folders of a rank that it accepts, each named by the adapter's content."""

from __future__ import annotations

import hashlib
from pathlib import Path

from hypernet.lora.adapter import LoRA

VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


def export_for_vllm(lora: LoRA, parent: str | Path, *, base_model_name: str = "") -> Path:
    """Write a folder that vLLM can load; equal adapters share one folder.

    The rank is padded with zeros to the next one that vLLM accepts. Raises ValueError for a rank that is too
    large, and as ``LoRA.save_pretrained`` does.
    """
    folder = Path(parent) / content_name(lora)
    if not (folder / "adapter_config.json").exists():  # written last
        lora.padded(vllm_rank(lora.rank)).save_pretrained(folder, base_model_name=base_model_name)
    return folder


def content_name(lora: LoRA) -> str:
    """A name that equal adapters share, and no others."""
    return f"lora-{hashlib.sha256(lora.to_bytes()).hexdigest()[:24]}"


def vllm_rank(rank: int) -> int:
    """The smallest rank vLLM accepts that is not below ``rank``. Raises ValueError above its largest."""
    for allowed in VLLM_RANKS:
        if rank <= allowed:
            return allowed
    raise ValueError(f"rank {rank} is above vLLM's largest, {VLLM_RANKS[-1]}: truncate the adapter first")
