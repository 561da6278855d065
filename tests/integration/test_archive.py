"""Export and import: one file, into another installation, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memory import Memory
from memory.errors import InvalidInput, MissingScope
from memory.fakes import EchoInternalizer, WordEmbedder
from memory.records import Message, now

MakeMemory = Callable[..., Memory]
TOLD = [
    "My dog is called Biscuit.",
    "My cat is called Onyx.",
    "My horse is called Vesper.",
    "I live in Lisbon.",
]


@pytest.fixture
def full(make_memory: MakeMemory) -> Memory:
    """Some of everything: a session with turns, compacted memories, the past, two users, a document."""
    memory = make_memory()
    memory.add([Message("user", "I have a red hat.")], user_id="ana", session_id="talk")
    for text in TOLD:
        memory.add(text, user_id="ana", session_id="s", metadata={"n": 1})
    memory.compact(user_id="ana", session_id="s", min_adapters=2)
    memory.add("I moved from Lisbon to Porto.", user_id="ana", session_id="s")
    memory.pin(memory.add("My code word is Heron.", user_id="ana")[0].id)
    memory.add("My dog is called Rex.", user_id="ben")
    return memory


def said(memory: Memory, user: str = "ana", **given: Any) -> list[str]:
    return sorted(record.text for record in memory.list(user_id=user, **given).records)


def exported(memory: Memory, folder: Path, **whose: Any) -> Path:
    path = folder / "export.zip"
    memory.export(path, **whose)
    return path


def elsewhere(make_memory: MakeMemory, tmp_path: Path, name: str = "elsewhere", **given: Any) -> Memory:
    return make_memory(home=tmp_path / name, **given)


def test_a_user_goes_to_another_installation(full: Memory, make_memory: MakeMemory, tmp_path: Path) -> None:
    """Memories, adapters, turns, pins, metadata and the past; nothing of anybody else; twice adds nothing."""
    then = now()
    reports: list[tuple[int, int]] = []
    report = full.export(tmp_path / "ana.zip", user_id="ana", progress=lambda d, t: reports.append((d, t)))
    assert (report.memories, report.past, report.turns, report.adapters) == (4, 4, 1, 4)
    assert reports[-1] == (4, 4)
    other = elsewhere(make_memory, tmp_path)
    added = other.import_(tmp_path / "ana.zip")
    assert (added.memories, added.past, added.turns, added.taken, added.made) == (4, 4, 1, 4, 0)
    assert said(other) == said(full)
    assert said(other, as_of=then) == said(full, as_of=then)
    assert {r.id for r in other.list(user_id="ana").records} == {
        r.id for r in full.list(user_id="ana").records
    }
    assert [r.text for r in other.list(user_id="ana").records if r.pinned] == ["My code word is Heron."]
    assert [turn.text for turn in other.turns(user_id="ana", session_id="talk")] == ["I have a red hat."]
    assert said(other, "ben") == []
    assert other.ask("What is my code word?", user_id="ana").text == "My code word is Heron."
    again = other.import_(tmp_path / "ana.zip")
    assert (again.memories, again.past, again.turns, again.known) == (0, 0, 0, 8)
    assert said(other) == said(full)


def test_erasure_reaches_what_was_imported(full: Memory, make_memory: MakeMemory, tmp_path: Path) -> None:
    """Compacted memories are made again without one of their passages, as where they come from."""
    path = exported(full, tmp_path, user_id="ana")
    other = elsewhere(make_memory, tmp_path)
    other.import_(path)
    [passage] = [r for r in other.list(user_id="ana", as_of=now()).records if "Onyx" in r.text]
    assert other.forget(memory_id=passage.id).rebuilt
    other.close()
    files = [p for p in (tmp_path / "elsewhere").rglob("*") if p.is_file()]
    assert all(b"Onyx" not in p.read_bytes() for p in files)


def test_another_model_makes_adapters_again(full: Memory, make_memory: MakeMemory, tmp_path: Path) -> None:
    """Texts are all that it takes over; embeddings are made by the embedder there."""
    path = exported(full, tmp_path, user_id="ana")
    other = elsewhere(
        make_memory,
        tmp_path,
        internalizer=EchoInternalizer(hypernet_fingerprint="another"),
        embedder=WordEmbedder(name="other words", dim=32),
    )
    report = other.import_(path)
    assert (report.taken, report.made) == (0, 4)
    assert other.ask("What is my code word?", user_id="ana").text == "My code word is Heron."
    assert other._backends.store.embedders("default") == {"other words"}


def test_whose_it_becomes_is_said(full: Memory, make_memory: MakeMemory, tmp_path: Path) -> None:
    """Another tenant has to be named; another user may be, where the archive is of one user alone."""
    path = exported(full, tmp_path, user_id="ana")
    with pytest.raises(InvalidInput, match="name the tenant"):
        elsewhere(make_memory, tmp_path, tenant="acme").import_(path)
    other = elsewhere(make_memory, tmp_path)
    assert other.import_(path, tenant_id="acme").memories == 4
    assert (said(other), len(other.list(user_id="ana", tenant_id="acme").records)) == ([], 4)
    assert full.import_(path, user_id="carla").memories == 4
    assert full.import_(path, user_id="carla").memories == 0
    assert said(full, "carla") == said(full)
    full.forget(user_id="carla")
    assert len(said(full)) == 4
    with pytest.raises(MissingScope):
        full.export(path)
    whole = exported(full, tmp_path, tenant_id="default")
    with pytest.raises(InvalidInput, match="several users"):
        other.import_(whole, user_id="x", tenant_id="acme")
    fresh = elsewhere(make_memory, tmp_path, "fresh")
    fresh.import_(whole)
    assert said(fresh, "ben") == ["My dog is called Rex."]


def test_a_session_alone_can_be_exported(full: Memory, make_memory: MakeMemory, tmp_path: Path) -> None:
    """With its memories and turns and nothing else."""
    other = elsewhere(make_memory, tmp_path)
    other.import_(exported(full, tmp_path, session_id="talk"))
    assert said(other) == ["User: I have a red hat."]


def test_an_import_meets_passages_that_are_there(
    full: Memory, make_memory: MakeMemory, tmp_path: Path
) -> None:
    """A compacted memory of which one passage is here already comes as its passages, none of them twice."""
    path = exported(full, tmp_path, session_id="s")
    other = elsewhere(make_memory, tmp_path)
    with zipfile.ZipFile(path) as archive:
        past = [json.loads(line) for line in archive.read("past.jsonl").splitlines()]
    [dog] = other.add(TOLD[0], user_id="ana", session_id="s")
    del dog
    other.import_(path)
    assert [r.compacted > 0 for r in other.list(user_id="ana").records].count(True) <= 1
    assert " ".join(said(other)).count("Onyx") == 1
    assert len(past) == 4


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("text", "altered"),
        ("adapter", "altered"),
        ("escape", "files that its manifest lists"),
        ("listed escape", "file of another kind"),
        ("twice", "twice"),
        ("no manifest", "no manifest"),
        ("format", "format is 99"),
        ("nonsense", "cannot be used"),
        ("deep", "more than 10,000 values"),
        ("short", "damaged, or it is not an archive"),
    ],
)
def test_an_altered_archive_is_refused(
    full: Memory, make_memory: MakeMemory, tmp_path: Path, wrong: str, why: str
) -> None:
    """One clear error, nothing of it is stored, and nothing is written beside it."""
    path = exported(full, tmp_path, user_id="ana")
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(files["manifest.json"])
    names = list(files)
    if wrong == "text":
        files["memories.jsonl"] = files["memories.jsonl"].replace(b"Heron", b"Raven")
    elif wrong == "adapter":
        name = next(name for name in names if name.startswith("adapters/"))
        files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    elif wrong.endswith("escape"):
        files["../../evil"] = b"x"
        if wrong.startswith("listed"):
            manifest["files"]["../../evil"] = [hashlib.sha256(b"x").hexdigest(), 1]
    elif wrong == "no manifest":
        del files["manifest.json"]
    elif wrong == "format":
        manifest["format"] = 99
    elif wrong in ("nonsense", "deep"):
        files["turns.jsonl"] = b'{"role": 7}\n' if wrong == "nonsense" else b"[" * 100_000
        listed = hashlib.sha256(files["turns.jsonl"]).hexdigest(), len(files["turns.jsonl"])
        manifest["files"]["turns.jsonl"] = listed
    if "manifest.json" in files:
        files["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        if wrong == "twice":
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("turns.jsonl", b"")
    if wrong == "short":
        path.write_bytes(path.read_bytes()[:200])
    before = {p for p in tmp_path.rglob("*") if p.is_file()}
    other = elsewhere(make_memory, tmp_path)
    with pytest.raises(InvalidInput, match=why) as error:
        other.import_(path)
    assert "\n" not in str(error.value)
    if wrong not in ("nonsense", "deep"):  # its hash is right, so it is met late; what came before it stays
        assert said(other) == []
    assert not any("evil" in p.name for p in {p for p in tmp_path.rglob("*") if p.is_file()} - before)


def test_an_export_is_whole_or_not_there(full: Memory, tmp_path: Path) -> None:
    """A folder that is not there, or one in place of a file, is one clear error; no half file is left."""
    with pytest.raises(InvalidInput, match="does not exist"):
        full.export(tmp_path / "nowhere" / "x.zip", user_id="ana")
    with pytest.raises(InvalidInput, match="is a folder"):
        full.export(tmp_path, user_id="ana")
    with pytest.raises(InvalidInput, match="no file"):
        full.import_(tmp_path / "nowhere.zip")

    def refuse(*_: int) -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        full.export(tmp_path / "x.zip", user_id="ana", progress=refuse)
    assert not [*tmp_path.glob("*x.zip"), *tmp_path.glob(".tmp-*")]
