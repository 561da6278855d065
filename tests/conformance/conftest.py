"""Every port once for each of its implementations: a test that takes one runs on all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memory.backends.blobs.copies import CopiedBlobs
from memory.backends.blobs.folder import FileBlobStore
from memory.backends.blobs.objects import ObjectBlobStore
from memory.backends.index.faiss_index import FaissIndex
from memory.backends.index.pgvector import PgvectorIndex
from memory.backends.model.embedder import MiniLMEmbedder
from memory.backends.model.sentences import SentenceEmbedder
from memory.backends.reader.english import EnglishReader
from memory.backends.sql.database import Database, sqlite_url
from memory.backends.sql.store import SqlStore
from memory.fakes import BruteForceIndex, InMemoryBlobs, InMemoryStore, PlainReader, WordEmbedder
from memory.ports import BlobStore, Embedder, MemoryStore, Reader, VectorIndex
from tests.sentence_models import write_sentence_model
from tests.tiny_memories import DIM, EMBEDDER, Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[MemoryStore]:
    if request.param == "memory":
        yield InMemoryStore(clock=clock)
        return
    on_server = request.param == "postgres"
    url = request.getfixturevalue("postgres_url") if on_server else sqlite_url(tmp_path / "memory.db")
    opened = SqlStore.open(url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture(params=["files", "memory", "s3", "s3 with copies"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if not request.param.startswith("s3"):
        return FileBlobStore(tmp_path / "blobs") if request.param == "files" else InMemoryBlobs()
    bucket = request.getfixturevalue("s3").create()
    stored = ObjectBlobStore.open(f"s3://{bucket}/some/prefix", timeout_s=10)
    return stored if request.param == "s3" else CopiedBlobs(stored, tmp_path / "copies", 2**20)


@pytest.fixture(params=["faiss", "faiss with files", "pgvector", "brute force"])
def index(request: pytest.FixtureRequest, tmp_path: Path, store: MemoryStore) -> Iterator[VectorIndex]:
    if request.param == "brute force":
        yield BruteForceIndex(store, embedder=EMBEDDER, dim=DIM)
    elif request.param == "pgvector":
        database = Database(request.getfixturevalue("vector_url"))
        yield PgvectorIndex(store, database, embedder=EMBEDDER, dim=DIM)
        database.close()
    else:
        folder = tmp_path / "index" if request.param == "faiss with files" else None
        yield FaissIndex(store, embedder=EMBEDDER, dim=DIM, folder=folder)


@pytest.fixture(params=["MiniLM", "sentence-transformers", "words"], scope="session")
def embedder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    if request.param == "sentence-transformers":
        return SentenceEmbedder(str(write_sentence_model(tmp_path_factory.mktemp("models") / "tiny")))
    return MiniLMEmbedder() if request.param == "MiniLM" else WordEmbedder(dim=DIM)


@pytest.fixture(params=["English", "plain"])
def reader(request: pytest.FixtureRequest) -> Reader:
    return EnglishReader() if request.param == "English" else PlainReader()
