"""Bad input and broken surroundings: one clear line, and everything acknowledged before is still there."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hypernet.doc_to_lora import DocToLoRA
from memory import Memory
from memory.backends.blobs.folder import FileBlobStore
from memory.backends.model.local import LocalModel
from memory.backends.sql.database import sqlite_url
from memory.backends.sql.store import SqlStore
from memory.errors import (
    DiskFull,
    EmptyText,
    InvalidInput,
    MissingScope,
    ModelUnavailable,
    ParametricMemoryError,
    SchemaTooNew,
    TextTooLarge,
)
from memory.fakes import EchoInternalizer
from memory.records import Message, now
from memory.text.normalise import plain
from memory.write.passage_writer import PASSAGES_PER_BATCH
from tests.faults import Faulty, full_disk_at

MakeMemory = Callable[..., Memory]
NO_MESSAGES = "the messages are empty; there is nothing to remember"
TOO_LARGE = "at most 4,194,304 are taken in one call; add it in parts, or raise MEMORY_MAX_TEXT_BYTES"
DOG, ASK = "My dog is called Biscuit.", "What is my dog called?"


@pytest.fixture
def kept(make_memory: MakeMemory) -> Iterator[Memory]:
    """A memory with something in it that is still there when the test is over."""
    memory = make_memory()
    memory.add(DOG, user_id="ana")
    yield memory
    assert make_memory().ask(ASK, user_id="ana").text == DOG


def refused(call: Callable[[], Any], kind: type[ParametricMemoryError]) -> str:
    """The message of the error, which is one line."""
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    return message


# -- what callers hand in


@pytest.mark.parametrize(
    ("content", "kind", "message"),
    [
        ("", EmptyText, "the text is empty; there is nothing to remember"),
        (" \t\n ", EmptyText, "the text is empty; there is nothing to remember"),
        ([], EmptyText, NO_MESSAGES),
        ([{"role": "user", "content": " "}], EmptyText, NO_MESSAGES),
        ("a\0b", InvalidInput, "the text holds a NUL character at 1; is it a binary file?"),
        ([Message("user", "\0")], InvalidInput, "a message holds a NUL character at 0; is it a binary file?"),
        ("a\udcff", InvalidInput, "the text is not valid Unicode at character 1; decode it first"),
        (b"bytes", InvalidInput, "give a text or messages, got bytes"),
        (7, InvalidInput, "give a text or messages, got int"),
        (["text"], InvalidInput, 'a message is {"role": ..., "content": ...}, got str'),
        ([{"role": "me"}], InvalidInput, "role is 'me'; choose one of system, user, assistant"),
        ([{"role": "user"}], EmptyText, NO_MESSAGES),
        ([{"role": "user", "content": 7}], InvalidInput, "content is int; give str"),
        ("x" * 10_000_000, TextTooLarge, "the text has 10,000,000 bytes, " + TOO_LARGE),
        ("é" * 2_100_000, TextTooLarge, "the text has 4,200,000 bytes, " + TOO_LARGE),
    ],
)  # fmt: skip
def test_content_that_cannot_be_remembered(kept: Memory, content: Any, kind: Any, message: str) -> None:
    """Each says what is wrong with it."""
    assert refused(lambda: kept.add(content, user_id="ana"), kind) == message


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({}, MissingScope, "whose memory? give user_id, agent_id or session_id"),
        ({"user_id": " "}, MissingScope, "user_id is blank; give a name, or leave it out"),
        ({"user_id": "ana", "tenant_id": ""}, MissingScope, "tenant_id is blank; give a name"),
        ({"user_id": "a" * 300}, InvalidInput, "user_id has 300 characters; at most 255 are allowed"),
        ({"user_id": "ana", "metadata": {"at": object()}}, InvalidInput, "metadata cannot be kept as JSON"),
        ({"user_id": "ana", "expires_at": now() - timedelta(days=1)}, InvalidInput, "has passed already"),
        ({"user_id": "ana", "expires_at": datetime(2099, 1, 1)}, InvalidInput, "has no time zone"),
    ],
)  # fmt: skip
def test_arguments_that_cannot_be(kept: Memory, given: Any, kind: Any, message: str) -> None:
    """A blank name is an error and never "nobody"."""
    assert message in refused(lambda: kept.add("Fact.", **given), kind)
    assert kept.stats().memories == 1


def test_no_verb_takes_a_missing_scope_for_everybody(kept: Memory) -> None:
    """Reading, answering and forgetting all ask whose memory is meant."""
    verbs: list[Callable[[], Any]] = [
        lambda: kept.search("a"), lambda: kept.select("a"), lambda: kept.list(), lambda: kept.forget(),
        lambda: kept.chat("a"), lambda: kept.ask("a"), lambda: kept.answer(Message("user", "a")),
        lambda: kept.chat_stream("a"),
    ]  # fmt: skip
    for verb in verbs:
        assert "whose memory?" in refused(verb, MissingScope)
    assert "which session?" in refused(lambda: kept.turns(user_id="ana"), MissingScope)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"message": ""}, "the text is empty"),
        ({"message": "a\0"}, "NUL character"),
        ({"message": "a", "max_new_tokens": 0}, "max_new_tokens is 0; give at least 1"),
        ({"message": "a", "temperature": -1.0}, "temperature is -1.0; give 0 for greedy, or more"),
        ({"message": "word " * 5000}, "a prompt of 5001 tokens, the model reads 4096; shorten it"),
    ],
)
def test_messages_that_cannot_be_answered(kept: Memory, asked: Any, message: str) -> None:
    """And nothing of them is stored."""
    assert message in refused(lambda: kept.chat(user_id="ana", session_id="s", **asked), InvalidInput)
    assert kept.turns(user_id="ana", session_id="s") == []


@pytest.mark.parametrize(
    "text",
    [
        "🎈👩‍👩‍👧 ist 7.",
        "הכלב שלי נקרא ביסקוויט.",
        "كلبي اسمه بسكويت.",
        "我的狗叫饼干。",
        "e\u0301toile \u200f\u202e stern",
    ],
)
def test_any_script_comes_back_as_it_was(memory: Memory, text: str) -> None:
    """Emoji, right-to-left, combining and direction marks; the model reads and says their plain text."""
    [record] = memory.add(text, user_id="ana")
    assert memory.get(record.id).text == text
    assert memory.ask(text, user_id="ana").text == plain(text)


def test_a_word_of_100_000_characters_is_internalized_in_parts(
    make_memory: MakeMemory, tiny_d2l: DocToLoRA
) -> None:
    """Together the passages are the word, and each fits the hypernetwork."""
    model = LocalModel(lambda: tiny_d2l)
    memory = make_memory(internalizer=model, generator=model)
    word = "ab" * 50_000
    added = memory.add(word, user_id="ana")
    assert "".join(record.text for record in added) == word
    assert max(model.count([record.text for record in added])) <= 60


def test_a_long_text_is_internalized_some_at_a_time(make_memory: MakeMemory) -> None:
    """However long it is, only so many adapters are in memory together."""
    together: list[int] = []

    class Counting(EchoInternalizer):
        def generate(self, passages: Any) -> Any:
            together.append(len(passages))
            return super().generate(passages)

    memory = make_memory(internalizer=Counting())
    text = " ".join(f"Sentence {i} is about the number {i}." for i in range(1200))
    added = memory.add(text, user_id="ana")
    assert len(added) > 2 * PASSAGES_PER_BATCH
    assert sum(together) == 2 * len(added)  # of so many sentences each, they are asked before they are kept
    assert max(together) == PASSAGES_PER_BATCH


# -- files that are damaged or gone


@pytest.mark.parametrize("damage", ["missing", "cut", "foreign"])
def test_a_damaged_adapter_is_made_again(
    make_memory: MakeMemory, tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str
) -> None:
    """The row has the text: the answer comes all the same, and one line of the log says why."""
    make_memory().add(DOG, user_id="ana")
    [blob] = (tmp_path / "home" / "blobs").rglob("*.safetensors")
    whole = blob.read_bytes()
    if damage == "missing":
        blob.unlink()
    else:
        blob.write_bytes(whole[:-8] if damage == "cut" else b"something else")
    memory = make_memory()
    with caplog.at_level(logging.WARNING):
        assert memory.ask(ASK, user_id="ana").text == DOG
    assert len(caplog.records) == 1
    assert "is made again from its text" in caplog.text
    assert "Biscuit" not in caplog.text
    assert blob.read_bytes() == whole


def test_a_damaged_adapter_that_now_comes_out_otherwise(make_memory: MakeMemory, tmp_path: Path) -> None:
    """Other bytes than before are stored under their own name, and the damaged file goes."""

    class Later(EchoInternalizer):
        def generate(self, passages: Any) -> Any:
            return [lora.scaled(0.5) for lora in super().generate(passages)]

    [record] = make_memory().add(DOG, user_id="ana")
    [blob] = (tmp_path / "home" / "blobs").rglob("*.safetensors")
    blob.write_bytes(b"damaged")
    memory = make_memory(internalizer=Later())
    assert memory.ask(ASK, user_id="ana").text == DOG
    assert memory.get(record.id).adapter.digest != record.adapter.digest
    memory.add("My cat is called Onyx.", user_id="ana")
    assert not blob.exists()
    assert memory.ask(ASK, user_id="ana").text == DOG


def test_a_damaged_adapter_without_its_model_is_a_clear_error(
    make_memory: MakeMemory, tmp_path: Path
) -> None:
    """What cannot be mended is said, and never left out in silence."""

    class Broken(EchoInternalizer):
        def generate(self, _: Any) -> Any:
            raise ModelUnavailable("the hypernetwork cannot be loaded")

    make_memory().add(DOG, user_id="ana")
    [blob] = (tmp_path / "home" / "blobs").rglob("*.safetensors")
    blob.unlink()
    memory = make_memory(internalizer=Broken())
    assert (
        refused(lambda: memory.ask(ASK, user_id="ana"), ModelUnavailable)
        == "the hypernetwork cannot be loaded"
    )


def test_a_model_that_cannot_be_loaded(tmp_path: Path) -> None:
    """The message names the setting's value; what needs no model works."""
    with Memory(home=tmp_path, model=str(tmp_path / "nowhere")) as memory:
        assert memory.list(user_id="ana").records == ()
        message = refused(lambda: memory.add(DOG, user_id="ana"), ModelUnavailable)
        assert message.startswith(f"cannot load the model '{tmp_path / 'nowhere'}'")


