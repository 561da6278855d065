"""A server that behaves as vLLM's documentation has it, for the routes that the integration asks.

    a model that is not loaded      the resolvers are asked, once a name at a time; 404 where none knows it
    an adapter of a wrong rank      400, as for one that is found and cannot be loaded
    a prompt over the window        400, naming the context length
    unload_lora_adapter             200; 404 for a name that is not loaded

Its model is the echo of memory.fakes. vLLM itself is not here: `vllm_modules` stand for what the
plug-in imports of it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import types
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hypernet.lora.adapter import LoRA
from hypernet.lora.vllm_export import VLLM_RANKS
from memory.fakes import EchoGenerator, EchoInternalizer
from memory.fakes.models import MODULE
from memory.ports import GenerationRequest
from memory.records import Message

BASE = "echo/base"


class DownInternalizer(EchoInternalizer):
    """The echo's, with adapters where PEFT has a place for them."""

    def check(self, lora: LoRA) -> None:
        super().check(renamed(lora, MODULE))

    def generate(self, passages: Sequence[str]) -> list[LoRA]:
        return [renamed(lora, "down_proj") for lora in super().generate(passages)]


def renamed(lora: LoRA, module: str) -> LoRA:
    """The same adapter of one module, at another."""
    [a], [b] = lora.A.values(), lora.B.values()
    return LoRA({module: a}, {module: b}, lora.scaling)


@dataclass
class LoRARequest:
    """As in vllm.lora.request."""

    lora_name: str
    lora_int_id: int
    lora_path: str


class LoRAResolver:
    """As in vllm.lora.resolver."""


class Registry:
    """As in vllm.lora.resolver."""

    def __init__(self) -> None:
        self.resolvers: dict[str, Any] = {}

    def register_resolver(self, resolver_name: str, resolver: Any) -> None:
        self.resolvers[resolver_name] = resolver


def vllm_modules() -> tuple[dict[str, types.ModuleType], Registry]:
    """What `import vllm...` finds, and the registry in it."""
    registry = Registry()
    resolver, request = types.ModuleType("vllm.lora.resolver"), types.ModuleType("vllm.lora.request")
    vars(resolver).update(LoRAResolver=LoRAResolver, LoRAResolverRegistry=registry)
    vars(request).update(LoRARequest=LoRARequest)
    packages = {name: types.ModuleType(name) for name in ("vllm", "vllm.lora")}
    return {**packages, "vllm.lora.resolver": resolver, "vllm.lora.request": request}, registry


class StandIn(ThreadingHTTPServer):
    """Keeps what is loaded, and what was asked."""

    daemon_threads = True

    def __init__(self, registry: Registry) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.registry = registry
        self.model = EchoGenerator(window=200)
        self.loaded: dict[str, tuple[LoRARequest, LoRA]] = {}
        self.numbers: dict[int, str] = {}  # every number that an adapter was ever kept under
        self.asked: list[str] = []  # models
        self.fails = ""
        self._locks: dict[str, threading.Lock] = defaultdict(threading.Lock)

    def handle_error(self, *_: Any) -> None:
        """A client may go away."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def adapter(self, name: str) -> LoRA | None:
        """None for the base. Raises LookupError for a model that there is not, ValueError for a wrong one."""
        if name == BASE:
            return None
        with self._locks[name]:
            if name not in self.loaded:
                self.loaded[name] = self._resolved(name)
            return self.loaded[name][1]

    def _resolved(self, name: str) -> tuple[LoRARequest, LoRA]:
        for resolver in self.registry.resolvers.values():
            request = asyncio.run(resolver.resolve_lora(BASE, name))
            if request is not None:
                lora = LoRA.from_pretrained(Path(request.lora_path))
                if lora.rank not in VLLM_RANKS or self.numbers.setdefault(request.lora_int_id, name) != name:
                    raise ValueError(name)
                return request, renamed(lora, MODULE)
        raise LookupError(name)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: StandIn

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""

    def do_GET(self) -> None:
        self._json(200, {"data": [{"id": BASE, "max_model_len": self.server.model.window}]})

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.fails == "down":
            self.close_connection = True
            return
        if self.path == "/tokenize":
            self._json(200, {"count": self.server.model.count_tokens(_messages(given))})
        elif self.path == "/v1/unload_lora_adapter":
            self._unload(given["lora_name"])
        else:
            self._complete(given)

    def _unload(self, name: str) -> None:
        if self.server.fails == "unload":
            self._error(500, "InternalServerError", "no")
        elif self.server.loaded.pop(name, None) is None:
            self._error(404, "NotFoundError", f"The lora adapter '{name}' cannot be found.")
        else:
            self._json(200, f"Success: LoRA adapter '{name}' removed successfully.")

    def _complete(self, given: dict[str, Any]) -> None:
        model, name = self.server.model, given["model"]
        self.server.asked.append(name)
        try:
            lora = self.server.adapter(name)
        except LookupError:
            self._error(404, "NotFoundError", f"The model `{name}` does not exist.")
            return
        except ValueError:
            self._error(400, "BadRequestError", f"LoRA adapter '{name}' was found but could not be loaded.")
            return
        if model.count_tokens(_messages(given)) > model.window:
            self._error(
                400, "BadRequestError", f"This model's maximum context length is {model.window} tokens."
            )
            return
        self._stream(given, lora)

    def _stream(self, given: dict[str, Any], lora: LoRA | None) -> None:
        said = self.server.model.stream(GenerationRequest(_messages(given), lora, given["max_tokens"]))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for word in said:
            self._event({"choices": [{"index": 0, "delta": {"content": word}}]})
            if self.server.fails == "cut":
                self.close_connection = True
                self.connection.close()
                return
        counts = {"prompt_tokens": said.prompt_tokens, "completion_tokens": said.completion_tokens}
        self._event({"choices": [], "usage": counts})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, event: Any) -> None:
        self._chunk(f"data: {json.dumps(event)}\n\n".encode())

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def _error(self, status: int, kind: str, message: str) -> None:
        self._json(status, {"error": {"message": message, "type": kind, "param": None, "code": status}})

    def _json(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _messages(given: dict[str, Any]) -> tuple[Message, ...]:
    return tuple(Message(one["role"], one["content"]) for one in given["messages"])


@contextmanager
def stand_in(folder: Path, monkeypatch: Any) -> Iterator[StandIn]:
    """The server, with the plug-in in it that reads a folder."""
    from integrations.vllm import resolver

    modules, registry = vllm_modules()
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv(resolver.FOLDER, str(folder))
    resolver.register()
    server = StandIn(registry)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
