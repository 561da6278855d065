"""A server in a process of its own, with tenants and keys, for benchmarks that talk to one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from memory.backends.sql import migrate
from memory.backends.sql.database import Database
from memory.bootstrap import database_url
from memory.server.access import Access
from memory.settings import Settings


@dataclass(frozen=True, slots=True)
class Served:
    """A server that is ready."""

    url: str
    pid: int


@contextmanager
def served(home: Path, *options: str, **environment: str) -> Iterator[Served]:
    """As `memory serve` starts it; it ends with the block."""
    command = [sys.executable, "-c", "import sys, memory.cli; sys.exit(memory.cli.main())"]
    command += ["--home", str(home), "serve", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().removeprefix("listening on ").strip()
        while httpx.get(f"{url}/health/ready", timeout=120).status_code != 200:
            time.sleep(0.2)
        yield Served(url, process.pid)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def new_keys(home: Path, tenants: int) -> list[str]:
    """Tenants, where they are not there yet, and a new key that writes for each."""
    database = Database(database_url(Settings.load(home=home)))
    migrate.open_current(database)
    access = Access(database)
    there = {tenant.id for tenant in access.tenants()}
    found = []
    for n in range(tenants):
        if f"tenant{n}" not in there:
            access.create_tenant(f"tenant{n}")
        found.append(access.create_key(f"tenant{n}", "write").secret)
    database.close()
    return found
