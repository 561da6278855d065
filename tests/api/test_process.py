"""The server as a process: started, killed under load, started again, and ended well."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event, Lock
from typing import Any

import httpx
import pytest

from tests.api.server_process import server

ROOT = Path(__file__).parents[2]


def test_killed_under_load_it_keeps_every_acknowledged_write(tmp_path: Path) -> None:
    """kill -9 while eight clients write; afterwards each answered memory is there, each accepted job done."""
    home = tmp_path / "home"
    acknowledged: list[tuple[str, str]] = []  # (memory or job id, user)
    lock, stop = Lock(), Event()

    def write(url: str, user: str) -> None:
        with httpx.Client(base_url=url, timeout=30) as client:
            n = 0
            while not stop.is_set():
                n += 1
                body = {"user_id": user, "text": f"My number {n} is {user}{n}."}
                later = {"Prefer": "respond-async"} if n % 4 == 0 else {}
                try:
                    answer = client.post("/v1/memories", json=body, headers=later)
                except httpx.TransportError:
                    return
                assert answer.status_code in (201, 202), answer.text
                with lock:
                    found = answer.json()
                    acknowledged.append((found.get("id") or found["memories"][0]["id"], user))

    with server(home, "--anonymous") as (process, url), ThreadPoolExecutor(8) as pool:
        writers = [pool.submit(write, url, f"user{n}") for n in range(8)]
        until = time.monotonic() + 60
        while len(acknowledged) < 40 and time.monotonic() < until:
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
        stop.set()
        for writer in writers:
            writer.result()
    assert len(acknowledged) >= 40
    with server(home, "--anonymous") as (_, url), httpx.Client(base_url=url, timeout=30) as client:
        jobs = _ended_jobs(client)
        assert {job["state"] for job in jobs.values()} == {"done"}
        kept = {memory["id"]: memory for n in range(8) for memory in _memories(client, f"user{n}")}
        for found, user in acknowledged:
            assert found in jobs or kept[found]["user_id"] == user
        told = [(memory["user_id"], memory["text"]) for memory in kept.values()]
        assert len(told) == len(set(told))
        # Of somebody who came through: under load one of them may have written nothing before the end.
        query = {"user_id": told[0][0], "query": "What is my number 1?", "k": 1}
        [hit] = client.post("/v1/search", json=query).json()["hits"]
        assert hit["memory"]["text"].startswith("My number ")


def _ended_jobs(client: httpx.Client) -> dict[str, Any]:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        jobs = client.get("/v1/jobs?limit=1000").json()["jobs"]
        if all(job["state"] in ("done", "failed", "cancelled") for job in jobs):
            return {job["id"]: job for job in jobs}
        time.sleep(0.05)
    raise AssertionError("the jobs did not end")


def _memories(client: httpx.Client, user: str) -> list[Any]:
    found: list[Any] = client.get(f"/v1/memories?user_id={user}&limit=1000").json()["memories"]
    return found


@pytest.mark.parametrize("ends", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_well(tmp_path: Path, ends: signal.Signals) -> None:
    """What runs is answered, the process ends with 0, and its log is JSON without what was said."""
    long = " ".join(f"The keeper of room {n} is called Person{n}." for n in range(400))
    with (
        server(tmp_path / "home", "--anonymous", MEMORY_ASYNC_TEXT_BYTES="1000000") as (process, url),
        ThreadPoolExecutor(1) as pool,
    ):
        under_way = pool.submit(
            lambda: httpx.post(f"{url}/v1/memories", json={"user_id": "ana", "text": long}, timeout=60)
        )
        metrics = httpx.get(f"{url}/metrics").text
        assert "memory_queue_depth" in metrics
        time.sleep(0.1)
        process.send_signal(ends)
        assert under_way.result().status_code == 201
        assert process.wait(30) == 0
    log = [json.loads(line) for line in (tmp_path / "stderr").read_text().splitlines() if line[0] == "{"]
    [added] = [line for line in log if line.get("route") == "/v1/memories"]
    assert (added["status"], added["method"], added["level"]) == (201, "POST", "info")
    assert "Person" not in (tmp_path / "stderr").read_text().partition("\n{")[2]


@pytest.mark.parametrize(
    ("options", "told"), [((), "memory keys create"), (("--anonymous",), "curl http://127.0.0.1:")]
)
def test_the_first_start_tells_what_to_do(
    run_serve: Any, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], told: str
) -> None:
    """Without a key: how to make one. Where none is needed: what to type first."""
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    code, said = run_serve("--port", "0", *options)
    assert (code, told in said) == (0, True)


def test_who_asks_for_a_websocket_is_answered_in_http(tmp_path: Path) -> None:
    """And does not wait: there are none here."""
    with server(tmp_path / "home", "--anonymous") as (_, url):
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        body = {"user_id": "ana", "query": "dog"}
        answer = httpx.post(f"{url}/v1/search", json=body, headers=upgrade, timeout=20)
        assert (answer.status_code, answer.json()) == (200, {"hits": []})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_anonymous_access_from_elsewhere_is_refused(tmp_path: Path, run_serve: Any, host: str) -> None:
    """Before anything is opened."""
    code, said = run_serve("--anonymous", "--host", host)
    assert code == 1
    assert "MEMORY_ANONYMOUS" in said
    assert not (tmp_path / "home").exists()


def test_a_port_that_is_taken_is_said(run_serve: Any) -> None:
    """In one line."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, said = run_serve("--port", str(taken.getsockname()[1]))
    assert code == 1
    assert said.startswith("memory: cannot listen on 127.0.0.1:")


def test_without_the_extra_it_says_what_to_install(run_serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else works without FastAPI."""
    for name in [name for name in sys.modules if name.startswith("memory.api")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, said = run_serve()
    assert (code, "pip install 'parametric-memory[server]'" in said) == (1, True)


def test_without_the_extra_the_rest_works() -> None:
    """Nothing outside of memory.api needs it."""
    code = (
        "import sys; sys.modules |= dict.fromkeys(('fastapi', 'uvicorn', 'starlette', 'prometheus_client'));"
        "import memory.bootstrap, memory.cli.app, memory.server.worker, memory.server.access"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


@pytest.fixture
def run_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `memory serve` in this process, where it is to fail; gives its code and what it said."""
    from memory.cli import main

    def run(*options: str) -> tuple[int, str]:
        return main(["--home", str(tmp_path / "home"), "serve", *options]), capsys.readouterr().err

    return run
