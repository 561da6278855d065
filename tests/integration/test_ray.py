"""The server on Ray Serve: replicas killed under load, and where requests go. Needs the extra `ray`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memory.backends.sql import migrate
from memory.backends.sql.database import Database, sqlite_url
from memory.server.access import Access

pytest.importorskip("ray.serve", reason="the extra `ray` is not installed")

from ray.serve import Application

from benchmarks import replicas
from tests.command import packaged_model

ROOT = Path(__file__).parents[2]
SIZE = int(os.environ.get("RAY_SIZE", "1"))  # 800 chats of 50 users each; 13 make more than 10,000


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    """Runs a module of this folder with a home, and the key of a tenant; returns what it prints."""
    database = Database(sqlite_url(tmp_path / "memory.db"))
    migrate.open_current(database)
    access = Access(database)
    access.create_tenant("acme")
    key = access.create_key("acme", "write").secret
    database.close()

    def in_process(module: str, *given: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", f"tests.integration.{module}", key, *given],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MEMORY_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=900 * SIZE,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))

    return in_process


@pytest.mark.timeout(1000 * SIZE)
@pytest.mark.parametrize("of", ["memory", "node", "engine", "hypernetwork"])
def test_a_replica_that_is_killed_loses_nothing(run: Callable[..., Any], of: str) -> None:
    """What was acknowledged is there, every reply is its own user's, and the replica comes back."""
    seen = run("ray_process", of, str(8 * SIZE))
    print(of, {name: value for name, value in seen.items() if name != "wrong"})
    assert (seen["replicas"], seen["ended"], seen["back"]) == (2, 1, 2)
    assert (seen["lost"], seen["wrong"]) == (0, [])
    assert seen["refused quietly"] == 0
    assert seen["told"] >= 100
    assert seen["asked"] >= 600 * SIZE
    assert seen["kept"] > 0.8  # by chance it would be 0.6


@pytest.mark.timeout(1000)
def test_a_users_requests_go_where_the_adapters_are_warm(run: Callable[..., Any]) -> None:
    """And elsewhere while that replica is busy, and once it is gone; every reply is right."""
    seen = run("ray_warm_process")
    warm = seen["warm was"]
    assert [one for one in seen["warm"] if one != {"right": True, "by": warm, "read": 0}] == []
    assert seen["busy"] == {"right": True, "by": seen["others"][0], "read": 1}
    assert seen["held"] == 200
    assert all(one["right"] and one["by"] != warm for one in seen["gone"])


def test_a_server_without_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind Ray's proxy everybody is a caller of this machine."""
    from integrations.ray import app
    from memory.errors import InvalidSettings

    monkeypatch.setenv("MEMORY_ANONYMOUS", "1")
    with pytest.raises(InvalidSettings, match="make keys"):
        app({})


@pytest.mark.timeout(1000)
def test_the_throughput_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In small: the plain server, and one replica as `serve run` starts it."""
    packaged_model()
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- {name} -->\n<!-- /{name} -->\n" for name in replicas.PARTS))
    sizes = ["--users", "2", "--facts", "1", "--clients", "2", "--seconds", "1", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["replicas", *sizes, "--servers", "1 replica", "--markdown", str(page)])
    assert replicas.main() == 0
    rows = [line.split(" | ")[0] for line in page.read_text().splitlines() if line.startswith("| ")]
    assert rows == ["| server", "| ---", "| memory serve", "| 1 replica"]


def test_arguments_are_what_was_typed() -> None:
    """Texts, as `serve run` gives them; a name that is none is refused."""
    from integrations.ray import app

    for given in ({"replicas": "2", "cpus": "0.5"}, {"engines": "2", "engine_gpus": "0.5"}):
        assert isinstance(app(given), Application)
    with pytest.raises(ValueError, match="replica"):
        app({"replica": "2"})
