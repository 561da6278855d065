"""Jobs in a process of their own: it comes and goes, may be killed, and outlives nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from memory import Memory
from memory.api import create_app, job_process
from memory.api.app import open_store
from memory.server.worker_process import WorkerProcess
from memory.settings import Settings
from tests.api.server_process import ECHO_JOBS, server
from tests.command import echoes

ROOT = Path(__file__).parents[2]
LATER = {"Prefer": "respond-async"}


class Served:
    """A server here, whose jobs run in a process that echoes."""

    def __init__(self, client: TestClient, worker: WorkerProcess) -> None:
        self.client, self.worker = client, worker

    def later(self, text: str) -> str:
        """Have a text remembered by a job; returns its id."""
        answer = self.client.post("/v1/memories", json={"user_id": "ana", "text": text}, headers=LATER)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def job(self, job_id: str) -> Any:
        return self.client.get(f"/v1/jobs/{job_id}").json()

    def texts(self) -> list[str]:
        return [one["text"] for one in self.client.get("/v1/memories?user_id=ana").json()["memories"]]


@contextmanager
def served(home: Path, **given: Any) -> Iterator[Served]:
    settings = Settings.load(home=home, anonymous=True, job_lease_s=30, **given)
    begin = partial(job_process.begin, settings, command=ECHO_JOBS)
    with Memory(settings, store=open_store(settings), **echoes()) as memory:
        app = create_app(memory, begin=begin)
        with TestClient(app, base_url="http://127.0.0.1:8750", client=("127.0.0.1", 5)) as client:
            worker = app.state.shared.worker
            assert isinstance(worker, WorkerProcess)
            yield Served(client, worker)


@pytest.fixture(autouse=True)
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes find the tests, wherever these were started."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """How long each job takes in the process that is started next."""
    return lambda seconds: monkeypatch.setenv("ECHO_STEP_S", str(seconds))


def until(what: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(pid: int) -> bool:
    """Whether no process has that number; one that nobody waited for is as good as gone."""
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc").is_dir():
        return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode != 0
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_jobs_run_elsewhere_at_lower_priority(tmp_path: Path) -> None:
    """None while nothing is to be done; then one, and the same for the next job; it ends with the server."""
    with served(tmp_path / "home") as here:
        assert here.worker.pid is None
        first = here.later("My dog is called Biscuit.")
        until(lambda: here.job(first)["state"] == "done")
        pid = here.worker.pid
        assert pid is not None
        assert pid != os.getpid()
        if sys.platform == "linux":
            assert os.getpriority(os.PRIO_PROCESS, pid) >= min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
        second = here.later("My cat is called Onyx.")
        until(lambda: here.job(second)["state"] == "done")
        assert here.worker.pid == pid
        assert sorted(here.texts()) == ["My cat is called Onyx.", "My dog is called Biscuit."]
    until(lambda: gone(pid), 10)


def test_a_long_text_that_a_request_waits_for_is_remembered_there(tmp_path: Path) -> None:
    """It is answered as ever, as are turns of a session; short ones do not go there, wrong ones nowhere."""
    lines = [f"Room {n} is kept by Person{n}." for n in range(400)]
    with served(tmp_path / "home") as here:
        told = here.client.post("/v1/memories", json={"user_id": "ana", "text": lines[0]})
        assert (told.status_code, here.worker.pid) == (201, None)
        long = here.client.post("/v1/memories", json={"user_id": "ana", "text": " ".join(lines)})
        assert long.status_code == 201, long.text
        [job] = here.client.get("/v1/jobs").json()["jobs"]
        assert (job["kind"], job["state"]) == ("add", "done")
        found = long.json()["memories"]
        assert len(found) == here.job(job["id"])["result"]["memories"] > 30
        assert all(here.client.get(f"/v1/memories/{one['id']}").status_code == 200 for one in found[::10])
        said = [*lines, "What is the weather there?"]
        turns = {"user_id": "ben", "messages": [{"role": "user", "content": line} for line in said]}
        told = here.client.post("/v1/sessions/s/turns", json=turns)
        assert told.status_code == 201
        assert told.json()["skipped"] == [{"text": None, "reason": "question"}]
        kept = here.client.get("/v1/sessions/s/turns?user_id=ben&last=1000").json()["turns"]
        assert [one["content"] for one in kept] == said
        blank = {"user_id": "ben", "messages": [{"role": "user", "content": " " * 20_000}]}
        assert here.client.post("/v1/sessions/s/turns", json=blank).status_code == 422


def test_a_client_that_goes_takes_its_long_text_along(tmp_path: Path, slow: Callable[[float], None]) -> None:
    """The job is cancelled when nobody waits for it any more."""
    slow(3)
    home = tmp_path / "home"
    with server(home, ECHO_STEP_S="3") as (_, url):
        text = " ".join(f"Room {n} is kept by Person{n}." for n in range(600))
        with suppress(httpx.TimeoutException):
            httpx.post(f"{url}/v1/memories", json={"user_id": "ana", "text": text}, timeout=1)

        def states() -> list[str]:
            return [one["state"] for one in httpx.get(f"{url}/v1/jobs").json()["jobs"]]

        until(lambda: states() == ["cancelled"])
        assert httpx.get(f"{url}/v1/memories?user_id=ana").json()["memories"] == []


def test_an_idle_process_ends_and_another_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its models take memory while nobody needs them."""
    monkeypatch.setenv("ECHO_IDLE_S", "0.3")
    with served(tmp_path / "home") as here:
        first = here.later("My dog is called Biscuit.")
        until(lambda: here.job(first)["state"] == "done")
        until(lambda: here.worker.pid is None)
        second = here.later("My cat is called Onyx.")
        until(lambda: here.job(second)["state"] == "done")