def test_a_model_that_needs_more_packages_is_named_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one line: an image encoder's processor may need torchvision, for one."""

    def lacking(*_: Any, **_given: Any) -> Any:
        raise ImportError("the image processor of smol needs more:\npip install torchvision")

    monkeypatch.setattr("hypernet.DocToLoRA.from_pretrained", lacking)
    with Memory(home=tmp_path) as memory:
        message = refused(lambda: memory.add(DOG, user_id="ana"), ModelUnavailable)
        assert message.endswith("the image processor of smol needs more: pip install torchvision")


def test_a_gpu_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for by a setting, which the message names."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with Memory(home=tmp_path, device="cuda:1") as memory:
        message = refused(lambda: memory.add(DOG, user_id="ana"), ModelUnavailable)
        assert message == "torch finds no GPU for 'cuda:1'; set MEMORY_DEVICE to auto or cpu"


def test_a_database_of_a_newer_version_is_refused(
    kept: Memory, make_memory: MakeMemory, tmp_path: Path
) -> None:
    """And left as it is."""
    database = tmp_path / "home" / "memory.db"
    kept.close()
    with sqlite3.connect(database) as connection:
        [[step]] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    assert "install the newer parametric-memory" in refused(make_memory, SchemaTooNew)
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [step])
    connection.close()


