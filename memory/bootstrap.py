"""The composition root: Settings -> backends -> Memory. All that fills a port is chosen here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import fields
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memory.errors import InvalidInput, InvalidSettings, ModelUnavailable, StoreError
from memory.ports import (
    ArchiveStore,
    Backends,
    BlobStore,
    Embedder,
    Generator,
    Internalizer,
    MemoryStore,
    Reader,
    Reranker,
    SkillWriter,
    VectorIndex,
)
from memory.service import Service
from memory.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import URL

    from hypernet import DocToLoRA
    from memory.backends.model.local import LocalModel
    from memory.backends.reader.answer.spans import Spans
    from memory.upkeep.moving import MoveReport
    from memory.write.added import Progress

BACKENDS = tuple(field.name for field in fields(Backends))


class Memory(Service):
    """Long-term memory that answers from weights. Works at once, offline, with no arguments:

    memory = Memory()
    memory.add("My dog is called Biscuit.", user_id="ana")
    memory.chat("What is my dog called?", user_id="ana").text
    """

    def __init__(self, settings: Settings | None = None, **overrides: Any) -> None:
        """Take settings, or single ones of them by keyword, and backends: whatever fills a port of its name.

        Models are loaded when they are first needed. Raises InvalidSettings, ModelUnavailable, SchemaTooNew,
        StoreError.
        """
        given = {
            name: overrides.pop(name)
            for name in BACKENDS
            if not isinstance(overrides.get(name, ""), str)  # which is a setting
        }
        if settings is None:
            settings = Settings.load(**overrides)
        elif overrides:
            settings = Settings.load(**{**settings.model_dump(), **overrides})
        backends = assemble(settings, **given)
        super().__init__(settings, backends)
        with suppress(StoreError):  # a database that cannot be written can still be read
            if backends.store.expired():
                self.expire()


def open(path: str | Path | None = None, **overrides: Any) -> Memory:
    """The memory kept in a folder; by default the one that `memory` commands use."""
    return Memory(**overrides) if path is None else Memory(home=Path(path), **overrides)


def assemble(settings: Settings, **given: Any) -> Backends:
    """A backend for each port: the given one, else what the settings ask for."""
    filled = dict(given)

    def fill(name: str, make: Callable[[], Any]) -> Any:
        if filled.get(name) is None:
            filled[name] = make()
        return filled[name]

    store = fill("store", lambda: _store(settings))
    try:
        fill("reader", reader_of_english)
        if filled.get("blobs") is None:  # archives are where the adapters are
            fill("archives", lambda: _archives(settings))
        fill("blobs", lambda: _blobs(settings))
        embedder = fill("embedder", lambda: _embedder(settings))
        fill("reranker", lambda: _reranker(settings))
        fill("index", lambda: _index(settings, store, embedder))
        if filled.get("internalizer") is None or filled.get("generator") is None:
            made = models(settings)
            internalizer = fill("internalizer", partial(made.get, "internalizer"))
            if settings.generator is not None:
                fill("generator", lambda: _generator(settings, internalizer))
            for name in made:
                fill(name, partial(made.get, name))
    except BaseException:
        store.close()
        raise
    return Backends(**filled)


def move(source: Settings, target: Settings, progress: Progress | None = None) -> MoveReport:
    """Move all that is stored from where some settings say to where others do; the source keeps it too.

    Adapters are moved where the target has another place for them. Raises InvalidInput, StoreError.
    """
    from memory.backends.sql.database import Database
    from memory.backends.sql.moving import RowsMove
    from memory.upkeep.moving import Mover

    if str(database_url(source)) == str(database_url(target)):
        raise InvalidInput("the memories are there already; name another database or home")
    stays = source.adapter_place == target.adapter_place
    places = None if stays else (_blobs(source), _blobs(target))
    with ExitStack() as opened:
        databases = [Database(database_url(at), busy_timeout_s=at.busy_timeout_s) for at in (source, target)]
        for database in databases:
            opened.callback(database.close)
        return Mover(RowsMove(*databases), places, progress)()


def database_url(settings: Settings) -> URL | str:
    """Where the tables are."""
    from memory.backends.sql.database import sqlite_url

    return settings.database_url or sqlite_url(settings.home / "memory.db")


def _store(settings: Settings) -> MemoryStore:
    from memory.backends.sql.store import SqlStore

    return SqlStore.open(database_url(settings), busy_timeout_s=settings.busy_timeout_s)


def reader_of_english() -> Reader:
    """The reader that a memory has where none is given: rules, and the packaged models beside them."""
    from memory.backends.reader.deferred import DeferredEnglish

    def spans() -> Spans:
        from memory.backends.model.reading import SpanReader

        return SpanReader()

    return DeferredEnglish(spans)


def _blobs(settings: Settings) -> BlobStore:
    if settings.object_store is None:
        from memory.backends.blobs.folder import FileBlobStore

        return FileBlobStore(settings.adapter_folder)
    from memory.backends.blobs.copies import CopiedBlobs
    from memory.backends.blobs.objects import ObjectBlobStore

    stored = ObjectBlobStore.open(settings.object_store, timeout_s=settings.blob_timeout_s)
    most = int(settings.blob_copies_mb * 2**20)
    return CopiedBlobs(stored, settings.adapter_folder, most) if most else stored


def _archives(settings: Settings) -> ArchiveStore | None:
    if settings.object_store is None:
        return None
    from memory.backends.blobs.archives import ObjectArchives

    return ObjectArchives.open(settings.object_store)


def _embedder(settings: Settings) -> Embedder:
    from memory.backends.model.embedder import MiniLMEmbedder

    default = MiniLMEmbedder()
    if settings.embedder == default.name:
        return default
    from memory.backends.model.sentences import SentenceEmbedder

    return SentenceEmbedder(settings.embedder, device=_device(settings))


def _reranker(settings: Settings) -> Reranker | None:
    if settings.reranker is None:
        return None
    from memory.backends.model.cross_encoder import CrossEncoderReranker

    return CrossEncoderReranker(settings.reranker, device=_device(settings))


def _device(settings: Settings) -> str | None:
    return None if settings.device == "auto" else settings.device


def _index(settings: Settings, store: MemoryStore, embedder: Embedder) -> VectorIndex:
    if settings.index == "pgvector":
        return _pgvector(store, embedder)
    from memory.backends.index.deferred import DeferredIndex

    return DeferredIndex(lambda: _faiss(settings, store, embedder))


def _faiss(settings: Settings, store: MemoryStore, embedder: Embedder) -> VectorIndex:
    from memory.backends.index.faiss_index import FaissIndex

    return FaissIndex(
        store,
        embedder=embedder.name,
        dim=embedder.dim,
        folder=settings.index_folder,
        max_tenants=settings.index_tenants,
    )


def _pgvector(store: MemoryStore, embedder: Embedder) -> VectorIndex:
    from memory.backends.index.pgvector import PgvectorIndex
    from memory.backends.sql.store import SqlStore

    if not isinstance(store, SqlStore) or store.database.is_sqlite:
        raise InvalidSettings(
            "setting 'index' (MEMORY_INDEX): pgvector needs PostgreSQL; set MEMORY_DATABASE_URL, or use faiss"
        )
    return PgvectorIndex(store, store.database, embedder=embedder.name, dim=embedder.dim)


def models(settings: Settings) -> dict[str, Any]:
    """What fills the ports of models in this process; they are loaded when they are first needed."""
    model = _model(settings)
    return {"internalizer": model, "generator": model, "skills": _skills(settings, model)}


def _model(settings: Settings) -> LocalModel:
    """The base model with its hypernetwork; it fills two ports."""
    from memory.backends.model.local import LocalModel

    return LocalModel(
        lambda: _doc_to_lora(settings),
        passage_tokens=settings.passage_tokens,
        max_batch=settings.max_batch,
        batch_window_s=settings.batch_window_ms / 1000,
    )


def _generator(settings: Settings, internalizer: Internalizer) -> Generator:
    """What the named function makes. Raises InvalidSettings where there is no such function."""
    module, _, name = str(settings.generator).partition(":")
    try:
        make = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise InvalidSettings(f"setting 'generator' (MEMORY_GENERATOR): {error}") from error
    made: Generator = make(settings, internalizer)
    return made


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
    from hypernet import acquire
    from hypernet.checkpoints import catalog

    device = _device(settings)
    if settings.device.startswith("cuda") and not torch.cuda.is_available():
        raise ModelUnavailable(
            f"torch finds no GPU for {settings.device!r}; set MEMORY_DEVICE to auto or cpu"
        )
    dtype = {"auto": None, "float32": torch.float32, "bfloat16": torch.bfloat16}[settings.dtype]
    try:
        base, tokenizer = _plain_base(settings)
        return hypernet.DocToLoRA.from_pretrained(
            catalog.hypernetwork_of(settings.model),
            base_model=base or acquire.base_folder(settings.model, settings.models_folder),
            tokenizer=tokenizer,
            device=device,
            dtype=dtype,
        )
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelUnavailable(f"cannot load the model {settings.model!r}: {reason}") from error


def _plain_base(settings: Settings) -> tuple[Any, Any]:
    """The packaged base and its tokenizer, without transformers; of other models, and on a GPU, nothing."""
    from hypernet.backbones import bases
    from hypernet.backbones.plain_llama import PlainLlama
    from hypernet.backbones.plain_tokenizer import PlainTokenizer
    from hypernet.checkpoints import catalog

    on_cpu = settings.device == "cpu" or (settings.device == "auto" and bases.default_device() == "cpu")
    if settings.model != "reference" or not on_cpu or settings.dtype == "bfloat16":
        return None, None
    folder = catalog.reference_path() / "base"
    return PlainLlama.from_pretrained(folder), PlainTokenizer.from_pretrained(folder)