def test_a_killed_process_loses_nothing(tmp_path: Path, slow: Callable[[float], None]) -> None:
    """kill -9 in the middle: the job is begun anew at once, not when its lease is over, and done once."""
    slow(20)
    with served(tmp_path / "home") as here:
        job = here.later("My dog is called Biscuit.")
        until(lambda: here.job(job)["state"] == "running")
        killed = here.worker.pid
        assert killed is not None
        slow(0)
        os.kill(killed, signal.SIGKILL)
        until(lambda: here.job(job)["state"] == "done", 25)
        assert here.worker.pid not in (None, killed)
        assert (here.job(job)["attempt"], here.texts()) == (2, ["My dog is called Biscuit."])


def test_one_that_dies_each_time_is_not_started_without_end(tmp_path: Path) -> None:
    """Each time later; requests are answered all the same."""
    begun: list[float] = []

    def begin(_: str) -> subprocess.Popen[bytes]:
        begun.append(time.monotonic())
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"], stdin=subprocess.PIPE)

    settings = Settings.load(home=tmp_path / "home", anonymous=True)
    with Memory(settings, store=open_store(settings), **echoes()) as memory:
        app = create_app(memory, begin=begin)
        with TestClient(app, base_url="http://127.0.0.1:8750", client=("127.0.0.1", 5)) as client:
            here = Served(client, app.state.shared.worker)
            job = here.later("My dog is called Biscuit.")
            until(lambda: len(begun) == 3)
            assert here.job(job)["state"] == "queued"
            told = client.post("/v1/memories", json={"user_id": "ana", "text": "My cat is called Onyx."})
            assert told.status_code == 201
    assert begun[2] - begun[1] > 0.9


def test_what_runs_when_the_server_ends_is_handed_back(tmp_path: Path, slow: Callable[[float], None]) -> None:
    """It is queued when the server has ended, not counted as tried, and the next server's process does it."""
    slow(30)
    with served(tmp_path / "home", shutdown_s=0) as here:
        job = here.later("My dog is called Biscuit.")
        until(lambda: here.job(job)["state"] == "running")
        pid = here.worker.pid
        assert pid is not None
    assert gone(pid)
    slow(0)
    with served(tmp_path / "home") as here:
        until(lambda: here.job(job)["state"] == "done")
        assert here.texts() == ["My dog is called Biscuit."]


@pytest.mark.parametrize("ends", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_its_server(tmp_path: Path, ends: signal.Signals) -> None:
    """However the server ends."""
    with server(tmp_path / "home", ECHO_STEP_S="20", MEMORY_SHUTDOWN_S="1") as (process, url):
        body = {"user_id": "ana", "text": "My dog is called Biscuit."}
        job = httpx.post(f"{url}/v1/memories", json=body, headers=LATER, timeout=30).json()
        until(lambda: httpx.get(f"{url}/v1/jobs/{job['id']}").json()["state"] == "running")
        [child] = children(process.pid)
        process.send_signal(ends)
        process.wait(30)
        until(lambda: gone(child), 15)


def children(pid: int) -> list[int]:
    """Of a process."""
    said = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in said.stdout.splitlines()]
    return [child for child, parent in pairs if parent == pid]
