"""A context encoder that sees: an image-text model of transformers, and the processor that it comes with.

Axes: T tokens of a turn, its images' included.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from jinja2 import TemplateError
from torch import Tensor, nn

from hypernet.backbones.encoder import Feed

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import PreTrainedModel, ProcessorMixin


@dataclass(frozen=True, eq=False)
class ImageTurn:
    """A user turn with images: ids [T] and what the model takes beside them, a batch of one."""

    ids: list[int]
    inputs: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(self.ids)


def sees(model: PreTrainedModel) -> bool:
    """Whether this is an image-text model."""
    return getattr(model.config, "vision_config", None) is not None


def load_processor(name: str) -> ProcessorMixin:
    """The processor at a path or hub id. Raises FileNotFoundError, or ImportError naming what it needs."""
    from transformers import AutoProcessor

    try:
        return AutoProcessor.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise FileNotFoundError(f"cannot load the image processor of {name}: {error}") from error


def turn(processor: Any, images: Sequence[Image], text: str = "", *, system_turn: bool = False) -> ImageTurn:
    """Images and what is said of them in one user turn that is ready to be answered.

    ``system_turn`` opens it with an empty system turn, where the chat template allows one.
    """
    said = [{"type": "text", "text": text.strip()}] if text.strip() else []
    user = {"role": "user", "content": [*({"type": "image"} for _ in images), *said]}
    empty = {"role": "system", "content": [{"type": "text", "text": ""}]}
    try:
        rendered = _render(processor, [empty, user] if system_turn else [user])
    except TemplateError:
        rendered = _render(processor, [user])
    made = processor(images=list(images), text=[rendered], add_special_tokens=False, return_tensors="pt")
    inputs = dict(made)
    inputs.pop("attention_mask", None)  # a batch of one has no padding
    ids = inputs.pop("input_ids")[0].tolist()
    return ImageTurn(ids, {name: value for name, value in inputs.items() if isinstance(value, Tensor)})


def of_turn(model: PreTrainedModel, seen: ImageTurn) -> Feed:
    """Runs the whole model on a turn, with the given decoder (or a view of it) as its language part."""
    ids = torch.tensor([seen.ids], device=model.device)
    inputs = {name: value.to(model.device) for name, value in seen.inputs.items()}
    body = model.base_model
    path = next(name for name, part in body.named_modules() if part is body.get_decoder())

    def run(decoder: nn.Module) -> Any:
        return _replaced(body, path.split("."), decoder)(input_ids=ids, use_cache=False, **inputs)

    return run


def _replaced(module: nn.Module, path: Sequence[str], part: nn.Module) -> nn.Module:
    """A view of ``module`` with another part at ``path``: weights are shared, the module is not touched."""
    if not path:
        return part
    view = copy.copy(module)
    inner = _replaced(module.get_submodule(path[0]), path[1:], part)
    view._modules = {**module._modules, path[0]: inner}
    return view


def _render(processor: Any, turns: list[dict[str, Any]]) -> str:
    if not processor.chat_template:
        raise ValueError(f"the processor {type(processor).__name__} has no chat template")
    rendered: str = processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return rendered
