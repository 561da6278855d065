"""kill -9 at every step of writing and of forgetting: real processes on real stores, reopened afterwards.

A first run notes the steps that an action takes, as its ports see them. Then, for each of them, a process
of its own does the action in a fresh home and is killed at that step.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from memory import Memory
from memory.backends.blobs.folder import FileBlobStore
from memory.backends.index.faiss_index import FaissIndex
from memory.backends.sql.database import sqlite_url
from memory.backends.sql.store import SqlStore
from memory.fakes import EchoGenerator, EchoInternalizer, WordEmbedder
from memory.records import now
from tests.faults import Faulty

CAT, DOG = "My cat is called Onyx.", "My dog is called Biscuit."
RIO, KIWI = "My bird is called Rio.", "My bird is called Kiwi."
HAT, CUP = "My hat is quite red.", "My cup is rather blue."

# Loads everything once, also what first use loads, and does each action in a child that has to be killed.
VICTIMS = """
import json, os, sys, tempfile
from tests.faults import kill_at
from tests.integration.test_kill import ACTIONS, add, forget, open_faulty

with tempfile.TemporaryDirectory() as home, open_faulty(home) as memory:
    add(memory), forget(memory)

for home, action, step, visit in json.load(sys.stdin):
    child = os.fork()
    if child == 0:
        ACTIONS[action](open_faulty(home, kill_at(step, visit)))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


# What writes; dying before something is only read is dying after the write before it.
WRITES = {"put", "delete", "clean", "add", "update", "delete_where", "expire", "release", "refresh"}
WRITES |= {"append_turns", "mark_internalized", "revise"}


def open_faulty(home: Path | str, fault: Callable[[str], None] = str) -> Memory:
    """The product as it is, with each store wrapped."""
    store = Faulty(SqlStore.open(sqlite_url(Path(home) / "memory.db")), "store", fault)
    index = FaissIndex(store, embedder="words", dim=64, folder=Path(home) / "index")
    return Memory(
        home=home,
        store=store,
        blobs=Faulty(FileBlobStore(Path(home) / "blobs"), "blobs", fault),
        index=Faulty(index, "index", fault),
        embedder=WordEmbedder(),
        internalizer=EchoInternalizer(),
        generator=EchoGenerator(),
    )


def add(memory: Memory) -> None:
    memory.add(DOG, user_id="ana")


def chat(memory: Memory) -> None:
    memory.chat(DOG, user_id="ana", session_id="s")


def forget(memory: Memory) -> None:
    memory.forget(user_id="bob")


def update(memory: Memory) -> None:
    for record in memory.list(user_id="bob").records:
        if record.text == RIO:
            memory.update(record.id, KIWI, keep_past=False)


def compact(memory: Memory) -> None:
    memory.compact(user_id="bob", min_adapters=2)


def supersede(memory: Memory) -> None:
    memory.add(KIWI, user_id="bob")


def compacted(memory: Memory) -> None:
    """Bob's bird and two more things in one memory."""
    memory.add(HAT, user_id="bob")
    memory.add(CUP, user_id="bob")
    compact(memory)


def forget_passage(memory: Memory) -> None:
    for record in memory.list(user_id="bob", as_of=now()).records:
        if record.text == RIO:
            memory.forget(memory_id=record.id)


ACTIONS = {
    "add": add,
    "chat": chat,
    "forget": forget,
    "update": update,
    "compact": compact,
    "supersede": supersede,
    "forget passage": forget_passage,
}


