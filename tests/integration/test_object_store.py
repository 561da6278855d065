"""A memory whose adapters are in an object store, and what it asks of it."""

from __future__ import annotations

from pathlib import Path

from memory.fakes import InMemoryBlobs
from memory.settings import Settings
from tests.buckets import S3
from tests.conftest import MakeMemory
from tests.faults import Faulty

DOG, CAT, QUESTION = "My dog is called Biscuit.", "My cat is called Tom.", "What is my dog called?"


def copies(home: Path) -> list[Path]:
    return [path for path in (home / "copies").rglob("*") if path.is_file()]


def test_a_memory_lives_in_a_bucket(make_memory: MakeMemory, s3: S3, tmp_path: Path) -> None:
    """Told, asked and forgotten: then nothing is left in the bucket, nor of its copies."""
    bucket = s3.create()
    memory = make_memory(blobs=f"s3://{bucket}/adapters")
    memory.add(DOG, user_id="ana")
    memory.add(CAT, user_id="ben")
    assert len(s3.keys(bucket)) == 2
    reader = make_memory(blobs=f"s3://{bucket}/adapters", home=tmp_path / "home")
    assert "Biscuit" in reader.ask(QUESTION, user_id="ana").text
    assert len(copies(tmp_path / "home")) == 1
    reader.forget(user_id="ana")
    assert len(s3.keys(bucket)) == 1
    assert copies(tmp_path / "home") == []
    assert not (tmp_path / "home" / "blobs").exists()


def test_neither_writing_nor_answering_lists_the_store(make_memory: MakeMemory, tmp_path: Path) -> None:
    """Lists grow with the tenants: only an erasure lists, its own tenant and once, and a sweep all."""
    steps: list[str] = []
    settings = Settings.load(home=tmp_path / "home", blobs="s3://bucket")
    blobs = InMemoryBlobs()
    memory = make_memory(settings=settings, blobs=Faulty(blobs, "blobs", steps.append))
    memory.add(DOG, user_id="ana")
    memory.ask(QUESTION, user_id="ana")
    memory.compact()
    assert {"before blobs.digests", "before blobs.clean"} & set(steps) == set()
    blobs.put("default", b"left behind by an interrupted write")
    memory.forget(user_id="ana")
    assert blobs.digests("default") == []
    assert steps.count("before blobs.digests") == 1


def test_a_sweep_takes_what_no_memory_refers_to(make_memory: MakeMemory, tmp_path: Path) -> None:
    """Once it is old: a young one may be about to get its row."""
    settings = Settings.load(home=tmp_path / "home", blobs="s3://bucket")
    blobs = InMemoryBlobs()
    memory = make_memory(settings=settings, blobs=blobs)
    memory.add(DOG, user_id="ana")
    blobs.put("default", b"young")
    assert memory.sweep() == 0
    for key, (data, at) in list(blobs._blobs.items()):
        blobs._blobs[key] = (data, at.replace(year=2000))
    assert memory.sweep() == 1
    assert "Biscuit" in memory.ask(QUESTION, user_id="ana").text
