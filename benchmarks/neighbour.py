"""What one tenant's long texts do to another's answers: `python -m benchmarks.neighbour [--seconds 5]`.

A real server process. A tenant asks the same few questions while nobody else does, and while another one has
a megabyte of prose remembered: as one job, or in requests as long as one may be that waits for its answer.
Quiet and busy take turns, so that what else the machine does meets both.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import httpx
import numpy as np
from rich.console import Console

from benchmarks.bench import Row
from benchmarks.load import NAMES, THINGS
from benchmarks.machine import described
from benchmarks.serving import new_keys, served
from benchmarks.tables import markdown_table, rich_table, write_between_markers

MEGABYTE = 1_000_000
WAYS = {"job": "one job", "request": "requests that wait"}
_ASKED = ("search", "recall", "chat", "add")
Took = dict[str, list[float]]


def prose(size: int, seed: int) -> str:
    """Sentences that no other seed's text has, of so many characters."""
    draw, said, length = random.Random(seed), list[str](), 0
    while length < size:
        said.append(
            f"On the {draw.randrange(1, 29)}th the {draw.choice(THINGS)} of house {draw.randrange(10**9)} was"
            f" seen by {draw.choice(NAMES)}, who wrote {draw.randrange(10**6)} words about it in the evening."
        )
        length += len(said[-1]) + 1
    return " ".join(said)[:size]


class Modest:
    """The tenant that asks little."""

    def __init__(self, url: str, key: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=300, headers={"Authorization": f"Bearer {key}"})
        self._told = 0
        for thing, name in zip(THINGS, NAMES, strict=True):
            self._post("/v1/memories", {"user_id": "ana", "text": f"My {thing} is called {name}."})

    def ask(self, seconds: float, took: Took) -> None:
        """One thing after the other for so long; adds to how long each took."""
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            for what in _ASKED:
                began = time.perf_counter()
                getattr(self, f"_{what}")()
                took[what].append(time.perf_counter() - began)
                time.sleep(0.02)

    def _post(self, path: str, body: dict[str, object]) -> None:
        self._http.post(path, json=body).raise_for_status()

    def _search(self) -> None:
        self._post("/v1/search", {"user_id": "ana", "query": "What is my dog called?"})

    def _recall(self) -> None:
        self._post("/v1/recall", {"user_id": "ana", "query": "Who could look after my cat?"})

    def _chat(self) -> None:
        asked = [{"role": "user", "content": "What is my boat called?"}]
        body = {"model": "reference", "messages": asked, "user": "ana", "store": False}
        self._post("/v1/chat/completions", body)

    def _add(self) -> None:
        self._told += 1
        self._post("/v1/memories", {"user_id": "ben", "text": f"My locker number is {self._told}."})


@contextmanager
def busy(url: str, key: str, way: str, seed: int, longest: int) -> Iterator[None]:
    """Another tenant has long texts remembered, until the block ends."""
    ended, begun = Event(), Event()

    def add() -> None:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=url, timeout=300, headers=headers) as client:
            if way == "job":
                _until(client, {"user_id": "eve", "text": prose(MEGABYTE, seed)}, begun, ended)
            for n in range(MEGABYTE // longest):
                begun.set()
                if not ended.is_set():
                    body = {"user_id": "eve", "text": prose(longest - 100, 10_000 * seed + n)}
                    answer = client.post("/v1/memories", json=body)
                    if answer.status_code != 201:
                        raise SystemExit(f"{answer.status_code} in place of 201: {answer.text}")

    adding = Thread(target=add, daemon=True)
    adding.start()
    begun.wait(60)
    try:
        yield
        if not adding.is_alive():
            raise SystemExit("the megabyte was done, or refused, before the measurement was")
    finally:
        ended.set()
        adding.join()


def _until(client: httpx.Client, body: dict[str, object], begun: Event, ended: Event) -> None:
    """A job that runs until then."""
    job = client.post("/v1/memories", json=body, headers={"Prefer": "respond-async"})
    job.raise_for_status()
    where = job.headers["location"]
    while not client.get(where).json()["done"]:  # its process has begun, and its models are loaded
        time.sleep(0.2)
    begun.set()
    ended.wait()
    client.post(f"{where}/cancel").raise_for_status()
    while client.get(where).json()["ended_at"] is None:
        time.sleep(0.1)


def rows(seconds: float, rounds: int, ways: list[str]) -> Iterator[Row]:
    """A row for each way and each thing asked."""
    longest = 60_000
    with tempfile.TemporaryDirectory(prefix="memory-neighbour-") as folder:
        modest_key, greedy_key = new_keys(Path(folder), 2)
        with served(Path(folder)) as server:
            modest = Modest(server.url, modest_key)
            modest.ask(2.0, defaultdict(list))  # models are loaded
            for way in ways:
                alone, beside = defaultdict[str, list[float]](list), defaultdict[str, list[float]](list)
                for n in range(rounds):
                    modest.ask(seconds, alone)
                    with busy(server.url, greedy_key, way, 1 + n + rounds * len(way), longest):
                        modest.ask(seconds, beside)
                for what in _ASKED:
                    yield _row(way, what, alone[what], beside[what])


def _row(way: str, what: str, alone: list[float], beside: list[float]) -> Row:
    p50, p95 = (
        [1000 * float(np.percentile(times, percent)) for times in (alone, beside)] for percent in (50, 95)
    )
    return {
        "a megabyte in": WAYS[way],
        "another tenant's": what,
        "times": len(beside),
        "p50 quiet, ms": p50[0],
        "busy": p50[1],
        "p95 quiet, ms": p95[0],
        "p95 busy": p95[1],
        "ratio of p95": p95[1] / p95[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each part")
    parser.add_argument("--rounds", type=int, default=4, help="of a quiet part and a busy one")
    parser.add_argument("--ways", nargs="+", choices=[*WAYS], default=[*WAYS])
    parser.add_argument("--markdown", type=Path, help="a file with markers, into which the table goes")
    given = parser.parse_args()
    machine, found = described(), [*rows(given.seconds, given.rounds, given.ways)]
    Console().print(rich_table("another tenant's long texts", found))
    if given.markdown is not None:
        table = markdown_table(found)
        write_between_markers(given.markdown, {"neighbour-machine": machine, "neighbour": table})


if __name__ == "__main__":
    main()