def everything_in(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def killed_at_every_step(
    folder: Path, action: str, prepare: Callable[[Memory], None] | None = None
) -> list[tuple[str, Path]]:
    """(step, home) for each step of the action, after a process was killed there."""
    before = folder / "before"
    with open_faulty(before) as memory:
        memory.add(CAT, user_id="ana")
        memory.add(RIO, user_id="bob")
        if prepare is not None:
            prepare(memory)
    trace: list[str] = []
    shutil.copytree(before, folder / "rehearsal")
    with open_faulty(folder / "rehearsal", trace.append) as memory:
        ACTIONS[action](memory)
        steps = list(trace)
    deaths = []
    for i, step in enumerate(steps):
        if step.split(".")[-1] not in WRITES:
            continue
        home = folder / f"{i:02d}"
        shutil.copytree(before, home)
        deaths.append((str(home), action, step, steps[: i + 1].count(step)))
    assert deaths, f"{action} writes nothing: {steps}"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", VICTIMS],
        input=json.dumps(deaths),
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == ["-9"] * len(deaths), done.stderr
    return [(step, Path(home)) for home, _, step, _ in deaths]


def texts(memory: Memory, user: str) -> list[str]:
    """What the user's memories say, each of which answers too."""
    found = [record.text for record in memory.list(user_id=user).records]
    for text in found:
        assert memory.ask(text, user_id=user).text == text
    return sorted(found)


@pytest.mark.parametrize(("action", "told"), [("add", DOG), ("chat", f"User: {DOG}")])
def test_killed_while_writing(tmp_path: Path, action: str, told: str) -> None:
    """What was acknowledged answers; what was not is there whole or not at all, and can be told again."""
    committed = False
    homes = killed_at_every_step(tmp_path, action)
    assert {"before store.add", "in store.add", "late in store.add", "after blobs.put"} <= {
        s for s, _ in homes
    }
    for step, home in homes:
        committed = committed or step == "after store.add"
        with open_faulty(home) as memory:
            assert texts(memory, "ana") == [CAT, told][: 1 + committed], step
            assert texts(memory, "bob") == [RIO], step
            ACTIONS[action](memory)
            assert texts(memory, "ana") == [CAT, told], step
            memory.forget(user_id="ana")
        assert b"Biscuit" not in everything_in(home), step
    assert committed


def test_killed_while_forgetting(tmp_path: Path) -> None:
    """Nothing half-forgotten is served; forgetting again, or the next write, takes away what was left."""
    gone = False
    for i, (step, home) in enumerate(killed_at_every_step(tmp_path, "forget")):
        gone = gone or step == "after store.delete_where"
        with open_faulty(home) as memory:
            assert texts(memory, "ana") == [CAT], step
            assert texts(memory, "bob") == [RIO][gone:], step
            if gone and i % 2:
                add(memory)
            else:
                forget(memory)
        assert b"Rio" not in everything_in(home), step
    assert gone


def test_killed_while_updating(tmp_path: Path) -> None:
    """The old text or the new, never both and never neither; afterwards the old is in no file."""
    updated = False
    for step, home in killed_at_every_step(tmp_path, "update"):
        updated = updated or step == "after store.revise"
        with open_faulty(home) as memory:
            assert texts(memory, "bob") == [KIWI if updated else RIO], step
            update(memory)
            add(memory)
            assert texts(memory, "bob") == [KIWI], step
        assert b"Rio" not in everything_in(home), step
    assert updated


def passages(memory: Memory) -> list[str]:
    """What bob has told, whatever was made of it."""
    return sorted(record.text for record in memory.list(user_id="bob", as_of=now()).records)


def told(memory: Memory) -> str:
    """All that bob's memories say."""
    return "\n".join(record.text for record in memory.list(user_id="bob").records)


def test_killed_while_compacting(tmp_path: Path) -> None:
    """The old memories or the new one, never both and never neither; run again, it is done."""

    def prepare(memory: Memory) -> None:
        memory.add(HAT, user_id="bob")
        memory.add(CUP, user_id="bob")

    swapped = False
    homes = killed_at_every_step(tmp_path, "compact", prepare)
    assert {"before store.add", "in store.add", "late in store.add", "after store.add"} <= {
        s for s, _ in homes
    }
    for step, home in homes:
        swapped = swapped or step == "after store.add"
        with open_faulty(home) as memory:
            assert len(memory.list(user_id="bob").records) == (1 if swapped else 3), step
            assert sorted(told(memory).split("\n")) == passages(memory) == sorted([CUP, HAT, RIO]), step
            compact(memory)
            assert len(memory.list(user_id="bob").records) == 1, step
            add(memory)  # the first write of a process takes away what was left behind
            assert len(memory._backends.blobs.digests("default")) == 3, step
            memory.forget(user_id="bob")
        assert b"Rio" not in everything_in(home), step
    assert swapped


def test_killed_while_forgetting_a_compacted_passage(tmp_path: Path) -> None:
    """With it or without it, whole; afterwards it is in no file, and the rest answers."""
    gone = False
    for step, home in killed_at_every_step(tmp_path, "forget passage", compacted):
        gone = gone or step == "after store.revise"
        with open_faulty(home) as memory:
            assert passages(memory) == sorted([CUP, HAT] if gone else [CUP, HAT, RIO]), step
            assert ("Rio" in told(memory)) == (not gone), step
            forget_passage(memory)
            add(memory)
            assert passages(memory) == sorted([CUP, HAT]), step
            assert HAT in memory.ask("Which hat is mine?", user_id="bob", mode="adapters").text
        assert b"Rio" not in everything_in(home), step
    assert gone


def test_killed_while_superseding(tmp_path: Path) -> None:
    """The old holds or the new, never both and never neither, also inside a compacted memory."""
    superseded = False
    for step, home in killed_at_every_step(tmp_path, "supersede", compacted):
        superseded = superseded or step == "after store.add"
        with open_faulty(home) as memory:
            assert ("Kiwi" in told(memory), "Rio" in told(memory)) == (superseded, not superseded), step
            supersede(memory)
            assert ("Kiwi" in told(memory), "Rio" in told(memory)) == (True, False), step
            memory.forget(user_id="bob")
        assert b"Rio" not in everything_in(home), step
    assert superseded
