"""Nothing before the key: what strangers send costs nothing, and holds up nobody."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from memory import Memory
from memory.api import connections, incoming, serving
from memory.api.descriptors import Shares
from memory.api.strict_json import MAX_VALUES, BadBody, Bounds
from memory.settings import Settings
from tests.api.conftest import Api, Founded, MakeApi, live
from tests.api.server_process import server
from tests.command import echoes

SIZE = int(os.environ.get("ATTACK_SIZE", "1"))  # `make attack` tries a larger one
NESTED = b'{"a":[' + b"[]," * (SIZE * 300_000) + b"[]]}"
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def address(founded: Founded, tmp_path: Path) -> Iterator[tuple[str, int]]:
    """Of a live server with keys, which takes 16 connections."""
    home = founded.copied(tmp_path / "home")
    with Memory(home=home, max_connections=16, **echoes()) as memory, live(memory) as url:
        found = urlsplit(url)
        assert found.hostname is not None
        assert found.port is not None
        yield found.hostname, found.port


def answered(client: socket.socket) -> bytes:
    """What comes until the other side closes."""
    client.settimeout(20)
    found = b""
    try:
        while piece := client.recv(65536):
            found += piece
    except ConnectionResetError:
        pass
    return found


def health(address: tuple[str, int]) -> float:
    """Seconds until a new client has its answer."""
    began = time.monotonic()
    url = f"http://{address[0]}:{address[1]}/health/live"
    assert httpx.get(url, timeout=20).json()["status"] == "live"
    return time.monotonic() - began


@pytest.mark.parametrize("key", [None, "pm_0123456789abcdef_" + "a" * 43])
def test_no_byte_of_a_body_is_read_before_the_key(api: Api, key: str | None) -> None:
    """401, with the connection closed, because the body is still to come."""
    sent = []

    def body() -> Iterator[bytes]:
        for piece in (NESTED[:1000], NESTED[1000:]):
            sent.append(piece)
            yield piece

    async def asked() -> list[dict[str, object]]:
        said: list[dict[str, object]] = []

        async def receive() -> dict[str, object]:
            raise AssertionError("the body was asked for")

        async def send(message: dict[str, object]) -> None:
            said.append(message)

        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(NESTED))]
        headers += [] if key is None else [(b"authorization", b"Bearer " + key.encode())]
        scope = {
            **{"type": "http", "method": "POST", "path": "/v1/memories", "raw_path": b"/v1/memories"},
            **{"query_string": b"", "headers": headers, "client": ("192.0.2.7", 5), "state": {}},
        }
        await api.client.app(scope, receive, send)  # type: ignore[arg-type]
        return said

    assert api.client.portal is not None
    start, *_ = api.client.portal.call(asked)
    assert start["status"] == 401
    assert (b"connection", b"close") in start["headers"]  # type: ignore[operator]
    assert not sent


def test_strangers_bodies_hold_up_nobody(address: tuple[str, int]) -> None:
    """Megabytes of nested arrays from clients without a key, while others ask whether the server lives."""

    def attack() -> None:
        head = "POST /v1/memories HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        head += f"Content-Length: {len(NESTED)}\r\n\r\n"
        with socket.create_connection(address) as client:
            try:
                client.sendall(head.encode() + NESTED)
            except OSError:
                return  # closed, as it should be
            answered(client)

    attackers = [Thread(target=attack) for _ in range(4)]
    for one in attackers:
        one.start()
    waited = [health(address) for _ in range(5)]
    for one in attackers:
        one.join()
    assert min(waited) < 1.0


@pytest.mark.parametrize(
    "said",
    [b"", b"POST /v1/memories HTTP/1.1\r\nHost: x\r\n", b"GET /health/live HTTP/1.1\r\nX: " + b"a" * 1000],
    ids=["nothing", "half", "long"],
)
def test_half_a_request_is_not_waited_for(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    """The connection is closed."""
    monkeypatch.setattr(connections, "HEADERS_S", 0.3)
    with socket.create_connection(address) as client:
        client.sendall(said)
        began = time.monotonic()
        assert answered(client) == b""
        assert time.monotonic() - began < 10


def test_headers_have_a_size(address: tuple[str, int]) -> None:
    """Endless ones end the connection."""
    with socket.create_connection(address) as client:
        client.sendall(b"GET /health/live HTTP/1.1\r\n")
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            client.sendall(b"X-Header: aaaaaaaa\r\n" * 1_000_000)
    assert health(address) < 20


def test_headers_have_a_number(address: tuple[str, int]) -> None:
    """Thousands of short ones end the connection, before any is parsed; as many as are usual do not."""
    with socket.create_connection(address) as client, suppress(ConnectionResetError, BrokenPipeError):
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n" + b"a:\r\n" * 5000 + b"\r\n")
        assert client.recv(100) == b""
    usual = {f"X-{n}": "a" for n in range(200)}
    assert httpx.get(f"http://{address[0]}:{address[1]}/health/live", headers=usual).status_code == 200


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_lines_of_a_body_are_no_headers(address: tuple[str, int], founded: Founded, size: int) -> None:
    """In whatever pieces they come."""
    body = json.dumps({"user_id": "ana", "query": "x"}).encode() + b"\n" * 600
    head = f"POST /v1/search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {founded.keys['acme']}\r\n"
    head += f"Content-Type: application/json\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    sent = head.encode() + body
    with socket.create_connection(address) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(head) + 10, size):
            client.sendall(sent[start : start + size])
        client.sendall(sent[start + size :])
        assert answered(client).startswith(b"HTTP/1.1 200 ")


def test_what_a_server_loaded_is_not_walked_by_the_garbage_collector(
    founded: Founded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the models are there, all of it is left out; else each collection holds up everybody."""
    frozen = []
    monkeypatch.setattr(serving.gc, "freeze", lambda: frozen.append(True))
    home = founded.copied(tmp_path / "home")
    with Memory(home=home, **echoes()) as memory:
        config = serving.configuration(memory, loaded=serving._settle)
        with TestClient(config.app) as client:  # type: ignore[arg-type]
            client.app.state.shared.model.wait(30)  # type: ignore[attr-defined]
    assert frozen == [True]


