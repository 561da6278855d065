"""Reads a torch checkpoint that pickles foreign classes, without importing or running anything of it.

Three gates: the file must be a plain torch archive (nothing compressed, so it cannot unpack to more than it
is); every class it names must be on a short list, and gets a stand-in without behaviour; torch's own
restricted unpickler, which refuses everything else, reads the rest.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

_MAX_PICKLE = 64_000_000
_UNREADABLE = (UnpicklingError, RuntimeError, ValueError, TypeError, AttributeError, LookupError, EOFError)


class _Record:
    """Stands for a foreign dataclass: it has attributes, and nothing that could run."""

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, dict):
            raise ValueError(f"expected the fields of a {type(self).__name__}, found {type(state).__name__}")
        self.__dict__.update(state)


class _Word(str):
    """Stands for a member of a foreign string enumeration."""


_STANDINS: dict[str, type] = {
    "HypernetConfig": _Record,
    "AggregatorConfig": _Record,
    "CtxEncoderArguments": _Record,
    "LoraConfig": _Record,
    "LoraRuntimeConfig": _Record,
    "PeftType": _Word,
    "TaskType": _Word,
    "CTX_ENCODER_TYPE": _Word,
    "AGGREGATOR_TYPE": _Word,
}
_MOST_VALUES = 100_000  # in the records of a checkpoint,
_MAX_DEPTH = 32  # and of these in each other
_PACKAGES = ("ctx_to_lora", "peft")


def read(path: Path) -> dict[str, Any]:
    """The checkpoint's dict: tensors as they are, configurations as plain dicts.

    Raises ValueError, before anything is loaded, for a file that would import or unpack more than it may.
    """
    _require_plain_archive(path)
    allowed = [(_standin(name, path), name) for name in _globals(path)]
    try:
        # torch annotates classes alone, and documents pairs of a class and its name.
        with torch.serialization.safe_globals(allowed):  # type: ignore[arg-type]
            content = torch.load(path, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as a checkpoint: {_first_line(error)}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a dict of tensors, found {type(content).__name__}")
    _require_plain_tensors([value for value in content.values() if isinstance(value, Tensor)], path)
    left = iter(range(_MOST_VALUES))
    return {str(name): _plain(value, path, left) for name, value in content.items()}


def _require_plain_archive(path: Path) -> None:
    size = path.stat().st_size
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged or no torch checkpoint: {error}") from error
    if (
        any(e.compress_type != zipfile.ZIP_STORED for e in entries)
        or sum(e.file_size for e in entries) > size
    ):
        raise ValueError(f"{path} is refused: its entries unpack to more than the file's {size} bytes")
    pickles = [e.file_size for e in entries if e.filename.endswith("data.pkl")]
    if len(pickles) != 1 or pickles[0] > _MAX_PICKLE:
        raise ValueError(f"{path} is refused: expected one pickle below {_MAX_PICKLE} bytes, found {pickles}")


def _globals(path: Path) -> list[str]:
    """Names that the pickle would import, apart from torch's own harmless ones; found without running it."""
    try:
        return torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except _UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as a checkpoint: {_first_line(error)}") from error


def _standin(name: str, path: Path) -> type:
    """A new class for a known foreign one, with the methods of ``_Record`` or ``_Word`` and no others."""
    package, leaf = name.partition(".")[0], name.rpartition(".")[2]
    if package not in _PACKAGES or leaf not in _STANDINS:
        raise ValueError(f"{path} is refused: it would import {name}, which no known checkpoint needs")
    return type(leaf, (_STANDINS[leaf],), {})


def _require_plain_tensors(tensors: list[Tensor], path: Path) -> None:
    for tensor in tensors:
        if tensor.device.type != "cpu" or tensor.layout != torch.strided or not tensor.is_floating_point():
            raise ValueError(
                f"{path}: expected dense floating-point tensors, found {tensor.dtype} {tensor.layout}"
            )
    distinct = {(t.data_ptr(), t.shape, t.stride()): t.nbytes for t in tensors}  # shared weights lie once
    claimed, size = sum(distinct.values()), path.stat().st_size
    if claimed > size:
        raise ValueError(f"{path} is refused: its tensors claim {claimed} bytes, the file has {size}")


def _plain(value: Any, path: Path, left: Iterator[int], depth: int = 0) -> Any:
    """Records as dicts. A dict may stand in many places, so that a few bytes say a great many values."""
    if next(left, None) is None or depth > _MAX_DEPTH:
        raise ValueError(f"{path} is refused: its records hold each other too often")
    if isinstance(value, _Record):
        return {name: _plain(field, path, left, depth + 1) for name, field in vars(value).items()}
    if isinstance(value, _Word):
        return str(value)
    if isinstance(value, Mapping):
        return {name: _plain(field, path, left, depth + 1) for name, field in value.items()}
    return value


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
