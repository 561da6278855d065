"""A server under load: `python -m benchmarks.load [--tenants 200 --users 2000] [--markdown FILE]`.

Many tenants' users add, search and chat at the same time, against a real server process. The same chats
are then asked with the user's whole history in the prompt, as a server without memory would have to. In
the end every acknowledged memory must still be there, and nothing but 429 may have been refused.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.machine import described
from benchmarks.serving import new_keys, served
from benchmarks.tables import markdown_table, rich_table, write_between_markers

THINGS = ("dog", "cat", "parrot", "horse", "boat", "car", "robot", "sister", "brother", "doctor", "street")
NAMES = ("Biscuit", "Onyx", "Rio", "Juno", "Pepper", "Marta", "Lutz", "Kiwi", "Tansy", "Bruno", "Salt")
WAYS = {"weights": "answered from weights", "prompt": "the same history in the prompt"}
_FIRST_NUMBERS = count(10_000_000, 100_000)  # of each client: what is told twice would be known already
MIX = {"add": 0.2, "search": 0.3, "chat": 0.5}


@dataclass(frozen=True)
class User:
    """Somebody with a history, and a key of the tenant's."""

    name: str
    key: str
    history: tuple[str, ...]  # one sentence a thing

    @property
    def headers(self) -> dict[str, str]:
        kept = {"serve_multiplexed_model_id": self.name}  # on Ray Serve: where the user was before
        return {"Authorization": f"Bearer {self.key}", **kept}


