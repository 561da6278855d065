"""GGUF files of causal LMs, for every architecture that transformers reads.

A file is converted once, its weights dequantized to bfloat16 (see ``conversion``), and loads in a second from
then on. The package gguf is needed for the conversion and never afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from platformdirs import user_cache_path

from hypernet.backbones import conversion, gguf_header
from hypernet.backbones.conversion import ConversionError, Loaded, Source

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Progress = Callable[[int, int], object]
"""Called with how many tensors are done and how many there are."""


def unwatched(done: int, total: int) -> None:
    """Nobody waits."""


def find(path: str | Path) -> Path | None:
    """The GGUF file that a path means: itself, or the only one in a folder that is not a model already."""
    path = Path(path).expanduser()
    if path.is_file():
        return path if path.suffix.lower() == ".gguf" else None
    if not path.is_dir() or (path / "config.json").is_file():
        return None
    files = sorted(path.glob("*.gguf"))
    if len(files) > 1:
        raise ConversionError(f"{path} holds {len(files)} GGUF files; name one of them")
    return files[0] if files else None


def cached(file: Path) -> Path:
    """The folder in the user's cache that a GGUF file is converted into, now where it was not before."""
    stat = file.stat()
    digest = _digest(file, stat.st_size, stat.st_mtime_ns)
    folder = user_cache_path("parametric-memory") / "bases" / f"{file.stem}-{digest[:16]}"
    return conversion.keep(lambda: source(file), folder)


@lru_cache(maxsize=32)
def _digest(file: Path, _size: int, _modified: int) -> str:
    return conversion.sha256(file)


def source(file: Path, progress: Progress = unwatched) -> Source:
    """A GGUF file to convert. Raises ConversionError where it is not one, or is cut off."""
    if not file.is_file():
        raise ConversionError(f"there is no file {file}")
    try:
        from gguf import GGML_QUANT_SIZES
    except ImportError as error:
        raise ConversionError(
            f"converting {file.name} needs the package gguf: pip install 'parametric-memory[gguf]'"
        ) from error
    try:
        header = gguf_header.read(file, {int(kind): size for kind, size in GGML_QUANT_SIZES.items()})
    except ValueError as error:
        raise ConversionError(f"cannot read {file}: {error}") from error
    return Source(file.name, header.elements, partial(_load, file, progress))


def _load(file: Path, progress: Progress) -> Loaded:
    from transformers import AutoConfig, AutoTokenizer

    where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
    try:
        with _one_reading(progress):
            model = _model(AutoConfig.from_pretrained(**where), file)
            return model, AutoTokenizer.from_pretrained(**where)
    except Exception as error:  # of a damaged vocabulary tokenizers raises no narrower class
        raise ConversionError(f"cannot read {file}: {conversion.first_line(error)}") from error


def _model(config: Any, file: Path) -> PreTrainedModel:
    """The causal LM with the file's weights in bfloat16, complete and finite."""
    from transformers import AutoModelForCausalLM
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    # from_pretrained does the same, but wants accelerate, and gives a model that refuses to be saved.
    read = load_gguf_checkpoint(
        str(file), return_tensors=True, model_to_load=model, torch_dtype=torch.bfloat16
    )
    for name, tensor in read["tensors"].items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"it is damaged: tensor {name} holds NaN or infinity")
    model.load_state_dict(read["tensors"], strict=False, assign=True)
    model.tie_weights()
    missing = [name for name, tensor in model.named_parameters() if tensor.is_meta]
    if missing:
        raise ValueError(f"it lacks {len(missing)} of the model's tensors, {missing[0]} among them")
    return model


@contextmanager
def _one_reading(progress: Progress) -> Iterator[None]:
    """Inside, transformers reads a GGUF once, not once each for configuration, weights and tokenizer.

    Its reader takes seconds over the vocabulary. Its bar over the tensors is ours, or none.
    """
    import gguf
    from transformers import modeling_gguf_pytorch_utils as reading

    readers: dict[str, Any] = {}
    reader, bar = gguf.GGUFReader, reading.tqdm

    def once(path: str, *more: Any) -> Any:
        if path not in readers:
            readers[path] = reader(path, *more)
        return readers[path]

    def counted(items: Any, **_: Any) -> Iterator[Any]:
        for done, item in enumerate(items):
            progress(done, len(items))
            yield item
        progress(len(items), len(items))

    gguf.GGUFReader, reading.tqdm = once, counted
    try:
        yield
    finally:
        gguf.GGUFReader, reading.tqdm = reader, bar
