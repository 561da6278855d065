"""Archives made to harm: each is one clear refusal, bounded in time and memory, and one failed job."""

from __future__ import annotations

import hashlib
import io
import json
import random
import struct
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memory import Memory
from memory.errors import InvalidInput, JobCancelled
from memory.records import Message
from memory.upkeep import archive, archive_models

MakeMemory = Callable[..., Memory]
Files = dict[str, bytes]


@pytest.fixture
def honest(make_memory: MakeMemory, tmp_path: Path) -> Files:
    """The files of an export with some of everything, by name."""
    memory = make_memory(home=tmp_path / "honest")
    memory.add([Message("user", "I have a red hat.")], user_id="ana", session_id="talk")
    for text in ("My dog is called Biscuit.", "My cat is called Onyx."):
        memory.add(text, user_id="ana", session_id="s", metadata={"n": 1})
    memory.compact(user_id="ana", session_id="s", min_adapters=2)
    memory.add("My dog is called Rex.", user_id="ana", session_id="s")
    memory.export(tmp_path / "honest.zip", user_id="ana")
    with zipfile.ZipFile(tmp_path / "honest.zip") as read:
        return {name: read.read(name) for name in read.namelist()}


def packed(files: Files, *, listed: bool = True, how: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of the files, with a manifest that fits them."""
    files = dict(files)
    if listed:
        manifest = json.loads(files.pop("manifest.json"))
        manifest["files"] = {n: [hashlib.sha256(d).hexdigest(), len(d)] for n, d in files.items()}
        files["manifest.json"] = json.dumps(manifest).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return out.getvalue()


def changed(files: Files, name: str, **values: Any) -> Files:
    """The files with other values in the first line of one."""
    first, *rest = files[name].splitlines()
    line = json.dumps(json.loads(first) | values)
    return files | {name: b"\n".join([line.encode(), *rest]) + b"\n"}


def refused(memory: Memory, path: Path, data: bytes) -> str:
    """The one line with which the archive is refused; nothing of it is there afterwards."""
    path.write_bytes(data)
    with pytest.raises(InvalidInput) as refusal:
        memory.import_(path)
    assert memory.stats().memories == 0
    said = str(refusal.value)
    assert "\n" not in said
    assert len(said) < 300
    assert str(path.parent) not in said
    return said


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("memories.jsonl", {"position": "abc"}),
    ("memories.jsonl", {"position": 2**40}),
    ("memories.jsonl", {"position": -1}),
    ("memories.jsonl", {"position": True}),
    ("memories.jsonl", {"id": "é"}),
    ("memories.jsonl", {"id": "a" * 65}),
    ("memories.jsonl", {"id": ""}),
    ("memories.jsonl", {"text": ""}),
    ("memories.jsonl", {"text": 7}),
    ("memories.jsonl", {"text": "a\0b"}),
    ("memories.jsonl", {"kind": "gossip"}),
    ("memories.jsonl", {"role": "king"}),
    ("memories.jsonl", {"dim": 0}),
    ("memories.jsonl", {"uses": -3}),
    ("memories.jsonl", {"uses": 1.5}),
    ("memories.jsonl", {"pinned": "yes"}),
    ("memories.jsonl", {"compacted": None}),
    ("memories.jsonl", {"created_at": "yesterday"}),
    ("memories.jsonl", {"created_at": "2026-05-04T12:00:00"}),
    ("memories.jsonl", {"created_at": "0001-01-01T00:00:00+14:00"}),
    ("memories.jsonl", {"created_at": 12}),
    ("memories.jsonl", {"expires_at": []}),
    ("memories.jsonl", {"metadata": [1]}),
    ("memories.jsonl", {"metadata": {"a": list(range(20_000))}}),
    ("memories.jsonl", {"user_id": ""}),
    ("memories.jsonl", {"user_id": "   "}),
    ("memories.jsonl", {"user_id": "a" * 256}),
    ("memories.jsonl", {"user_id": 7}),
    ("memories.jsonl", {"document_id": {}}),
    ("memories.jsonl", {"embedder": "e" * 300}),
    ("memories.jsonl", {"superseded_by": "no id!"}),
    ("memories.jsonl", {"adapter": {"digest": "../../x"}}),
    ("memories.jsonl", {"adapter": 3}),
    ("memories.jsonl", {"another": 1}),
    ("past.jsonl", {"held_by": 4}),
    ("past.jsonl", {"valid_until": "later"}),
    ("turns.jsonl", {"ordinal": "first"}),
    ("turns.jsonl", {"ordinal": 2**31}),
    ("turns.jsonl", {"role": "nobody"}),
    ("turns.jsonl", {"text": None}),
    ("turns.jsonl", {"session_id": None}),
    ("turns.jsonl", {"internalized": "no"}),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_a_record_that_is_wrong_is_named_and_refused(
    honest: Files, memory: Memory, tmp_path: Path, number: int
) -> None:
    """As strictly as a request: the message names the file, and what is in it is not quoted."""
    name, values = WRONG[number]
    path = tmp_path / "wrong.zip"
    path.write_bytes(packed(changed(honest, name, **values)))
    with pytest.raises(InvalidInput, match=name) as refusal:
        memory.import_(path)
    assert "Biscuit" not in str(refusal.value)
    memory.list(user_id="ana")
    memory.search("dog", user_id="ana")
    memory.chat("dog", user_id="ana", session_id="talk")


def test_lines_that_are_not_records_are_refused(honest: Files, memory: Memory, tmp_path: Path) -> None:
    """No JSON, no object, too deep, too many values."""
    deep = b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}\n"
    many = b'{"a":[' + b"[]," * 20_000 + b"[]]}\n"
    for line in (b"no json\n", b"[]\n", b"7\n", b"\xff\xfe\n", b'{"text":"\\ud800"}\n', deep, many):
        data = packed(honest | {"memories.jsonl": line})
        assert "memories.jsonl" in refused(memory, tmp_path / "line.zip", data)


def odd_zips(honest: Files) -> dict[str, bytes]:
    whole = packed(honest)
    encrypted = bytearray(whole)
    for at in (at for at in range(len(whole) - 4) if whole[at : at + 4] == b"PK\1\2"):
        encrypted[at + 8] |= 1
    lying = bytearray(whole)
    at = whole.index(b"PK\1\2")
    lying[at + 24 : at + 28] = struct.pack("<I", 7)
    method = bytearray(whole)
    method[at + 10 : at + 12] = struct.pack("<H", 97)
    twice = io.BytesIO(whole)
    with zipfile.ZipFile(twice, "a") as made, pytest.warns(UserWarning, match="Duplicate"):
        made.writestr("memories.jsonl", honest["memories.jsonl"])
    crowd = io.BytesIO()
    with zipfile.ZipFile(crowd, "w") as made:
        made.writestr("a", b"")
    many = bytearray(crowd.getvalue())
    many[-14:-10] = struct.pack("<HH", 0xFFFF, 0xFFFF)
    manifest = json.loads(honest["manifest.json"])
    return {
        "empty": b"",
        "text": b"this is not a zip",
        "half": whole[: len(whole) // 2],
        "without its beginning": whole[len(whole) // 3 :],
        "encrypted": bytes(encrypted),
        "a size that lies": bytes(lying),
        "another packing": bytes(method),
        "lzma": packed(honest, how=zipfile.ZIP_LZMA),
        "bzip2": packed(honest, how=zipfile.ZIP_BZIP2),
        "a name twice": twice.getvalue(),
        "a lying directory": bytes(many),
        "no manifest": packed({n: d for n, d in honest.items() if n != "manifest.json"}, listed=False),
        "manifest of nothing": packed(honest | {"manifest.json": b"{}"}, listed=False),
        "manifest of lists": packed(honest | {"manifest.json": b"[[],[]]"}, listed=False),
        "manifest too large": packed(
            honest | {"manifest.json": b"[" + b"[]," * 100_000 + b"[]]"}, listed=False
        ),
        "another format": packed(honest | {"manifest.json": json.dumps(manifest | {"format": 9}).encode()}),
        "a strange file": packed(honest | {"../../etc/passwd": b"x"}),
    }


@pytest.mark.parametrize("kind", [
    "empty", "text", "half", "without its beginning", "encrypted", "a size that lies", "another packing",
    "lzma", "bzip2", "a name twice", "a lying directory", "no manifest", "manifest of nothing",
    "manifest of lists", "manifest too large", "another format", "a strange file",
])  # fmt: skip
def test_an_odd_zip_is_refused_in_one_line(honest: Files, memory: Memory, tmp_path: Path, kind: str) -> None:
    """Damaged, encrypted, packed otherwise, lying about itself."""
    assert "not imported" in refused(memory, tmp_path / "odd.zip", odd_zips(honest)[kind])


def test_whatever_bytes_are_changed_an_import_is_right_or_refused(
    honest: Files, make_memory: MakeMemory, tmp_path: Path
) -> None:
    """Bytes flipped, cut and doubled at random: never another error."""
    draw, whole = random.Random(1), packed(honest)
    memory = make_memory()
    for _ in range(120):
        data = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(data))
            data[at] = draw.randrange(256)
        if draw.random() < 0.3:
            del data[draw.randrange(len(data)) :]
        path = tmp_path / "flipped.zip"
        path.write_bytes(data)
        try:
            memory.import_(path)
        except InvalidInput:
            continue
        memory.forget(user_id="ana")


@pytest.mark.parametrize("where", ["memories.jsonl", "manifest.json", "adapters"])
def test_a_small_zip_does_not_become_gigabytes(
    honest: Files, memory: Memory, tmp_path: Path, where: str
) -> None:
    """Refused by what it says of itself, before anything is unpacked."""
    zeros = bytes(2**27)
    name = f"adapters/{hashlib.sha256(zeros).hexdigest()}.safetensors" if where == "adapters" else where
    data = packed(honest | {name: zeros}, listed=where != "manifest.json")
    assert len(data) < 2**20
    path = tmp_path / "bomb.zip"
    path.write_bytes(data)
    del zeros
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(InvalidInput):
        memory.import_(path)
    taken, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert taken < 2
    assert peak < 2**25


def test_passages_that_hold_each_other_are_refused(honest: Files, memory: Memory, tmp_path: Path) -> None:
    """What is done to a holder is done to what it holds, which would never end."""
    lines = [json.loads(line) for line in honest["past.jsonl"].splitlines()][:2]
    for line, other in zip(lines, reversed(lines), strict=True):
        line["held_by"] = other["id"]
    past = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    assert "circle" in refused(memory, tmp_path / "c.zip", packed(honest | {"past.jsonl": past}))


def test_an_import_is_cancelled_while_it_reads(
    honest: Files, memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for its end is heard between any two pieces, long before the first memory is in."""
    path = tmp_path / "long.zip"
    path.write_bytes(packed(honest))
    moment = iter(range(10**9))
    monkeypatch.setattr(time, "monotonic", lambda: next(moment))

    def cancelled(_done: int, _total: int) -> None:
        raise JobCancelled("enough")

    with pytest.raises(JobCancelled):
        memory.import_(path, progress=cancelled)
    assert memory.stats().memories == 0


def test_an_honest_archive_still_comes_in(honest: Files, memory: Memory, tmp_path: Path) -> None:
    """The checks refuse nothing that an export writes."""
    path = tmp_path / "honest.zip"
    path.write_bytes(packed(honest))
    assert memory.import_(path).memories == len(honest["memories.jsonl"].splitlines())
    with archive.opened(path) as reader:
        assert len(list(reader.turns())) == 1
    line = honest["memories.jsonl"].splitlines()[0]
    assert archive_models.parsed(archive_models.RecordLine, line).record().text
