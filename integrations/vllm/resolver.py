"""The plug-in that runs in vLLM: it finds the adapter that a request names in the shared folder.

vLLM loads it by the entry point `vllm.general_plugins` of this package:

    VLLM_ALLOW_RUNTIME_LORA_UPDATING=true VLLM_PLUGINS=parametric_memory MEMORY_VLLM_FOLDER=/adapters \\
        vllm serve BASE --enable-lora --max-lora-rank 64
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from integrations.vllm.naming import is_ours, number_of

FOLDER = "MEMORY_VLLM_FOLDER"
RESOLVER = "Parametric Memory"


def register() -> None:
    """Make vLLM ask us for adapters that it does not know. Raises RuntimeError without a folder."""
    from vllm.lora.resolver import LoRAResolver, LoRAResolverRegistry  # type: ignore[import-not-found]

    if not (named := os.environ.get(FOLDER)):
        raise RuntimeError(f"{FOLDER} must name the folder that the memory writes adapters into")
    folder = Path(named)

    class Resolver(LoRAResolver):  # type: ignore[misc]
        """Of adapters in one folder."""

        async def resolve_lora(self, base_model_name: str, lora_name: str) -> Any:
            return resolved(folder, base_model_name, lora_name)

    LoRAResolverRegistry.register_resolver(RESOLVER, Resolver())


def resolved(folder: Path, base_model_name: str, lora_name: str) -> Any:
    """vLLM's request for the adapter; None where there is none for this base model."""
    from vllm.lora.request import LoRARequest  # type: ignore[import-not-found]

    if not is_ours(lora_name):
        return None
    try:
        config = json.loads((folder / lora_name / "adapter_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if (config.get("peft_type"), config.get("base_model_name_or_path")) != ("LORA", base_model_name):
        return None
    path = str(folder / lora_name)
    return LoRARequest(lora_name=lora_name, lora_int_id=number_of(lora_name), lora_path=path)
