"""Writes a base model atomically to a folder: bfloat16 safetensors, tokenizer and configuration.

It is written under another name, flushed and renamed, by one process at a time. ``converted.json`` in it
names the source and the hash of each file, so that damage since is found when the folder is loaded.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from filelock import FileLock
from safetensors import SafetensorError

from hypernet.lora.fingerprint import fingerprint

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

MANIFEST = "converted.json"
FORMAT = 1
_SPARE_BYTES = 32_000_000  # for tokenizer, configuration and the file system
_FULL = (errno.ENOSPC, errno.EDQUOT)

Loaded: TypeAlias = "tuple[PreTrainedModel, PreTrainedTokenizerBase]"


class ConversionError(ValueError):
    """A base model that cannot be converted. The message is one line that says why and what to do."""


@dataclass(frozen=True)
class Source:
    """Where a model is read from: ``load`` gives it in bfloat16, of ``elements`` numbers."""

    name: str
    elements: int
    load: Callable[[], Loaded]


def keep(source: Callable[[], Source], folder: Path, *, again: bool = False) -> Path:
    """Write a model into ``folder``, unless it is there and whole (and not ``again``); returns the folder.

    Processes that want the same folder wait for each other. Raises ConversionError; what was there stays.
    """
    folder = folder.expanduser().absolute()
    if not again and is_whole(folder):
        return folder
    with _disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.parent / f".{folder.name}.lock"):
            if again or not is_whole(folder):
                _keep_alone(source(), folder)
    return folder


def is_whole(folder: Path) -> bool:
    """Whether a model is in ``folder``, and its files are those that were written."""
    if not (folder / MANIFEST).is_file():
        return False
    try:
        verify(folder)
    except ValueError:
        return False
    return True


def verify(folder: Path) -> None:
    """Raise ValueError, naming the file, where the folder of a model is not what was written."""
    for name, digest in manifest(folder)["files"].items():
        if not (folder / name).is_file() or sha256(folder / name) != digest:
            raise ValueError(f"{folder / name} is damaged or missing: remove {folder} and make it again")


def manifest(folder: Path) -> dict[str, Any]:
    """What ``converted.json`` says. Raises ValueError for a damaged one."""
    path = folder / MANIFEST
    try:
        described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if described["format"] != FORMAT or not isinstance(described["files"], dict):
            raise ValueError(f"{path}: expected format {FORMAT}, found {described['format']}")
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged: remove {folder} and make it again") from error
    return described


def sha256(path: Path) -> str:
    """The hash of a file, in hex."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def base_fingerprint(model: PreTrainedModel) -> str:
    """Tells base models apart; one model has one on any device, in any dtype, from any file layout."""
    return fingerprint(str(model.config.model_type), model.named_parameters())


def _keep_alone(source: Source, folder: Path) -> None:
    """Write while nobody else does; what an interrupted writing left is removed first."""
    for left in folder.parent.glob(f".{folder.name}-*.part"):
        shutil.rmtree(left, ignore_errors=True)
    if folder.exists() and not (folder / MANIFEST).is_file():
        raise ConversionError(f"{folder} is there already and is not a converted model; use another folder")
    _require_room(folder.parent, 2 * source.elements + _SPARE_BYTES)
    part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-", suffix=".part"))
    try:
        _write(source, part)
        _flush(part)
        _clear(folder)
        part.rename(folder)
        _flush_entry(folder.parent)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _write(source: Source, part: Path) -> None:
    """Everything of the model into ``part``, and last the manifest."""
    model, tokenizer = source.load()
    with no_bars():
        model.save_pretrained(part)
        tokenizer.save_pretrained(part)
    described = {
        "format": FORMAT,
        "source": source.name,
        "base_fingerprint": base_fingerprint(model),
        "files": {path.name: sha256(path) for path in sorted(part.iterdir())},
    }
    (part / MANIFEST).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")


def _clear(folder: Path) -> None:
    """Take a former conversion away, in one step."""
    if folder.exists():
        former = folder.with_name(f".{folder.name}-former.part")
        folder.rename(former)
        shutil.rmtree(former, ignore_errors=True)


def _require_room(parent: Path, needed: int) -> None:
    free = shutil.disk_usage(parent).free
    if free < needed:
        raise ConversionError(
            f"the model needs {needed // 1_000_000} MB in {parent}, where {free // 1_000_000} MB are free; "
            "make room and try again"
        )


@contextmanager
def no_bars() -> Iterator[None]:
    """Inside, transformers shows no progress bars."""
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


@contextmanager
def _disk_errors(folder: Path) -> Iterator[None]:
    """Raise what the disk refuses as ConversionError."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        # safetensors writes from Rust, and has the error number in its text alone.
        full = getattr(error, "errno", None) in _FULL or f"os error {errno.ENOSPC}" in str(error)
        why = "the disk is full; make room and try again" if full else first_line(error)
        raise ConversionError(f"cannot write {folder}: {why}") from error


def _flush(folder: Path) -> None:
    """Make what is in a folder durable."""
    for path in folder.iterdir():
        _flush_entry(path)
    _flush_entry(folder)


def _flush_entry(path: Path) -> None:
    """Make a file, or a folder's names, durable. Windows cannot flush a folder, and need not."""
    if os.name == "nt" and path.is_dir():
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its kind where it has none."""
    return (str(error).splitlines() or [type(error).__name__])[0]
