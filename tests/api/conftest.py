"""Servers for tests: in this process, with two tenants and their keys; or live, on a port of their own."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi.testclient import TestClient

from memory import Memory
from memory.api import create_app
from memory.api.app import open_store
from memory.api.serving import configuration
from memory.api.shared import Shared
from memory.backends.sql import migrate
from memory.backends.sql.database import Database, sqlite_url
from memory.bootstrap import BACKENDS
from memory.server.access import Access
from memory.settings import Settings
from tests.command import echoes

DOG = "My dog is called Biscuit."
CAT = "My cat is called Tom."
QUESTION = "What is my dog called?"
HOME = {"Origin": "http://127.0.0.1:8750"}  # where the forms of a console are


@dataclass
class Api:
    """A server, and a client of it for each tenant and role."""

    parts: Shared
    client: TestClient
    keys: dict[str, str]  # "acme", "acme-read", "acme-admin", "globex", "operator" -> secret

    def call(self, method: str, path: str, who: str | None = "acme", **given: Any) -> httpx.Response:
        headers = dict(given.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.keys[who]}"
        return self.client.request(method, path, headers=headers, **given)

    def get(self, path: str, **given: Any) -> httpx.Response:
        return self.call("GET", path, **given)

    def post(self, path: str, body: Any = None, **given: Any) -> httpx.Response:
        return self.call("POST", path, json=body, **given)

    def add(self, text: str = DOG, **given: Any) -> str:
        """Adds a text of Ana's; returns the id of its memory."""
        who = given.pop("who", "acme")
        answer = self.post("/v1/memories", {"user_id": "ana", "text": text, **given}, who=who)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["memories"][0]["id"])

    def finished(self, job: httpx.Response, who: str = "acme") -> Any:
        """The job of a 202, once it has ended."""
        assert job.status_code == 202, job.text
        until = time.monotonic() + 20
        while time.monotonic() < until:
            found = self.get(job.headers["location"], who=who).json()
            if found["state"] not in ("queued", "running"):
                return found
            time.sleep(0.02)
        raise AssertionError(f"the job has not ended: {found}")


def sign_in(api: Api, who: str = "acme") -> None:
    """Begin a session of the console."""
    answer = api.client.post(
        "/console/sign-in", data={"key": api.keys[who]}, headers=HOME, follow_redirects=False
    )
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert api.keys[who] not in cookie


MakeApi = Callable[..., Api]


@dataclass(frozen=True)
class Founded:
    """A home with current tables, two tenants and their keys, to be copied: making one takes a while."""

    home: Path
    keys: dict[str, str]

    def copied(self, home: Path) -> Path:
        if not home.exists():
            shutil.copytree(self.home, home)
        return home


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Founded:
    home = tmp_path_factory.mktemp("founded")
    database = Database(sqlite_url(home / "memory.db"))
    migrate.open_current(database)
    access = Access(database)
    for tenant in ("acme", "globex"):
        access.create_tenant(tenant)
    made = {
        "acme": ("acme", "write"),
        "acme-read": ("acme", "read"),
        "acme-admin": ("acme", "admin"),
        "globex": ("globex", "write"),
        "globex-admin": ("globex", "admin"),
        "operator": (None, "admin"),
    }
    keys = {name: access.create_key(*given).secret for name, given in made.items()}
    database.scrub()
    database.close()
    return Founded(home, keys)


@contextmanager
def serving(founded: Founded, home: Path, **given: Any) -> Iterator[Api]:
    """A server in this process, with given settings and parts."""
    settable = Settings.model_fields.keys() - set(BACKENDS)
    chosen = {name: given.pop(name) for name in list(given) if name in settable}
    settings = Settings.load(**{"home": founded.copied(home), **chosen})
    here = {"base_url": "http://127.0.0.1:8750", "client": ("127.0.0.1", 50000)}
    with (
        Memory(settings, **{"store": open_store(settings), **echoes(), **given}) as memory,
        TestClient(create_app(memory), raise_server_exceptions=False, **here) as client,
    ):
        yield Api(client.app.state.shared, client, founded.keys)  # type: ignore[attr-defined]


@pytest.fixture
def make_api(founded: Founded, tmp_path: Path) -> Iterator[MakeApi]:
    """Starts servers, all on one home."""
    with ExitStack() as running:
        yield lambda **given: running.enter_context(serving(founded, tmp_path / "home", **given))


@pytest.fixture(scope="module")
def shared_api(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One server for all tests of a file that leave nothing behind."""
    with serving(founded, tmp_path_factory.mktemp("shared") / "home") as api:
        yield api


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    return make_api()


@contextmanager
def live(memory: Memory) -> Iterator[str]:
    """A real server on a real socket, in a thread; gives its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(configuration(memory))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            until = time.monotonic() + 30
            while not server.started and thread.is_alive() and time.monotonic() < until:
                time.sleep(0.01)
            assert server.started
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
