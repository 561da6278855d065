"""Base models and context encoders, as transformers gives them: frozen, placed, with their tokenizer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import torch

from hypernet.backbones import conversion, gguf
from hypernet.lora.inject import blocks, target_layers
from hypernet.networks.config import HypernetConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def default_device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def default_dtype(device: torch.device | str) -> torch.dtype:
    """float32 on a CPU, where half precision is slower; bfloat16 elsewhere."""
    return torch.float32 if torch.device(device).type == "cpu" else torch.bfloat16


def load_model(name: str | Path, device: torch.device | str, dtype: torch.dtype) -> PreTrainedModel:
    """The causal LM at a path or hub id, in eval mode and frozen; code that comes with it is never run.

    A GGUF file, or a folder that holds one, is converted once into the user's cache. Raises FileNotFoundError
    when it is not there or cannot be had, ValueError when it is damaged.
    """
    from transformers import AutoModelForCausalLM

    return _load(AutoModelForCausalLM, converted(name), device, dtype)


def load_encoder(name: str | Path, device: torch.device | str, dtype: torch.dtype) -> PreTrainedModel:
    """Like ``load_model``, the whole of an image-text model included."""
    from transformers import (
        MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
        AutoConfig,
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
    )

    name = converted(name)
    try:
        sees = type(AutoConfig.from_pretrained(str(name))) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    except (OSError, ValueError) as error:
        raise FileNotFoundError(f"cannot load the model {name}: {_first_line(error)}") from error
    return _load(AutoModelForImageTextToText if sees else AutoModelForCausalLM, name, device, dtype)


def _load(kind: Any, name: str | Path, device: torch.device | str, dtype: torch.dtype) -> PreTrainedModel:
    with quiet_when_local(name):
        try:
            model: PreTrainedModel = kind.from_pretrained(str(name), dtype=dtype)
        except (OSError, ValueError) as error:
            raise FileNotFoundError(f"cannot load the model {name}: {_first_line(error)}") from error
    return model.to(device).eval().requires_grad_(False)


def converted(name: str | Path) -> str | Path:
    """A model's name; for a GGUF, the folder it is converted into. Raises ValueError for a damaged one."""
    file = gguf.find(name)
    if file is not None:
        return gguf.cached(file)
    if (Path(name) / conversion.MANIFEST).is_file():
        conversion.verify(Path(name))
    return name


def load_tokenizer(name: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer at a path or hub id. Raises FileNotFoundError when it is not there or cannot be had."""
    from transformers import AutoTokenizer

    file = gguf.find(name)
    try:
        where = str(name if file is None else gguf.cached(file))
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(where)
    except (OSError, ValueError) as error:
        raise FileNotFoundError(f"cannot load the tokenizer of {name}: {_first_line(error)}") from error
    return tokenizer


class Targets(Protocol):
    """What a hypernetwork's sizes say of the base it writes adapters for."""

    @property
    def target_modules(self) -> tuple[str, ...]: ...
    @property
    def num_layers(self) -> int: ...
    @property
    def d_in(self) -> dict[str, int]: ...
    @property
    def d_out(self) -> dict[str, int]: ...


def require_fit(config: HypernetConfig, base: PreTrainedModel, encoder: PreTrainedModel) -> None:
    """Raises ValueError that names both sizes when the hypernetwork was made for another base or encoder."""
    require_targets(config, base)
    width = encoder.get_input_embeddings().weight.size(1)
    if width != config.hidden_size:
        raise ValueError(
            f"wrong context encoder {encoder.name_or_path}: the hypernetwork expects hidden size "
            f"{config.hidden_size}, found {width}"
        )
    found, needed = len(blocks(encoder.get_decoder())), config.blocks_read
    if found < needed:
        raise ValueError(
            f"wrong context encoder {encoder.name_or_path}: the hypernetwork reads {needed} blocks, "
            f"found {found}"
        )


def require_targets(config: Targets, base: PreTrainedModel) -> None:
    """Raises ValueError that names both sizes when adapters of these sizes do not fit the base."""
    for module in config.target_modules:
        layers = target_layers(base, module)
        found = (len(layers), layers[0].in_features, layers[0].out_features)
        wanted = (config.num_layers, config.d_in[module], config.d_out[module])
        if found != wanted:
            raise ValueError(
                f"wrong base model {base.name_or_path}: the hypernetwork expects {wanted[0]} layers "
                f"of {module} {wanted[1]} -> {wanted[2]}, found {found[0]} of {found[1]} -> {found[2]}"
            )


@contextmanager
def quiet_when_local(name: str | Path) -> Iterator[None]:
    """No progress bar for a model that is on disk already."""
    from transformers.utils import logging as transformers_logging

    quiet = Path(name).is_dir() and transformers_logging.is_progress_bar_enabled()
    if quiet:
        transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if quiet:
            transformers_logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
