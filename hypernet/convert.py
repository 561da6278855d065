"""Converts a hypernetwork from the published layout to ours: `memory model import`.

Ours has no pickle in it, loads faster, and can hold its weights in half the size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from hypernet.checkpoints import checkpoint, locate, published, published_task
from hypernet.doc_to_lora import load_checkpoint
from hypernet.text_to_lora import CONFIG as TASK_CONFIG
from hypernet.text_to_lora import TextToLoRA


@dataclass(frozen=True)
class Imported:
    """What was written, and where."""

    folder: Path
    kind: str  # "Doc-to-LoRA" or "Text-to-LoRA"
    base_model: str
    nbytes: int


def convert(path: str | Path, folder: str | Path, *, dtype: str = "float32") -> Imported:
    """Write the hypernetwork at a file, folder or hub id into ``folder``, in our own layout.

    A Text-to-LoRA network stays in float32. Raises FileExistsError for a folder that has something in it;
    FileNotFoundError and ValueError as ``from_pretrained`` does.
    """
    folder = Path(folder).expanduser()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there already; name a folder that is new or empty")
    where = locate.checkpoint_path(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as part:  # whole, or not there
        made = Path(part) / "made"
        kind, base = _tasks(where, made) if _holds_tasks(where) else _documents(where, made, dtype)
        made.replace(folder)
    size = sum(file.stat().st_size for file in folder.iterdir())
    return Imported(folder, kind, base, size)


def _holds_tasks(where: Path) -> bool:
    folder = where if where.is_dir() else where.parent
    return where.name == published_task.FILE or (
        where.name != published.FILE
        and any((folder / name).is_file() for name in (published_task.FILE, TASK_CONFIG))
    )


def _documents(where: Path, folder: Path, dtype: str) -> tuple[str, str]:
    found = load_checkpoint(where)
    checkpoint.save(
        found.hypernetwork, folder, base=found.base_model, encoder=found.encoder_model, dtype=dtype
    )
    return "Doc-to-LoRA", found.base_model


def _tasks(where: Path, folder: Path) -> tuple[str, str]:
    network = TextToLoRA.from_pretrained(where, device="cpu")
    network.save(folder)
    return "Text-to-LoRA", network.base_model