def test_a_body_that_trickles_in_is_408(
    address: tuple[str, int], founded: Founded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for those who have a key."""
    monkeypatch.setattr(incoming, "GRACE_S", 0.3)
    head = f"POST /v1/memories HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {founded.keys['acme']}\r\n"
    with socket.create_connection(address) as client:
        client.sendall((head + 'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"').encode())
        assert answered(client).startswith(b"HTTP/1.1 408 ")


def test_idle_connections_make_room(address: tuple[str, int]) -> None:
    """As many as the server takes, saying nothing: a new client is answered."""
    idle = [socket.create_connection(address) for _ in range(24)]
    try:
        assert [health(address) < 20 for _ in range(3)] == [True] * 3
    finally:
        for one in idle:
            one.close()


def test_busy_connections_leave_room_for_probes(address: tuple[str, int], founded: Founded) -> None:
    """As many requests as the server takes connections: whether it lives is answered, others hear 503."""
    head = f"POST /v1/memories HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {founded.keys['acme']}\r\n"
    head += 'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"'
    busy = [socket.create_connection(address) for _ in range(16)]
    try:
        for one in busy:
            one.sendall(head.encode())
        for _ in range(4):
            assert health(address) < 20
            refused = httpx.get(f"http://{address[0]}:{address[1]}/v1/memories", timeout=20)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    finally:
        for one in busy:
            one.close()


def test_descriptors_are_shared_out() -> None:
    """All of them together are fewer than there are, and each share is enough to go on."""
    settings = Settings.load(max_connections=2000, server_threads=64)
    for allowed in (64, 128, 256, 1024, 4096, 1_000_000):
        shares = Shares.of(settings, allowed)
        assert shares.connections + 2 * shares.accepted + 8 * shares.requests <= max(allowed - 40, 28)
        assert min(shares.connections, shares.accepted, shares.requests) >= 2
    assert Shares.of(settings, 4096) == Shares(2000, 128, 64)


def test_a_server_with_few_descriptors_goes_on(tmp_path: Path) -> None:
    """Hundreds of idle connections and of writers: it lives, keeps what it acknowledges, and recovers."""
    with server(tmp_path / "home", "--anonymous", files=96) as (_, url), httpx.Client(base_url=url) as client:
        found = urlsplit(url)
        assert found.hostname is not None
        assert found.port is not None
        where = found.hostname, found.port
        idle = [socket.create_connection(where) for _ in range(SIZE * 100)]
        assert health(where) < 20

        def write(n: int) -> int | None:
            with suppress(httpx.TransportError):
                told = {"user_id": "ana", "text": f"My number {n} is N{n}x."}
                return httpx.post(f"{url}/v1/memories", json=told, timeout=60).status_code
            return None

        with ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(write, range(SIZE * 90)))
        for one in idle:
            one.close()
        assert {*answers} <= {201, 408, 503, None}  # 408: nobody had time to read it
        assert client.post("/v1/memories", json={"user_id": "ana", "text": "It is over."}).status_code == 201
        texts = {m["text"] for m in client.get("/v1/memories?user_id=ana&limit=1000").json()["memories"]}
        assert {f"My number {n} is N{n}x." for n, status in enumerate(answers) if status == 201} <= texts
    assert "out of system resource" not in (tmp_path / "stderr").read_text()


def test_many_values_are_refused_while_they_come(api: Api) -> None:
    """400 with the reason; a long text of as many bytes is none of that."""
    refused = api.call("POST", "/v1/memories", content=NESTED, headers=JSON)
    assert refused.status_code == 400
    assert "values" in refused.json()["detail"]
    text = json.dumps({"user_id": "ana", "query": '[{"a, ' * 10_000}).encode()
    assert api.call("POST", "/v1/search", content=text, headers=JSON).status_code == 200


def fed(body: bytes, size: int) -> Bounds:
    """What looked at the body in pieces of that size."""
    bounds = Bounds()
    for start in range(0, len(body), size):
        bounds.feed(body[start : start + size])
    return bounds


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{},:é'),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='a"\\[,'), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSONS, st.integers(1, 7))
def test_bounds_take_all_json_in_whatever_pieces(value: object, size: int) -> None:
    """What is within the bounds is never refused, wherever its pieces end."""
    body = json.dumps(value, ensure_ascii=size % 2 == 0).encode()
    bounds = fed(body, size)
    assert not bounds._in_text
    assert bounds._depth == 0


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1000,
        b'{"a":' * 1000,
        b"]" * 10,
        b"[" + b"1," * 2 * MAX_VALUES + b"1,",
        b'""' * 2 * MAX_VALUES + b'""',
    ],
    ids=["deep", "deep names", "closing", "many", "many texts"],
)
def test_bounds_refuse_what_is_too_much(body: bytes) -> None:
    """Too deep, too many, or closing what was never open."""
    with pytest.raises(BadBody):
        fed(body, 1000)


def test_a_slash_at_the_end_redirects_nowhere(api: Api) -> None:
    """Not to whatever Host says, in plain HTTP."""
    answer = api.post("/v1/chat/completions/", {}, headers={"Host": "evil.example"}, follow_redirects=False)
    assert answer.status_code == 404
    assert "location" not in answer.headers


def test_a_proxy_on_this_machine_lets_nobody_in(make_api: MakeApi) -> None:
    """Anonymous callers are for this machine: whoever was forwarded is not from here."""
    api = make_api(anonymous=True)
    for name in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"):
        assert api.get("/v1/memories?user_id=ana", who=None, headers={name: "127.0.0.1"}).status_code == 401


def test_answers_are_safe_to_show(api: Api) -> None:
    """Also where they are refused; the page of the description runs its own scripts, and asks nobody else."""
    for path in ("/health/live", "/v1/memories", "/nowhere"):
        headers = api.get(path, who=None).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["content-security-policy"].startswith("default-src 'none'")
    page = api.client.get("/docs")
    assert page.status_code == 200
    assert "http" not in page.text
    assert "script-src 'self' 'sha256-" in page.headers["content-security-policy"]
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"):
        assert f"docs/{name}" in page.text
        assert api.client.get(f"/docs/{name}").status_code == 200
    assert api.client.get("/docs/core.py").status_code == 404


def test_health_answers_head(api: Api) -> None:
    """As some load balancers ask."""
    assert api.client.head("/health/live").status_code == 200
    assert api.client.head("/health/ready").status_code in (200, 503)


@pytest.mark.parametrize(
    "path", ["/v1/memories?user_id=ana", "/v1/jobs?", "/v1/audit?", "/v1/sessions?user_id=ana"]
)
def test_only_what_ended_a_page_is_a_cursor(api: Api, path: str) -> None:
    """Any other text is refused, and not taken for an end."""
    for odd in ("x", "~", "0" * 32, '["a"]', "x.00000000"):
        answer = api.get(f"{path}&cursor={odd}", who="acme-admin")
        assert (answer.status_code, "cursor" in answer.json()["detail"]) == (422, True), odd


def test_a_session_may_be_called_like_a_path(api: Api) -> None:
    """What can be made can be read."""
    said = {"user_id": "ana", "messages": [{"role": "user", "content": "My dog is called Biscuit."}]}
    assert api.post("/v1/sessions/s%2F1/turns", said).status_code == 201
    [turn] = api.get("/v1/sessions/s%2F1/turns?user_id=ana").json()["turns"]
    assert turn["content"] == "My dog is called Biscuit."


def test_a_long_address_is_read_in_pieces(address: tuple[str, int]) -> None:
    """As a cursor in percent signs may make it."""
    url = f"http://{address[0]}:{address[1]}/v1/memories?cursor={'%C3%8C' * 5000}"
    assert httpx.get(url, timeout=20).status_code == 401
