"""What memory adds to a turn of another LLM: `python -m benchmarks.relay [--clients 1 64] [--markdown FILE]`.

Clients stream replies of a stand-in LLM, which says a word every so often, first from it and then through a
server that recalls and remembers. Each client is a user with memories of its own. Every stream must come
whole, say what its client asked, and have had its own user's memories in the prompt and no others'.

The clients and the stand-in need cores too, so the CPU time of each is told beside the wall time (Linux).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import uvicorn
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route

from benchmarks.bench import Row
from benchmarks.machine import described
from benchmarks.tables import markdown_table, rich_table, write_between_markers

SETTLED_S = 2.0  # after the replies, in which what was said is remembered
FACTS = ("My {} is called w{}x{}.", ("dog", "cat", "boat", "car", "sister", "street", "doctor", "horse"))


def stand_in(words: int, pause_s: float) -> Starlette:
    """An app that streams which user's words it was shown, and what it was asked.

    Its words come by the clock, however busy the machine: a real LLM has another one to itself.
    """

    async def complete(request: Request) -> StreamingResponse:
        messages = (await request.json())["messages"]
        shown = " ".join(m["content"] for m in messages if m["role"] == "system")

        async def events() -> AsyncIterator[str]:
            began = time.perf_counter()
            for number, said in enumerate([json.dumps([shown, messages[-1]["content"]]), *["word "] * words]):
                yield f"data: {json.dumps({'choices': [{'index': 0, 'delta': {'content': said}}]})}\n\n"
                await asyncio.sleep(began + (number + 1) * pause_s - time.perf_counter())
            end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
            yield f"data: {json.dumps(end)}\n\ndata: [DONE]\n\n"

        return StreamingResponse(events(), media_type="text/event-stream")

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


@dataclass(frozen=True, slots=True)
class Running:
    """A server in a process of its own."""

    url: str
    pid: int

    @property
    def cpu_s(self) -> float:
        """CPU time that it has taken so far."""
        ticks = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _process(*command: str, **env: str) -> Iterator[Running]:
    """A server that says its address in its first line."""
    process = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **env},
    )
    assert process.stdout is not None
    try:
        yield Running(process.stdout.readline().removeprefix("listening on ").strip(), process.pid)
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def _serve_stand_in(words: int, pause_s: float) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        config = uvicorn.Config(stand_in(words, pause_s), log_level="critical")
        uvicorn.Server(config).run(sockets=[listener])


async def _turn(client: httpx.AsyncClient, user: int, number: int) -> tuple[float, float]:
    """Seconds to the first event and to the end of one stream. Raises SystemExit for a wrong one."""
    asked = f"What is turn {number} of u{user} about, and how is my dog?"
    body = {
        "model": "m",
        "user": f"u{user}",
        "stream": True,
        "messages": [{"role": "user", "content": asked}],
    }
    began, first, events = time.perf_counter(), 0.0, []
    async with client.stream("POST", "/v1/chat/completions", json=body) as reply:
        async for line in reply.aiter_lines():
            if line.startswith("data: "):
                first = first or time.perf_counter() - began
                events.append(line[6:])
            if line == "data: [DONE]":
                break
    if not events or events[-1] != "[DONE]":
        raise SystemExit(f"a stream was lost: {reply.status_code}")
    shown, heard = json.loads(json.loads(events[0])["choices"][0]["delta"]["content"])
    whose = set(re.findall(r"\bw(\d+)x", shown))
    if heard != asked or whose - {str(user)}:
        raise SystemExit("streams were mixed")
    return first, time.perf_counter() - began


async def _crowd(url: str, clients: int, turns: int) -> list[tuple[float, float]]:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=url, timeout=300, limits=limits, trust_env=False) as client:

        async def one(user: int) -> list[tuple[float, float]]:
            await asyncio.sleep(user * 0.03)  # people do not speak at once
            return [await _turn(client, user, number) for number in range(turns)]

        each = await asyncio.gather(*map(one, range(clients)))
    return [took for some in each for took in some]


def _told(url: str, users: int) -> None:
    form, things = FACTS
    with httpx.Client(base_url=url, timeout=300, trust_env=False) as client:
        while client.get("/health/ready").status_code != 200:
            time.sleep(0.2)
        for user in range(users):
            said = [
                {"role": "user", "content": form.format(thing, user, n)} for n, thing in enumerate(things)
            ]
            body = {"user_id": f"u{user}", "messages": said}
            client.post("/v1/memories", json=body).raise_for_status()


def rows(given: argparse.Namespace) -> Iterator[Row]:
    """A row for each number of clients."""
    stand_in_command = ("-m", "benchmarks.relay", "--stand-in", str(given.words), str(given.pause))
    serve = (
        "-c",
        "import sys, memory.cli; sys.exit(memory.cli.main())",
        "serve",
        "--anonymous",
        "--port",
        "0",
    )
    with tempfile.TemporaryDirectory(prefix="memory-relay-") as home, _process(*stand_in_command) as model:
        settings = {"MEMORY_HOME": home, "MEMORY_UPSTREAM_URL": f"{model.url}/v1"}
        with _process(*serve, **settings) as server:
            _told(server.url, max(given.clients))
            for clients in given.clients:
                direct = asyncio.run(_crowd(model.url, clients, given.turns))
                before = [server.cpu_s, time.process_time(), model.cpu_s]
                through = asyncio.run(_crowd(server.url, clients, given.turns))
                time.sleep(SETTLED_S)
                after = [server.cpu_s, time.process_time(), model.cpu_s]
                spent = [1000 * (b - a) / len(through) for a, b in zip(before, after, strict=True)]
                yield _row(clients, {"direct": direct, "through": through}, spent)


def _row(clients: int, took: Mapping[str, list[tuple[float, float]]], spent: Sequence[float]) -> Row:
    def p50(way: str, which: int) -> float:
        return 1000 * median(one[which] for one in took[way])

    return {
        "clients": clients,
        "turns": len(took["through"]),
        "first word ms": p50("through", 0),
        "direct": p50("direct", 0),
        "whole reply ms": p50("through", 1),
        "direct ": p50("direct", 1),
        "overhead p50 ms": p50("through", 1) - p50("direct", 1),
        "server CPU ms a turn": spent[0],
        "clients'": spent[1],
        "stand-in's": spent[2],
        "lost or mixed": 0,  # else it would have ended
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64])
    parser.add_argument("--turns", type=int, default=4, help="of each client")
    parser.add_argument("--words", type=int, default=40, help="of a reply")
    parser.add_argument("--pause", type=float, default=0.1, help="seconds between its words")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this page")
    parser.add_argument("--stand-in", nargs=2, metavar=("WORDS", "PAUSE"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stand_in:
        _serve_stand_in(int(given.stand_in[0]), float(given.stand_in[1]))
        return
    machine = described()
    found = [*rows(given)]
    Console(width=200).print(machine, rich_table("Memory in front of another LLM", found))
    if given.markdown is not None:
        tables = {"relay-machine": machine, "relay": markdown_table(found)}
        write_between_markers(given.markdown, tables)


if __name__ == "__main__":
    main()
