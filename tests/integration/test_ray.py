"""The server on Ray Serve: two replicas, one killed under load. Needs the extra `ray`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from memory.backends.sql import migrate
from memory.backends.sql.database import Database, sqlite_url
from memory.server.access import Access

pytest.importorskip("ray.serve", reason="the extra `ray` is not installed")

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("of", ["memory", "engine"])
def test_a_replica_that_is_killed_loses_nothing(tmp_path: Path, of: str) -> None:
    """What was acknowledged is there, every reply is its own user's, and the replica comes back."""
    database = Database(sqlite_url(tmp_path / "memory.db"))
    migrate.open_current(database)
    access = Access(database)
    access.create_tenant("acme")
    key = access.create_key("acme", "write").secret
    database.close()
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.ray_process", str(tmp_path), key, of],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MEMORY_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert (seen["replicas"], seen["back"]) == (2, 2)
    assert (seen["lost"], seen["wrong"]) == (0, [])
    assert seen["refused quietly"] == 0
    assert seen["told"] >= 100
    assert seen["asked"] >= 600
    assert seen["kept"] > 0.8  # by chance it would be 0.6


def test_a_server_without_keys_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind Ray's proxy everybody is a caller of this machine."""
    from integrations.ray import Arguments, app
    from memory.errors import InvalidSettings

    monkeypatch.setenv("MEMORY_ANONYMOUS", "1")
    with pytest.raises(InvalidSettings, match="make keys"):
        app(Arguments())
