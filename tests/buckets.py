"""A real S3 server for the tests, by `moto`: one a session, and the means to stop it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from http.client import HTTPConnection
from itertools import count
from typing import Any

import pytest

KEY_ID, SECRET = "AKIAEXAMPLEKEY", "very-secret-example"


class S3:
    """The server: buckets on it, and the means to end it."""

    def __init__(self) -> None:
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._numbers = count(1)
        self.host, self.port = "127.0.0.1", 0
        self.start()

    def start(self) -> None:
        """Answer requests; again, at the same address and with what was there."""
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address=self.host, port=self.port, verbose=False)
        self._server.start()
        self.host, self.port = self._server.get_host_and_port()

    def stop(self) -> None:
        """No request is answered any more."""
        self._server.stop()

    @property
    def variables(self) -> dict[str, str]:
        """What a client reads where the server is from, and how to be let in."""
        return {
            "AWS_ENDPOINT_URL": f"http://{self.host}:{self.port}",
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
        }

    def create(self, versions: bool = False) -> str:
        """A new bucket; with `versions` it keeps what is deleted."""
        name = f"bucket-{next(self._numbers)}"
        self.ask("PUT", f"/{name}")
        if versions:
            enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
            self.ask("PUT", f"/{name}?versioning", enabled)
        return name

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        """One request, as a client without the library makes it."""
        connection = HTTPConnection(self.host, self.port, timeout=30)
        connection.request(method, path, body)
        with connection.getresponse() as answer:
            said = answer.read()
        connection.close()
        assert answer.status < 300, (answer.status, said)
        return said

    def keys(self, bucket: str) -> list[str]:
        """The names of all objects in a bucket."""
        listed = self.ask("GET", f"/{bucket}?list-type=2").decode()
        return [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]


@pytest.fixture(scope="session")
def _s3() -> Iterator[S3]:
    server = S3()
    yield server
    server.stop()


@pytest.fixture
def s3(_s3: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """The server, and the variables that lead to it."""
    for name, value in _s3.variables.items():
        monkeypatch.setenv(name, value)
    return _s3