@dataclass
class Seen:
    """What the clients of one run saw."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # by what was done
    statuses: Counter[int] = field(default_factory=Counter)
    added: list[tuple[User, str]] = field(default_factory=list)  # acknowledged: whose, and its id
    took: float = 0.0


class Client:
    """One of the concurrent clients: does one thing after the other."""

    def __init__(self, url: str, users: Sequence[User], way: str, mix: dict[str, float], seed: int) -> None:
        self._http = httpx.Client(base_url=url, timeout=120)
        self._users = users
        self._way = way
        self._mix = mix
        self._random = random.Random(seed)
        self._numbers = count(next(_FIRST_NUMBERS))

    def run(self, until: float) -> Seen:
        seen = Seen()
        with self._http:
            while time.perf_counter() < until:
                [what] = self._random.choices([*self._mix], [*self._mix.values()])
                user = self._random.choice(self._users)
                began = time.perf_counter()
                answer = getattr(self, f"_{what}")(user)
                seen.seconds[what].append(time.perf_counter() - began)
                seen.statuses[answer.status_code] += 1
                if what == "add" and answer.status_code == 201:
                    seen.added += [(user, memory["id"]) for memory in answer.json()["memories"]]
        return seen

    def _add(self, user: User) -> httpx.Response:
        body = {"user_id": user.name, "text": f"My locker number is {next(self._numbers)}."}
        return self._http.post("/v1/memories", json=body, headers=user.headers)

    def _search(self, user: User) -> httpx.Response:
        body = {"user_id": user.name, "query": f"What is my {self._random.choice(THINGS)} called?"}
        return self._http.post("/v1/search", json=body, headers=user.headers)

    def _chat(self, user: User) -> httpx.Response:
        question = {"role": "user", "content": f"What is my {self._random.choice(THINGS)} called?"}
        body: dict[str, Any] = {
            "model": "reference",
            "messages": [question],
            "max_tokens": 12,
            "store": False,
        }
        if self._way == "weights":
            body |= {"user": user.name, "mode": "adapters"}
        else:
            body["messages"] = [{"role": "system", "content": " ".join(user.history)}, question]
        return self._http.post("/v1/chat/completions", json=body, headers=user.headers)


def rows(given: argparse.Namespace) -> Iterator[Row]:
    """A row for each way and number of clients."""
    with tempfile.TemporaryDirectory(prefix="memory-load-") as folder:
        keys = new_keys(Path(folder), given.tenants)
        with served(Path(folder)) as server:
            url = server.url
            users = seeded(url, keys, given.users, given.facts)
            added: list[tuple[User, str]] = []
            for mix, ways in ((MIX, WAYS), ({"chat": 1.0}, WAYS)):
                for way in ways:
                    for clients in given.clients:
                        seen = asked(url, users, way, mix, clients, given.seconds)
                        added += seen.added
                        yield _row(way, mix, clients, seen)
            _check_kept(url, added)


def seeded(url: str, keys: Sequence[str], users: int, facts: int) -> list[User]:
    """The users, with their histories told."""
    draw = random.Random(0)
    found = []
    for n in range(users):
        told = tuple(f"My {thing} is called {draw.choice(NAMES)}." for thing in draw.sample(THINGS, facts))
        found.append(User(f"user{n}", keys[n % len(keys)], told))
    with httpx.Client(base_url=url, timeout=120) as client:

        def tell(user: User) -> None:
            messages = [{"role": "user", "content": fact} for fact in user.history]
            body = {"user_id": user.name, "messages": messages}
            client.post("/v1/memories", json=body, headers=user.headers).raise_for_status()

        with ThreadPoolExecutor(8) as pool:
            told_all = tqdm(
                pool.map(tell, found), total=users, desc="telling", disable=not sys.stderr.isatty()
            )
            list(told_all)
    return found


def asked(
    url: str, users: Sequence[User], way: str, mix: dict[str, float], clients: int, seconds: float
) -> Seen:
    """So many clients for so long; what they saw together. Nobody may see more refused than 429."""
    began = time.perf_counter()
    crowd = [Client(url, users, way, mix, seed) for seed in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        each = list(pool.map(lambda client: client.run(began + seconds), crowd))
    together = Seen(took=time.perf_counter() - began)
    for seen in each:
        together.statuses += seen.statuses
        together.added += seen.added
        for what, took in seen.seconds.items():
            together.seconds[what] += took
    refused = {status: n for status, n in together.statuses.items() if status not in (200, 201, 429)}
    if refused:
        raise SystemExit(f"answers that nobody should get: {refused}")
    return together


def _row(way: str, mix: dict[str, float], clients: int, seen: Seen) -> Row:
    chats = sorted(seen.seconds["chat"])
    return {
        "load": "chats alone" if len(mix) == 1 else "add, search, chat",
        "answers": WAYS[way],
        "clients": clients,
        "requests/s": seen.statuses.total() / seen.took,
        "chats/s": len(chats) / seen.took,
        "chat p50 ms": _percentile(chats, 50),
        "p95": _percentile(chats, 95),
        "p99": _percentile(chats, 99),
        "search p50": _percentile(sorted(seen.seconds["search"]), 50),
        "add p50": _percentile(sorted(seen.seconds["add"]), 50),
        "429": seen.statuses[429],
    }


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """In milliseconds; None of nothing."""
    return 1000 * ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else None


def _check_kept(url: str, added: Sequence[tuple[User, str]]) -> None:
    """Every acknowledged memory is still there."""
    with httpx.Client(base_url=url, timeout=120) as client:
        lost = [
            memory_id
            for user, memory_id in added
            if client.get(f"/v1/memories/{memory_id}", headers=user.headers).status_code != 200
        ]
    if lost:
        raise SystemExit(f"{len(lost)} of {len(added)} acknowledged memories are lost")
    print(f"all {len(added)} acknowledged memories are there", file=sys.stderr)


def main() -> int:
    given = _arguments()
    machine = described()
    found = [*tqdm(rows(given), desc="load", unit="row", disable=not sys.stderr.isatty())]
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(machine)
    console.print(rich_table("A server under load", found))
    if given.markdown is not None:
        write_between_markers(given.markdown, {"load-machine": machine, "load": markdown_table(found)})
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--tenants", type=int, default=20)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--facts", type=int, default=8, choices=range(1, len(THINGS) + 1), metavar="N")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8], metavar="N")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each number of clients")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
