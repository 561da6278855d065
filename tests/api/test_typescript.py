"""The TypeScript client: generated from a live server's description, built, and tested against the server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from memory import Memory
from memory.api.app import open_store
from memory.api.operations import OPERATIONS
from memory.settings import Settings
from tests.api.conftest import Founded, live
from tests.command import echoes

CLIENT = Path(__file__).parents[2] / "clients" / "typescript"
WRITTEN = ("README.md", "src/index.ts", "test/client.test.ts")
MADE = ("node_modules", "dist", "generated")


def method(operation: str) -> str:
    """As the generator names it: add_memory -> addMemory."""
    return re.sub(r"_(\w)", lambda found: found[1].upper(), operation)


METHODS = {method(operation) for operation in OPERATIONS.values()}


def test_what_is_written_by_hand_calls_operations_that_are_there() -> None:
    """This needs no node: a renamed operation is found out everywhere."""
    texts = [(CLIENT / name).read_text(encoding="utf-8") for name in WRITTEN]
    called = {name for text in texts for name in re.findall(r"\b(?:memory|\))\.(\w+)\(\{", text)}
    assert {"addMemory", "searchMemories"} <= called
    assert called <= METHODS


@pytest.fixture
def node(tmp_path: Path) -> Path:
    """A copy of the client with what it is built with. Skipped where npm is not there, or has no network."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not there: install Node.js 20.19 or newer to build the TypeScript client")
    folder = tmp_path / "typescript"
    shutil.copytree(CLIENT, folder, ignore=shutil.ignore_patterns(*MADE))
    got = npm(folder, "ci", "--no-audit", "--no-fund", "--prefer-offline")
    if got.returncode:
        pytest.skip(f"npm cannot install what the lock file names: {got.stderr.strip().splitlines()[-1:]}")
    return folder


def npm(folder: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environment}
    return subprocess.run(
        ["npm", *args], cwd=folder, env=env, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.mark.timeout(600)
def test_it_is_built_from_a_server_and_works_against_it(node: Path, founded: Founded, tmp_path: Path) -> None:
    """With a key of its own; every operation is a method."""
    settings = Settings.load(home=founded.copied(tmp_path / "home"))
    with Memory(settings, store=open_store(settings), **echoes()) as memory, live(memory) as url:
        asked = {"MEMORY_URL": url, "MEMORY_KEY": founded.keys["acme"]}
        built = npm(node, "run", "build", **asked)
        assert built.returncode == 0, built.stdout + built.stderr
        sdk = (node / "src" / "generated" / "sdk.gen.ts").read_text(encoding="utf-8")
        assert set(re.findall(r"public (\w+)<", sdk)) == METHODS
        tested = npm(node, "test", **asked)
        assert tested.returncode == 0, tested.stdout + tested.stderr
        assert re.search(r"^# pass ([1-9]\d*)$", tested.stdout, re.MULTILINE)
