"""Servers as processes on one PostgreSQL: what happens to it under load, and what they do to each other."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Lock
from typing import Any

import httpx
import pytest
from sqlalchemy import URL, text

from memory import Memory
from memory.backends.sql import migrate
from memory.backends.sql.database import Database
from memory.errors import StoreReadOnly
from tests.api.server_process import server
from tests.command import echoes
from tests.postgres import Postgres, _binaries, _order

PATIENCE_S = 120.0
THINGS = ("dog", "cat", "horse", "boat", "band", "team", "shop", "river")


@contextmanager
def two_servers(tmp_path: Path, url: str, **environment: str) -> Iterator[list[str]]:
    """The addresses of two servers with homes of their own, one database and one folder of adapters."""
    shared = {"MEMORY_DATABASE_URL": url, "MEMORY_BLOBS": str(tmp_path / "adapters")}
    with ExitStack() as running:
        homes = [tmp_path / name / "home" for name in ("one", "two")]
        for home in homes:
            home.parent.mkdir()
        started = [server(home, "--anonymous", **shared, **environment) for home in homes]
        yield [running.enter_context(one)[1] for one in started]


@pytest.fixture
def url(postgres: Postgres) -> Iterator[URL]:
    """A database of our own, to be broken."""
    made = postgres.create()
    yield made
    postgres.execute(f"DROP DATABASE {made.database} WITH (FORCE)")


def client_of(address: str) -> httpx.Client:
    """It opens a connection for each request: an idle one may be closed just when it is used again."""
    return httpx.Client(base_url=address, timeout=90, limits=httpx.Limits(max_keepalive_connections=0))


class Load:
    """Clients that write without a pause, each for a user of its own, and note what was acknowledged."""

    def __init__(self, addresses: list[str], pool: ThreadPoolExecutor, clients: int = 6) -> None:
        self.acknowledged: dict[str, str] = {}  # memory id -> user
        self.refused: list[httpx.Response] = []
        self._lock, self._stop = Lock(), Event()
        chosen = [(f"user{n}", addresses[n % len(addresses)]) for n in range(clients)]
        self._running: list[Future[None]] = [pool.submit(self._write, *one) for one in chosen]

    def _write(self, user: str, address: str) -> None:
        with client_of(address) as client:
            number = 0
            while not self._stop.is_set():
                number += 1
                body = {"user_id": user, "text": f"My number {number} is {user}{number}."}
                answer = client.post("/v1/memories", json=body)
                with self._lock:
                    if answer.status_code == 201:
                        self.acknowledged[answer.json()["memories"][0]["id"]] = user
                    else:
                        self.refused.append(answer)

    def until(self, condition: Callable[[], bool]) -> None:
        """Go on until it holds; an error of a client's ends the wait."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            for one in self._running:
                assert not one.done(), one.result()
            assert time.monotonic() < deadline, (len(self.acknowledged), len(self.refused))
            time.sleep(0.02)

    def until_more(self, number: int) -> None:
        """Go on until so many more writes were acknowledged."""
        wanted = len(self.acknowledged) + number
        self.until(lambda: len(self.acknowledged) >= wanted)

    def end(self) -> None:
        self._stop.set()
        for one in self._running:
            one.result()

    def check(self, addresses: list[str]) -> None:
        """All refusals said when to come again, and each server has all that was acknowledged."""
        assert {answer.status_code for answer in self.refused} <= {503}
        assert all(int(answer.headers["retry-after"]) > 0 for answer in self.refused)
        for address in addresses:
            kept: dict[str, str] = {}
            for user in sorted(set(self.acknowledged.values())):
                answer = httpx.get(f"{address}/v1/memories?user_id={user}&limit=1000", timeout=90)
                kept |= {memory["id"]: user for memory in answer.json()["memories"]}
            assert self.acknowledged.items() <= kept.items()


def test_a_database_that_crashes_under_load_loses_nothing(
    postgres: Postgres, url: URL, tmp_path: Path
) -> None:
    """What is refused meanwhile is 503; once it is up again both servers write, without a restart."""
    where = url.render_as_string(hide_password=False)
    with two_servers(tmp_path, where) as addresses, ThreadPoolExecutor(6) as pool:
        load = Load(addresses, pool)
        try:
            load.until_more(20)
            postgres.stop("immediate")
            try:
                load.until(lambda: len(load.refused) >= 20)
            finally:
                postgres.start()
            load.until_more(20)
        finally:
            load.end()
        load.check(addresses)


