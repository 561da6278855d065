"""Real processes, killed at every step of a write or writing at once: nothing acknowledged is lost."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import URL

from memory.backends.blobs.folder import FileBlobStore
from memory.backends.index.faiss_index import FaissIndex
from memory.backends.sql.store import SqlStore
from memory.errors import StoreBusy
from memory.records import Scope
from memory.upkeep.sweep import sweep
from tests.tiny_memories import ANA, BEN, DIM, EMBEDDER, record, vectors

ROOT = Path(__file__).parents[2]
NOW = timedelta(0)


def process(folder: Path, url: URL, *arguments: str) -> subprocess.Popen[str]:
    where = (str(folder), url.render_as_string(hide_password=False))
    command = [sys.executable, "-m", "tests.integration.storage_process", *where, *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def opened(folder: Path, url: URL) -> tuple[SqlStore, FileBlobStore]:
    return SqlStore.open(url, busy_timeout_s=30), FileBlobStore(folder)


def check(store: SqlStore, blobs: FileBlobStore) -> list[str]:
    """Every row has its blob, whole; the texts, oldest first."""
    records = list(store.everything("default"))
    for found in records:
        assert blobs.get("default", found.adapter.digest) == found.text.encode()
    return [found.text for found in records]


@pytest.mark.parametrize(
    ("step", "kept", "swept"),
    [
        ("a folder without a blob", ["acknowledged"], 0),
        ("half a blob", ["acknowledged"], 1),
        ("a blob without a name", ["acknowledged"], 1),
        ("a blob that is not durable", ["acknowledged"], 1),
        ("a blob without a row", ["acknowledged"], 1),
        ("a row without a commit", ["acknowledged"], 1),
        ("a commit that nobody heard of", ["acknowledged", "interrupted"], 0),
    ],
)
def test_a_process_killed_while_writing(
    tmp_path: Path, database_url: URL, step: str, kept: list[str], swept: int
) -> None:
    """What was acknowledged is there with its blob, and what is left of the rest is swept away."""
    killed = process(tmp_path, database_url, step)
    said, _ = killed.communicate(timeout=60)
    assert (said, killed.returncode) == ("acknowledged\n", -signal.SIGKILL)
    store, blobs = opened(tmp_path, database_url)
    assert check(store, blobs) == kept
    assert sweep(store, blobs, older_than=NOW) == swept
    assert check(store, blobs) == kept
    index = FaissIndex(store, embedder=EMBEDDER, dim=DIM, folder=tmp_path / "index")
    assert len(index.search(ANA, vectors(1), 9)) == len(kept)
    store.add([record("interrupted")], vectors(1), before_commit=lambda: blobs.put("default", b"interrupted"))
    assert check(store, blobs) == ["acknowledged", "interrupted"]
    store.close()


def test_processes_may_open_and_write_at_once(tmp_path: Path, database_url: URL) -> None:
    """One migrates the empty database, all write, equal content is stored once, no number is missing."""
    together, each = 3, 20
    running = [process(tmp_path, database_url, "write", str(each)) for _ in range(together)]
    assert [one.wait(timeout=120) for one in running] == [0] * together
    for one in running:
        assert one.stdout is not None
        one.stdout.close()
    store, blobs = opened(tmp_path, database_url)
    texts = check(store, blobs)
    assert len(texts) == len(set(texts)) == together * each + each
    assert store.version("default").seq == len(texts)
    changes = store.changes("default", EMBEDDER)
    assert len(changes.ids) == len(texts)
    assert sweep(store, blobs, older_than=NOW) == 0
    store.close()


def test_a_blob_erased_before_the_commit_is_put_again(tmp_path: Path, database_url: URL) -> None:
    """Ben's erasure takes the blob that Ana has found there: her commit brings it back."""
    store, blobs = opened(tmp_path, database_url)
    put = partial(blobs.put, "default", b"tea")
    put()
    [bens] = store.add([record("tea", BEN)], vectors(1), before_commit=put)
    put()  # Ana's writer sees that the blob is there
    [removed] = store.delete(BEN, bens.id)
    assert store.release("default", [removed.digest], partial(blobs.delete, "default")) == [removed.digest]
    assert blobs.digests("default") == []
    store.add([record("tea", ANA)], vectors(1), before_commit=put)
    assert check(store, blobs) == ["tea"]
    store.close()


def test_no_blob_can_be_erased_during_the_commit(tmp_path: Path, database_url: URL) -> None:
    """A release waits for the writer's lock, and then finds the blob in use."""
    store, blobs = opened(tmp_path, database_url)
    hasty = SqlStore.open(database_url, busy_timeout_s=0)
    erase = partial(blobs.delete, "default")

    def put_and_be_interrupted() -> None:
        digest = blobs.put("default", b"tea")
        with pytest.raises(StoreBusy):
            hasty.release("default", [digest], erase)

    [tea] = store.add([record("tea")], vectors(1), before_commit=put_and_be_interrupted)
    assert hasty.release("default", [tea.adapter.digest], erase) == []
    assert check(store, blobs) == ["tea"]
    hasty.close()
    store.close()


def test_threads_may_tell_and_erase_the_same_at_once(tmp_path: Path, database_url: URL) -> None:
    """Each finds its rows with their blobs whenever it looks, and in the end nothing is left."""
    store, blobs = opened(tmp_path, database_url)
    put, erase = partial(blobs.put, "default", b"tea"), partial(blobs.delete, "default")
    errors: list[Exception] = []

    def tell_and_erase(scope: Scope) -> None:
        try:
            for _ in range(15):
                put()
                store.add([record("tea", scope)], vectors(1), before_commit=put)
                [found] = store.page(scope).records
                assert blobs.get("default", found.adapter.digest) == b"tea"
                removed, _ = store.delete_where(scope)
                store.release("default", [gone.digest for gone in removed], erase)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=tell_and_erase, args=(scope,)) for scope in (ANA, BEN)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert blobs.digests("default") == []
    store.close()
