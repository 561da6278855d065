"""Text in, adapter out: Doc-to-LoRA and Text-to-LoRA hypernetworks on a frozen base model.

Names are loaded when they are first used, so that ``import hypernet`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypernet.checkpoints.catalog import reference_path as reference_path
    from hypernet.doc_to_lora import DocToLoRA
    from hypernet.lora.adapter import LoRA
    from hypernet.lora.inject import apply
    from hypernet.text_to_lora import TextToLoRA

__all__ = ["DocToLoRA", "LoRA", "TextToLoRA", "apply"]

_HOMES = {
    "DocToLoRA": "hypernet.doc_to_lora",
    "LoRA": "hypernet.lora.adapter",
    "TextToLoRA": "hypernet.text_to_lora",
    "apply": "hypernet.lora.inject",
    "reference_path": "hypernet.checkpoints.catalog",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hypernet' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
