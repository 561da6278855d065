"""What a former version wrote is read, and what its clients send and read is still understood."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from memory import Memory
from memory.api import create_app
from memory.settings import Settings
from tests.command import echoes

FORMER = Path(__file__).resolve().parent.parent / "golden" / "former"
ANA = ["Answer in one word.", "I live in Porto now.", "User: My dog is called Biscuit."]
WAS, BEFORE = "I live in Lisbon.", datetime(2026, 11, 29, 9, 14, 11, 190_000, UTC)  # she moved


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that the former version left behind."""
    with zipfile.ZipFile(FORMER / "home.zip") as archive:
        archive.extractall(tmp_path / "home")
    return tmp_path / "home"


def test_a_home_of_the_former_version_is_upgraded_and_answers(home: Path) -> None:
    """Rows, turns, skills, metadata and adapters are all there; what was erased stays erased."""
    with Memory(home=home, **echoes()) as memory:
        found = memory.list(user_id="ana").records
        assert sorted(record.text for record in found) == ANA
        assert WAS in [record.text for record in memory.list(user_id="ana", as_of=BEFORE).records]
        assert [record.metadata for record in found if "Porto" in record.text] == [{"topic": "home"}]
        assert "My dog is called Biscuit." in memory.ask("What is my dog called?", user_id="ana").text
        said = memory.turns(user_id="ana", session_id="monday")
        assert [(turn.role, turn.text) for turn in said] == [
            ("user", "My dog is called Biscuit."),
            ("assistant", "Nice."),
        ]
        assert memory.recall("cat", user_id="ben", k=1)[0].text == "My cat is called Tom."
        assert memory.search("PIN 4711", user_id="ana", k=10) == memory.search(
            "PIN 4711", user_id="ana", k=10
        )
        assert not any("4711" in hit.record.text for hit in memory.search("PIN 4711", user_id="ana", k=10))
        memory.add("My bike is red.", user_id="ana")
        assert "My bike is red." in memory.ask("What colour is my bike?", user_id="ana").text


def test_an_archive_of_the_former_version_is_imported(tmp_path: Path) -> None:
    """Into an installation of today, whole."""
    with Memory(home=tmp_path, **echoes()) as memory:
        report = memory.import_(FORMER / "ana.memory")
        assert (report.memories, report.past, report.turns) == (3, 1, 2)
        assert sorted(record.text for record in memory.list(user_id="ana").records) == ANA
        assert "My dog is called Biscuit." in memory.ask("What is my dog called?", user_id="ana").text


def test_a_client_of_the_former_version_is_still_understood(tmp_path: Path) -> None:
    """No route, field or parameter that it used is gone or of another type, and nothing new is demanded."""
    before = json.loads(gzip.decompress((FORMER / "openapi.json.gz").read_bytes()))
    today = create_app(Settings.load(home=tmp_path)).openapi()
    assert list(_broken(before, today)) == []


def _broken(before: dict[str, Any], today: dict[str, Any]) -> Iterator[str]:
    """What would break such a client, one line each."""
    for path, methods in before["paths"].items():
        for method, operation in methods.items():
            now = today["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{method} {path} is gone"
                continue
            yield from _broken_operation(f"{method} {path}", operation, now)
    for name, schema in before["components"]["schemas"].items():
        now = today["components"]["schemas"].get(name, {})
        for field, described in schema.get("properties", {}).items():
            if _types(described) - _types(now.get("properties", {}).get(field, {})):
                yield f"{name}.{field} is gone or of another type"
        sent = name.endswith("In")
        here, there = set(schema.get("required", ())), set(now.get("required", ()))
        if demanded := (there - here if sent else here - there):
            yield f"{name}: {sorted(demanded)} {'is demanded now' if sent else 'may be missing now'}"


def _broken_operation(name: str, before: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    known = {(one["in"], one["name"]) for one in before.get("parameters", ())}
    given = {(one["in"], one["name"]): one for one in now.get("parameters", ())}
    yield from (f"{name}: parameter {one} is gone" for one in known - given.keys())
    needed = {key for key, one in given.items() if one.get("required")} - known
    yield from (f"{name}: parameter {one} is demanded now" for one in needed)
    good = {status for status in before["responses"] if status.startswith("2")}
    if good - now["responses"].keys():
        yield f"{name}: {good - now['responses'].keys()} is not answered any more"


def _types(schema: dict[str, Any]) -> set[str]:
    """The JSON types and models that a field may have."""
    found = {str(schema["type"])} if "type" in schema else set()
    found |= {schema["$ref"].rsplit("/", 1)[-1]} if "$ref" in schema else set()
    return found.union(*(_types(one) for one in schema.get("anyOf", ())))