# -- the disk


@pytest.mark.parametrize(
    "step", ["before blobs.put", "before store.add", "late in store.add", "before store.append_turns"]
)
def test_a_full_disk_is_said_and_passes(make_memory: MakeMemory, tmp_path: Path, step: str) -> None:
    """What was stored answers meanwhile; with room again, everything works."""
    make_memory().add(DOG, user_id="ana")
    fault: list[Callable[[str], None]] = [full_disk_at(step)]
    home = tmp_path / "home"
    memory = make_memory(
        store=Faulty(SqlStore.open(sqlite_url(home / "memory.db")), "store", lambda at: fault[0](at)),
        blobs=Faulty(FileBlobStore(home / "blobs"), "blobs", lambda at: fault[0](at)),
    )
    chat = lambda: memory.chat("My cat is called Onyx.", user_id="ana", session_id="s")  # noqa: E731
    assert refused(chat, DiskFull) == "the disk is full; make room and try again (nothing stored is lost)"
    assert memory.ask(ASK, user_id="ana").text == DOG
    assert memory.stats().memories == 1
    fault[0] = str
    chat()
    assert memory.ask("What is my cat called?", user_id="ana").text == "User: My cat is called Onyx."


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_really_fills_up(make_memory: MakeMemory, tiny_disk: Path) -> None:
    """The error is ours; every memory acknowledged before answers, and again after making room."""
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(300_000))
    memory = make_memory(home=tiny_disk / "home")
    acknowledged: list[str] = []

    def fill() -> None:
        for i in range(2000):
            text = f"Box {i} holds {'thing ' * 40}."
            memory.add(text, user_id="ana")
            acknowledged.append(text)

    assert "disk is full" in refused(fill, DiskFull)
    assert [record.text for record in memory.list(user_id="ana", limit=1000).records][::-1] == acknowledged
    assert memory.ask(acknowledged[0], user_id="ana").text == acknowledged[0]
    ballast.unlink()
    memory.add(DOG, user_id="ana")
    assert memory.ask(ASK, user_id="ana").text == DOG
    memory.close()


# -- company


def test_two_processes_write_at_once(make_memory: MakeMemory, tmp_path: Path) -> None:
    """Nothing is lost, and each sees what the other wrote."""
    program = """
import sys
from memory import Memory
from memory.fakes import EchoGenerator, EchoInternalizer, WordEmbedder
with Memory(home=sys.argv[1], embedder=WordEmbedder(), internalizer=EchoInternalizer(),
            generator=EchoGenerator()) as memory:
    print("ready", flush=True)
    for i in range(15):
        memory.add(f"Their box {i} is blue.", user_id="ana")
        memory.add("Both say this.", user_id="ana")
"""
    memory = make_memory()
    memory.add(DOG, user_id="ana")
    other = subprocess.Popen(
        [sys.executable, "-c", program, tmp_path / "home"], stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    for i in range(15):
        memory.add(f"Our box {i} is red.", user_id="ana")
        memory.add("Both say this.", user_id="ana")
    assert other.communicate()[0] == ""
    assert other.returncode == 0
    assert memory.stats(user_id="ana").memories == 32
    assert memory.ask("What colour is their box 14?", user_id="ana").text == "Their box 14 is blue."
