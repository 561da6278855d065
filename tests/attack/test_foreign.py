"""An upstream that answers with anything at all: what is read is bounded, and what was told is kept."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from memory.api import foreign
from tests.api.conftest import Api, MakeApi

KEY = "sk-upstream-secret-4711"
MOST = 300_000
JSON, EVENTS = "application/json", "text/event-stream"
Answers = Callable[[], Iterator[bytes]]


class Hostile(ThreadingHTTPServer):
    """Answers each request with the same bytes, as long as they are taken."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.headers, self.says = 200, dict[str, str](), lambda: iter(())
        self.sent = 0

    def handle_error(self, *_: Any) -> None:
        """Whoever asked goes away."""


class _Handler(BaseHTTPRequestHandler):
    server: Hostile

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""

    def do_GET(self) -> None:
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.wfile_head(name, value)
        self.end_headers()
        for piece in self.server.says():
            self.wfile.write(piece)
            self.server.sent += len(piece)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def wfile_head(self, name: str, value: str) -> None:
        self._headers_buffer.append(f"{name}: {value}\r\n".encode())


@pytest.fixture
def upstream() -> Iterator[Hostile]:
    with Hostile() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def api(make_api: MakeApi, upstream: Hostile, monkeypatch: pytest.MonkeyPatch) -> Api:
    monkeypatch.setattr(foreign, "MOST_BYTES", MOST)
    url = f"http://127.0.0.1:{upstream.server_address[1]}/v1"
    return make_api(upstream_url=url, upstream_key=KEY, upstream_timeout_s=2.0)


def endless(piece: bytes) -> Answers:
    """So much that whoever reads all of it is found out."""

    def says() -> Iterator[bytes]:
        for _ in range(100 * MOST // len(piece)):
            yield piece

    return says


def once(data: bytes) -> Answers:
    return lambda: iter((data,))


def chat(content: str) -> bytes:
    """A reply whose content is JSON as it stands."""
    return b'{"choices":[{"index":0,"finish_reason":"stop","message":{"content":%s}}]}' % content.encode()


def deep(levels: int) -> bytes:
    return b'{"choices":' + b"[" * levels + b"]" * levels + b"}"


def bomb() -> bytes:
    return gzip.compress(chat(json.dumps("x" * 20_000_000)))


WHOLE: dict[str, tuple[Answers, dict[str, str], int]] = {
    "without an end": (endless(b" " * 60_000), {}, 502),
    "a bomb": (once(bomb()), {"Content-Encoding": "gzip"}, 502),
    "bombs in a bomb": (once(gzip.compress(bomb())), {"Content-Encoding": "gzip, gzip"}, 502),
    "no gzip": (once(b"x"), {"Content-Encoding": "gzip"}, 502),
    "nested deep": (once(deep(900)), {}, 502),
    "nested deeper": (once(deep(50_000)), {}, 502),
    "no number": (once(b'{"usage":{"prompt_tokens":NaN}}'), {}, 502),
    "a number too large": (once(b'{"usage":{"prompt_tokens":1e999}}'), {}, 502),
    "thousands of digits": (once(b"[" + b"9" * 10_000 + b"]"), {}, 502),
    "half a character": (once(chat('"Noted \\ud83d"')), {}, 200),
    "no UTF-8": (once(b'{"a":"\xff"}'), {}, 502),
    "a NUL": (once(chat('"a\\u0000b"')), {}, 200),
    "words that are none": (once(chat('[1, {"a": 2}]')), {}, 200),
    "headers of snowmen": (once(chat('"Noted."')), {"Content-Type": "\u2603", "Retry-After": "\u2603"}, 200),
}


def asked(**given: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": "My dog is called Rex."}]
    return {"model": "m", "user": "ana", "metadata": {"session_id": "s"}, "messages": said, **given}


def kept(api: Api) -> list[str]:
    return [one["text"] for one in api.get("/v1/memories?user_id=ana").json()["memories"]]


@pytest.mark.parametrize("what", WHOLE)
def test_a_reply_of_any_kind_is_passed_on_or_502(api: Api, upstream: Hostile, what: str) -> None:
    """In OpenAI's form; no more than is bounded is read, and what was told is kept."""
    upstream.says, upstream.headers, status = WHOLE[what]
    answer = api.post("/v1/chat/completions", asked())
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"]["code"] == "upstream_error"
    assert kept(api) == ["User: My dog is called Rex."]
    assert upstream.sent < 50 * MOST


@pytest.mark.parametrize("what", WHOLE)
def test_so_is_an_error_of_any_kind(api: Api, upstream: Hostile, what: str) -> None:
    """Its status stays, and no header of it makes one of ours that none is."""
    upstream.says, upstream.headers, _ = WHOLE[what]
    upstream.status = 429
    answer = api.post("/v1/chat/completions", asked())
    assert answer.status_code == 429
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("what", ["without an end", "a bomb", "bombs in a bomb"])
def test_so_is_a_list_of_models(api: Api, upstream: Hostile, what: str) -> None:
    """It is read as a reply is."""
    upstream.says, upstream.headers, status = WHOLE[what]
    assert api.get("/v1/models").status_code == status


STREAMS: dict[str, Answers] = {
    "one line": endless(b"data: " + b"x" * 60_000),
    "events": endless(b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % (b"x" * 500)),
    "empty lines": endless(b"\n" * 60_000),
    "deep events": endless(b"data: " + deep(900) + b"\n\n"),
    "calls without an end": endless(
        b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"%s"}}]}}]}\n\n'
        % (b"x" * 500)
    ),
}


@pytest.mark.parametrize("what", STREAMS)
def test_a_stream_without_an_end_ends(api: Api, upstream: Hostile, what: str) -> None:
    """With an error; half a reply is no turn, and what was told is kept."""
    upstream.says, upstream.headers = STREAMS[what], {"Content-Type": EVENTS}
    answer = api.post("/v1/chat/completions", asked(stream=True))
    assert answer.status_code == 200
    assert "more than" in answer.text[-300:]
    assert kept(api) == ["User: My dog is called Rex."]
    assert upstream.sent < 50 * MOST


@pytest.mark.parametrize("form", ["whole", "stream"])
def test_halves_of_characters_and_nuls_pass_and_the_turn_is_kept(
    api: Api, upstream: Hostile, form: str
) -> None:
    """An emoji that a limit of tokens cut: the client gets it as it was written."""
    said = '"Noted \\ud83d and \\u0000."'
    event = chat(said).decode().replace("message", "delta")
    stream = form == "stream"
    upstream.says = once(f"data: {event}\n\ndata: [DONE]\n\n".encode() if stream else chat(said))
    upstream.headers = {"Content-Type": EVENTS if stream else JSON}
    answer = api.post("/v1/chat/completions", asked(stream=stream))
    assert "\\ud83d" in answer.text
    turns = api.get("/v1/sessions/s/turns?user_id=ana").json()["turns"]
    assert [one["content"] for one in turns] == ["My dog is called Rex.", "Noted ? and ."]
