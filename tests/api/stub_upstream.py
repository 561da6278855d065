"""A small server that speaks OpenAI's API, for tests: it says what it was sent, and fails when told to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-upstream-secret-4711"


class Stub(ThreadingHTTPServer):
    """Keeps the requests it got. `fails` says how it answers: "" is well, the others are in `_Handler`."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fails = ""
        self.moved_to = ""  # where it sends those who ask, when it "moved"
        self.leaks = ""  # "whole" or in "pieces" of a character: what it says has the key that it was sent
        self.statements: str | None = None  # what it draws out of a text, where it is asked in a form
        self.responds = False  # whether it has /v1/responses
        self.paths: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []

    def handle_error(self, *_: Any) -> None:
        """A client may go away."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    @property
    def last(self) -> dict[str, Any]:
        return self.requests[-1]

    @property
    def system(self) -> str:
        """The instructions of the last request."""
        said = self.last.get("messages", ())
        system = [str(m["content"]) for m in said if m["role"] == "system"]
        return "\n".join([str(self.last.get("instructions") or ""), *system]).strip()


def chunks(words: str) -> list[bytes]:
    """The events of a stream, in odd spacing and with fields of its own: it has to come through as it is."""
    events = [
        f'data: {{"id":"x", "choices":[{{"index":0,"delta":{{"content":{said}}}}}],"odd":1}}'
        for said in (json.dumps(word + " ") for word in words.split())
    ]
    end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}'
    return [f"{event}\n\n".encode() for event in (": ping", *events, end, "data: [DONE]")]


def tool_chunks() -> list[bytes]:
    """A stream of words and two calls of tools, their arguments in pieces."""
    first = {"index": 0, "id": "c1", "type": "function", "function": {"name": "f", "arguments": ""}}
    deltas: list[dict[str, Any]] = [
        {"role": "assistant", "content": ""},
        {"content": "Let me look."},
        {"tool_calls": [first]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": " 1}"}}]},
        {"tool_calls": [{**first, "index": 1, "id": "c2", "function": {"name": "g", "arguments": "{}"}}]},
    ]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    end = {"index": 0, "delta": {}, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
    events = [*({"choices": [one]} for one in [*choices, end]), {"choices": [], "usage": usage}]
    return [*(f"data: {json.dumps(event)}\n\n".encode() for event in events), b"data: [DONE]\n\n"]


def response(words: str) -> dict[str, Any]:
    """A whole response."""
    part = {"type": "output_text", "text": words, "annotations": []}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "content": [part]}
    usage = {"input_tokens": 9, "output_tokens": 2, "total_tokens": 11}
    return {"id": "resp_1", "object": "response", "status": "completed", "output": [message], "usage": usage}


def response_events(words: str) -> list[bytes]:
    """The events of one, in odd spacing and with fields of their own."""
    deltas = [{"type": "response.output_text.delta", "delta": f"{word} "} for word in words.split()]
    end = {"type": "response.completed", "response": response(words), "odd": 1}
    events = [{"type": "response.created"}, *deltas, end]
    return [
        f"event:  {event['type']}\ndata: {json.dumps({**event, 'sequence_number': n})}\n\n".encode()
        for n, event in enumerate(events)
    ]


def leaking(header: str, in_response: bool, pieces: bool) -> list[bytes]:
    """The events of a stream that says a header."""
    words = f"Asked with {header}, yes."
    deltas = [*words] if pieces else [words]
    if in_response:
        said: list[Any] = [
            *({"type": "response.output_text.delta", "item_id": "m", "delta": one} for one in deltas),
            {"type": "response.completed", "response": response(words)},
        ]
    else:
        said = [{"choices": [{"index": 0, "delta": {"content": one}}]} for one in deltas]
        said.append({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    return [f"data: {json.dumps(one)}\n\n".encode() for one in said]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Stub

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""

    def do_GET(self) -> None:
        self.server.paths.append(self.path)
        said = {"owned_by": self.headers["Authorization"]} if self.server.leaks else {}
        self._json(200, {"object": "list", "data": [{"id": "big", "object": "model", **said}]})

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.paths.append(self.path)
        if self.path.endswith("/responses") and not self.server.responds:
            self._send(404, b"404 page not found", {"Content-Type": "text/plain"})
            return
        self.server.requests.append(given)
        self.server.headers.append(dict(self.headers))
        fails = self.server.fails
        noted = "Noted." + (f" Asked with {self.headers['Authorization']}!" if self.server.leaks else "")
        if fails == "silent":
            time.sleep(1.5)
        if "response_format" in given and self.server.statements is not None:
            message = {"role": "assistant", "content": self.server.statements}
            self._json(200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
        elif fails == "moved":
            self._send(307, b"", {"Location": f"{self.server.moved_to}/chat/completions"})
        elif fails in ("429", "500", "401"):
            error = {"message": f"no, key {KEY}", "type": "t", "param": None, "code": "c"}
            self._json(int(fails), {"error": error}, {"Retry-After": "7"})
        elif given.get("stream"):
            self._stream(self._events(given))
        elif "input" in given:
            self._json(200, {**response(noted), "odd": True})
        elif fails == "tools":
            call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            self._json(200, {"choices": [{"index": 0, "message": {"content": None, "tool_calls": [call]}}]})
        else:
            message = {"role": "assistant", "content": noted}
            usage = {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11}
            choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": {"content": []}}
            self._json(200, {"id": "x", "choices": [choice], "usage": usage, "odd": True})

    def _events(self, given: dict[str, Any]) -> list[bytes]:
        if self.server.leaks:
            return leaking(self.headers["Authorization"], "input" in given, self.server.leaks == "pieces")
        if "input" in given:
            return response_events(f"You said {given['input']}")
        words = chunks(f"You said {given['messages'][-1]['content']}")
        if self.server.fails == "tools":
            return tool_chunks()
        error = b'data: {"error": {"message": "out of memory", "type": "t"}}\n\n'
        return [*words[:3], error, words[-1]] if self.server.fails == "error inside" else words

    def _stream(self, events: list[bytes]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Set-Cookie", "session=of-who-asked; Path=/")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events[: len(events) // 2] if self.server.fails == "cut" else events:
            pieces = [event[:3], event[3:]] if self.server.fails == "slow" else [event]
            for piece in pieces:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                self.wfile.flush()
                time.sleep({"slow": 0.05, "stalls": 1.5}.get(self.server.fails, 0))
        if self.server.fails == "cut":
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(b"0\r\n\r\n")

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Set-Cookie", "session=of-who-asked; Path=/")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def stub_upstream() -> Iterator[Stub]:
    """The server, on a port of its own, in a thread."""
    stub = Stub()
    thread = threading.Thread(target=stub.serve_forever, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.shutdown()
        stub.server_close()
        thread.join(10)
