"""A context encoder that sees: an image-text model of transformers, and the processor that it comes with.

Axes: T tokens of a turn, its images' included.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from jinja2 import TemplateError
from torch import Tensor, nn

from hypernet.backbones.encoder import Feed
from hypernet.lora.inject import bare

if TYPE_CHECKING:
    from PIL.Image import Image
    from transformers import PreTrainedModel, ProcessorMixin


_DESCRIBE = "Describe this image in one or two sentences."
_WORDS = 80  # tokens of a description, at most


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
    """The processor at a path or hub id. Raises FileNotFoundError, or ImportError with what to install."""
    from transformers import AutoProcessor

    try:
        return AutoProcessor.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise FileNotFoundError(f"cannot load the image processor of {name}: {error}") from error
    except ImportError as error:
        needs = " ".join(str(error).split()).partition(". ")[0]
        raise ImportError(
            f"the image processor of {name} needs more: pip install torchvision num2words ({needs})"
        ) from error


class Sight(Protocol):
    """What makes images into features: a context encoder, and how it is shown them."""

    def turn(self, images: Sequence[Image], text: str = "") -> ImageTurn:
        """Images, then what is said of them, in one user turn that is ready to be answered."""

    def feed(self, seen: ImageTurn) -> Feed:
        """Runs the language part (or a view of it) on a turn."""

    def describe(self, image: Image) -> str:
        """What it says of an image, in words of its own."""

    def knows(self, image: Image) -> bool:
        """Whether it makes anything of an image: a small one, trained on little, may not."""


class ImageTextSight:
    """An image-text model of transformers, with its processor.

    ``system_turn`` opens each turn with an empty system turn, where the chat template allows one.
    """

    def __init__(self, model: PreTrainedModel, processor: Any, *, system_turn: bool = False) -> None:
        self.model, self.processor, self.system_turn = model, processor, system_turn

    def turn(self, images: Sequence[Image], text: str = "") -> ImageTurn:
        said = text.replace(self.processor.image_token, "").strip()  # what only an image may write
        words = [{"type": "text", "text": said}] if said else []
        user = {"role": "user", "content": [*({"type": "image"} for _ in images), *words]}
        empty = {"role": "system", "content": [{"type": "text", "text": ""}]}
        try:
            rendered = self._render([empty, user] if self.system_turn else [user])
        except TemplateError:
            rendered = self._render([user])
        made = self.processor(
            images=list(images), text=[rendered], add_special_tokens=False, return_tensors="pt"
        )
        inputs = {name: value for name, value in made.items() if isinstance(value, Tensor)}
        inputs.pop("attention_mask", None)  # a batch of one has no padding
        return ImageTurn(inputs.pop("input_ids")[0].tolist(), inputs)

    def feed(self, seen: ImageTurn) -> Feed:
        placed = self._placed(seen)
        body = self.model.base_model
        path = next(name for name, part in body.named_modules() if part is body.get_decoder())

        def run(decoder: nn.Module) -> Any:
            return _replaced(body, path.split("."), decoder)(**placed, use_cache=False)

        return run

    @torch.no_grad()
    def describe(self, image: Image) -> str:
        seen = self.turn([image], _DESCRIBE)
        with bare():
            out: Tensor = self.model.generate(**self._placed(seen), max_new_tokens=_WORDS, do_sample=False)
        said: str = self.processor.tokenizer.decode(out[0, len(seen) :], skip_special_tokens=True)
        return said.strip()

    def knows(self, _image: Image) -> bool:
        return True

    def _placed(self, seen: ImageTurn) -> dict[str, Tensor]:
        inputs = {"input_ids": torch.tensor([seen.ids]), **seen.inputs}
        return {name: value.to(self.model.device) for name, value in inputs.items()}

    def _render(self, turns: list[dict[str, Any]]) -> str:
        if not self.processor.chat_template:
            raise ValueError(f"the processor {type(self.processor).__name__} has no chat template")
        rendered: str = self.processor.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return rendered


def _replaced(module: nn.Module, path: Sequence[str], part: nn.Module) -> nn.Module:
    """A view of ``module`` with another part at ``path``: weights are shared, the module is not touched."""
    if not path:
        return part
    view = copy.copy(module)
    inner = _replaced(module.get_submodule(path[0]), path[1:], part)
    view._modules = {**module._modules, path[0]: inner}
    return view