def test_servers_that_find_no_connection_refuse_and_recover(
    postgres: Postgres, url: URL, tmp_path: Path
) -> None:
    """The database gives out fewer connections than they ask for: 503 until it gives more, and no loss."""
    role = f"app_{url.database}"
    postgres.execute(f"CREATE ROLE {role} LOGIN")
    postgres.execute(f"ALTER DATABASE {url.database} OWNER TO {role}")
    where = url.set(username=role).render_as_string(hide_password=False)
    everybody = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'"
    with two_servers(tmp_path, where) as addresses, ThreadPoolExecutor(6) as pool:
        load = Load(addresses, pool)
        try:
            load.until_more(10)
            postgres.execute(f"ALTER ROLE {role} CONNECTION LIMIT 1")
            postgres.execute(everybody)
            load.until(lambda: len(load.refused) >= 20)
            postgres.execute(f"ALTER ROLE {role} CONNECTION LIMIT -1")
            load.until_more(20)
        finally:
            load.end()
        load.check(addresses)
    postgres.execute(f"DROP DATABASE {url.database} WITH (FORCE)")
    postgres.execute(f"DROP ROLE {role}")
    postgres.execute(f"CREATE DATABASE {url.database}")  # for the fixture's end


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def pair() -> Iterator[tuple[Postgres, Postgres, str]]:
    """A PostgreSQL, a standby that commits with it, and the URL of a database on whichever is written to."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("PostgreSQL's initdb and pg_ctl are not installed")
    folders = [Path(tempfile.mkdtemp(prefix="memory-pg-")) for _ in range(2)]
    ports = [str(free_port()) for _ in folders]
    tcp = {"listen_addresses": "127.0.0.1", "wal_level": "replica", "max_wal_senders": "4"}
    first = Postgres(folders[0], binaries, _order(binaries), **tcp, port=ports[0])
    second = first.standby(folders[1], **tcp, port=ports[1])
    try:
        first.execute("CREATE DATABASE failing")
        first.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        first.execute("SELECT pg_reload_conf()")
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        yield first, second, f"postgresql://memory@{hosts}/failing?target_session_attrs=read-write"
    finally:
        second.stop()
        for folder in folders:
            shutil.rmtree(folder)


def test_a_standby_that_is_promoted_takes_over(pair: tuple[Postgres, Postgres, str], tmp_path: Path) -> None:
    """The servers find it by themselves; what the old one had acknowledged is there."""
    first, second, where = pair
    durable = f"{where}&options=-c%20synchronous_commit%3Dremote_write"  # which the tests' servers turn off
    with two_servers(tmp_path, durable) as addresses, ThreadPoolExecutor(6) as pool:
        load = Load(addresses, pool)
        try:
            load.until_more(20)
            first.stop("immediate")
            load.until(lambda: len(load.refused) >= 6)
            second.promote()
            load.until_more(20)
        finally:
            load.end()
        load.check(addresses)


def test_a_primary_that_became_a_standby_is_left(postgres: Postgres, url: URL) -> None:
    """It still answers its old connections, and refuses writes: they are given up for new ones."""
    database = Database(url)
    migrate.open_current(database)
    insert = text("INSERT INTO served (tenant_id, at) VALUES ('acme', now())")
    with database.write() as connection:
        before = connection.scalar(text("SELECT pg_backend_pid()"))

    def refused() -> None:
        with database.write() as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(insert)

    with pytest.raises(StoreReadOnly):
        refused()
    with database.write() as connection:
        assert connection.scalar(text("SELECT pg_backend_pid()")) != before
        connection.execute(insert)
    database.close()
    assert postgres.execute(f"SELECT 1 FROM pg_stat_activity WHERE pid = {before}") == []


def test_two_compactions_and_an_erasure_on_two_servers(url: URL, tmp_path: Path) -> None:
    """All at once: who was forgotten is gone for good, and of everybody else each fact is there, once."""
    where = url.render_as_string(hide_password=False)
    users = ["ana", "ben", "cem"]
    with two_servers(tmp_path, where, MEMORY_JOB_WORKERS="1") as addresses:
        clients = [client_of(address) for address in addresses]
        for user in users:
            for thing in THINGS:
                body = {"user_id": user, "text": f"My {thing} is called {user.title()}{thing}."}
                assert clients[0].post("/v1/memories", json=body).status_code == 201
        everybody = {"min_adapters": 2}
        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(client.post, "/v1/compact", json=everybody) for client in clients]
            gone = pool.submit(clients[1].post, "/v1/forget", json={"user_id": "ana"})
            more = {"user_id": "ben", "text": "My car is called Bencar."}
            told = pool.submit(clients[0].post, "/v1/memories", json=more)
            assert (gone.result().status_code, told.result().status_code) == (200, 201)
            made = [job.result().json()["id"] for job in jobs]
        ended = [_ended(clients[0], job) for job in made]
        assert [job["state"] for job in ended] == ["done", "done"], ended
        for client in clients:
            assert client.get("/v1/memories?user_id=ana").json()["memories"] == []
            found = client.post("/v1/search", json={"user_id": "ana", "query": "dog"}).json()
            assert found == {"hits": []}
        for user in users[1:]:
            for thing in (*THINGS, *(("car",) if user == "ben" else ())):
                name = f"{user.title()}{thing}"
                for client in clients:
                    body = _question(user, f"What is my {thing} called?")
                    said = client.post("/v1/chat/completions", json=body).json()
                    assert name in said["choices"][0]["message"]["content"]
            listed = clients[0].get(f"/v1/memories?user_id={user}&limit=100").json()["memories"]
            told_once = " ".join(memory["text"] for memory in listed)
            assert all(told_once.count(f"{user.title()}{thing}.") == 1 for thing in THINGS)
        for client in clients:
            client.close()
    _check_no_leftovers(where, tmp_path)


def _question(user: str, question: str) -> dict[str, Any]:
    said = [{"role": "user", "content": question}]
    return {"model": "reference", "user": user, "store": False, "messages": said}


def _ended(client: httpx.Client, job: str) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        found = client.get(f"/v1/jobs/{job}").json()
        if found["state"] in ("done", "failed", "cancelled"):
            return found
        time.sleep(0.1)
    raise AssertionError(f"the job {job} did not end")


def _check_no_leftovers(where: str, tmp_path: Path) -> None:
    """No adapter is missing, and none is left of what is gone."""
    with Memory(
        home=tmp_path / "last", database_url=where, blobs=str(tmp_path / "adapters"), **echoes()
    ) as memory:
        kept = {
            record.adapter.digest for user in ("ben", "cem") for record in memory.list(user_id=user).records
        }
    files = {path.stem for path in (tmp_path / "adapters").rglob("*.safetensors")}
    assert kept <= files
    assert not any(b"Ana" in path.read_bytes() for path in (tmp_path / "adapters").rglob("*.safetensors"))
