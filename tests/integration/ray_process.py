"""A process of its own for test_ray.py: two replicas under load, one of them killed; prints what was seen.

MEMORY_HOME=... python -m tests.integration.ray_process KEY memory|node|engine|hypernetwork [ROUNDS]

The replicas are of the server with all it has, alone or with the whole node that it is on, or of the models
apart from it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import ray
from ray import serve
from ray.cluster_utils import Cluster
from ray.serve import Application

from integrations.ray import Arguments, Ports, apart, deployed
from memory import Memory
from memory.server.limited_store import LimitedStore
from memory.settings import Settings
from tests.command import echoes

USERS = [f"user{n:02d}" for n in range(50)]
ROUNDS = 8  # chats of each user, before the kill and after it


class Watched(LimitedStore):
    """A store that notes in which process whose question was asked."""

    def find_words(self, scope: Any, *given: Any, **more: Any) -> Any:
        with (Path(os.environ["MEMORY_HOME"]) / "seen").open("a") as file:
            file.write(f"{os.getpid()} {scope.user_id}\n")
        return super().find_words(scope, *given, **more)


def opened(ports: Ports | None = None) -> Memory:
    settings = Settings.load(index_files=False, job_workers=0)
    store = Watched.open(f"sqlite:///{settings.home}/memory.db")
    return Memory(settings, store=store, **{**echoes(), **(ports or {})})


def application(killed: str) -> Application:
    """With two replicas of what is to be killed."""
    if killed in ("memory", "node"):
        return deployed(opened, Arguments(replicas=2, cpus=1 if killed == "node" else 0.5))
    each = {"cpus": 0.25, "engine_cpus": 0.25, "hypernetwork_cpus": 0.25}
    numbers = {"engines": 1, "hypernetworks": 1} | {f"{killed}s": 2}
    return apart(opened, echoes, Arguments(**each, **numbers))


def told(client: httpx.Client, user: str, number: int) -> str | None:
    """Add a memory; returns its id once it is acknowledged."""
    text = f"My thing {number} is called {user}thing{number}."
    try:
        answer = client.post("/v1/memories", json={"user_id": user, "text": text})
    except httpx.TransportError:  # Ray's proxy on a killed node goes with it
        return None
    return answer.json()["memories"][0]["id"] if answer.status_code == 201 else None


def asked(client: httpx.Client, user: str) -> tuple[int, str]:
    """One chat that stores nothing: its status and its text; 0 where the connection broke."""
    body = {"model": "reference", "user": user, "store": False}
    body["messages"] = [{"role": "user", "content": "What is my thing 0 called?"}]
    try:
        answer = client.post("/v1/chat/completions", json=body, headers={"serve_multiplexed_model_id": user})
    except httpx.TransportError:
        return 0, ""
    said = answer.json()["choices"][0]["message"]["content"] if answer.status_code == 200 else ""
    return answer.status_code, said


def replicas(of: str) -> list[int]:
    """Processes of a deployment."""
    named = [p.info for p in psutil.process_iter(["pid", "cmdline"]) if p.info["cmdline"]]
    return [one["pid"] for one in named if f"ServeReplica:memory:{of}" in one["cmdline"][0]]


def kept(home: Path) -> float:
    """The share of questions that were asked where most of their user's were."""
    seen = [line.split() for line in (home / "seen").read_text().splitlines()]
    by_user = {user: Counter(pid for pid, who in seen if who == user) for user in USERS}
    return sum(found.most_common(1)[0][1] for found in by_user.values() if found) / len(seen)


@contextmanager
def started(killed: str) -> Iterator[Callable[[], None]]:
    """A cluster of two cores; gives what kills a replica, or the node that has one of them."""
    if killed == "node":
        with two_nodes() as kill:
            yield kill
    else:
        with ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False):
            yield lambda: os.kill(replicas(killed)[0], signal.SIGKILL)


@contextmanager
def two_nodes() -> Iterator[Callable[[], None]]:
    """A cluster of two nodes on this machine; gives what kills the second, after which a third one comes."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    node = cluster.add_node(num_cpus=1)

    def kill() -> None:
        cluster.remove_node(node, allow_graceful=False)
        cluster.add_node(num_cpus=1)

    try:
        with ray.init(address=cluster.address, log_to_driver=False):
            yield kill
    finally:
        cluster.shutdown()


@contextmanager
def serving(key: str, application: Application) -> Iterator[httpx.Client]:
    """The application in the cluster that was started, and a client with the key."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    serve.run(application, name="memory", route_prefix="/")
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
        yield client
    serve.shutdown()


def main(key: str, killed: str, rounds: str = str(ROUNDS)) -> None:
    home, of = Path(os.environ["MEMORY_HOME"]), "memory" if killed == "node" else killed
    with started(killed) as kill, serving(key, application(killed)) as client:
        print(json.dumps(seen(client, home, of, kill, USERS * int(rounds))), flush=True)


def seen(
    client: httpx.Client, home: Path, of: str, kill: Callable[[], None], chats: list[str]
) -> dict[str, Any]:
    """What came of the chats twice, at rest and while one of the replicas is killed."""
    before = replicas(of)
    with ThreadPoolExecutor(8) as threads:
        first = list(threads.map(lambda user: told(client, user, 0), USERS))
        quiet = list(threads.map(lambda user: (user, asked(client, user)), chats))
        share = kept(home)
        loud = [threads.submit(told, client, user, n) for n in range(1, 4) for user in USERS]
        asking = [threads.submit(asked, client, user) for user in chats]
        time.sleep(0.5)
        kill()
        busy = [(user, one.result()) for user, one in zip(chats, asking, strict=True)]
        acknowledged = {found for found in [*first, *(one.result() for one in loud)] if found}
    until = time.monotonic() + 60
    while len(replicas(of)) < 2 and time.monotonic() < until:
        time.sleep(0.5)
    listed: set[str] = set()
    for user in USERS:
        page = client.get("/v1/memories", params={"user_id": user, "limit": 100}).json()
        listed |= {memory["id"] for memory in page["memories"]}
    answers = [(user, said) for user, (status, said) in [*quiet, *busy] if status == 200]
    return {
        "replicas": len(before),
        "ended": len(set(before) - set(replicas(of))),
        "told": len(acknowledged),
        "lost": len(acknowledged - listed),
        "asked": len(answers),
        "wrong": [one for one in answers if f"{one[0]}thing0" not in one[1]],
        "refused quietly": sum(status != 200 for _, (status, _) in quiet),
        "refused": sum(status != 200 for _, (status, _) in busy),
        "kept": share,
        "back": len(replicas(of)),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
