"""The one place where parts are chosen and put together: Settings -> Memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.errors import InvalidSettings, ModelUnavailable
from memory.ports import BlobStore, Embedder, MemoryStore, Parts, SkillWriter, VectorIndex
from memory.service import Service
from memory.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import URL

    from hypernet import DocToLoRA
    from memory.backends.model.local import LocalModel

PARTS = tuple(field.name for field in fields(Parts))


class Memory(Service):
    """Long-term memory that answers from weights. Works at once, offline, with no arguments:

    memory = Memory()
    memory.add("My dog is called Biscuit.", user_id="ana")
    memory.chat("What is my dog called?", user_id="ana").text
    """

    def __init__(self, settings: Settings | None = None, **overrides: Any) -> None:
        """Take settings, or single ones of them by keyword, and parts: whatever fills a port of its name.

        Models are loaded when they are first needed. Raises InvalidSettings, SchemaTooNew, StoreError.
        """
        parts = {name: overrides.pop(name) for name in PARTS if name in overrides}
        if settings is None:
            settings = Settings.load(**overrides)
        elif overrides:
            settings = Settings.load(**{**settings.model_dump(), **overrides})
        super().__init__(settings, assemble(settings, **parts))


def open(path: str | Path | None = None, **overrides: Any) -> Memory:
    """The memory kept in a folder; by default the one that `memory` commands use."""
    return Memory(**overrides) if path is None else Memory(home=Path(path), **overrides)


def assemble(settings: Settings, **given: Any) -> Parts:
    """A part for each port: the given one, else what the settings ask for."""
    parts = dict(given)

    def part(name: str, make: Callable[[], Any]) -> Any:
        if parts.get(name) is None:
            parts[name] = make()
        return parts[name]

    store = part("store", lambda: _store(settings))
    try:
        part("blobs", lambda: _blobs(settings))
        embedder = part("embedder", lambda: _embedder(settings))
        part("index", lambda: _index(settings, store, embedder))
        if parts.get("internalizer") is None or parts.get("generator") is None:
            model = _model(settings)
            part("internalizer", lambda: model)
            part("generator", lambda: model)
            part("skills", lambda: _skills(settings, model))
    except BaseException:
        store.close()
        raise
    return Parts(**parts)


def database_url(settings: Settings) -> URL | str:
    """Where the tables are."""
    from memory.backends.sql.database import sqlite_url

    return settings.database_url or sqlite_url(settings.home / "memory.db")


def _store(settings: Settings) -> MemoryStore:
    from memory.backends.sql.store import SqlStore

    return SqlStore.open(database_url(settings), busy_timeout_s=settings.busy_timeout_s)


def _blobs(settings: Settings) -> BlobStore:
    from memory.backends.blobs.folder import FileBlobStore

    return FileBlobStore(settings.adapter_folder)


def _embedder(settings: Settings) -> Embedder:
    from memory.backends.model.embedder import MiniLMEmbedder

    default = MiniLMEmbedder()
    if settings.embedder != default.name:
        raise InvalidSettings(
            f"setting 'embedder' (MEMORY_EMBEDDER): {settings.embedder!r} is unknown, "
            f"{default.name!r} is there; give another one in Python: Memory(embedder=...)"
        )
    return default


def _index(settings: Settings, store: MemoryStore, embedder: Embedder) -> VectorIndex:
    from memory.backends.index.faiss_index import FaissIndex

    return FaissIndex(
        store,
        embedder=embedder.name,
        dim=embedder.dim,
        folder=settings.index_folder,
        max_tenants=settings.index_tenants,
    )


def _model(settings: Settings) -> LocalModel:
    """The base model with its hypernetwork; it fills two ports."""
    from memory.backends.model.local import LocalModel

    return LocalModel(
        lambda: _doc_to_lora(settings),
        passage_tokens=settings.passage_tokens,
        max_batch=settings.max_batch,
        batch_window_s=settings.batch_window_ms / 1000,
    )


def _skills(settings: Settings, model: LocalModel) -> SkillWriter | None:
    """The Text-to-LoRA network of the settings, else the model's own; None where it has none."""
    from hypernet.checkpoints import catalog
    from memory.backends.model.skills import SkillModel

    named = None if settings.skills_model == "auto" else settings.skills_model
    path = named or catalog.skills_of(settings.model)
    return None if path is None else SkillModel(path, model)


def _doc_to_lora(settings: Settings) -> DocToLoRA:
    import torch

    import hypernet
    from hypernet.checkpoints import catalog

    path = catalog.hypernetwork_of(settings.model)
    device = None if settings.device == "auto" else settings.device
    if settings.device.startswith("cuda") and not torch.cuda.is_available():
        raise ModelUnavailable(
            f"torch finds no GPU for {settings.device!r}; set MEMORY_DEVICE to auto or cpu"
        )
    dtype = {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}[settings.dtype]
    try:
        return hypernet.DocToLoRA.from_pretrained(path, device=device, dtype=dtype)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelUnavailable(f"cannot load the model {settings.model!r}: {reason}") from error
