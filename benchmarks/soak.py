"""A long day in a few minutes: `python -m benchmarks.soak [--requests 100000] [--plot docs/soak.png]`.

Clients add, search, recall, list, chat, change and forget against a real server, each for users of its own
who keep at most so many memories. What the server holds is looked at all along: memory, threads, descriptors,
the database with its log, and files of adapters. After the first fifth, in which users and caches fill, all
of it should stay where it is, but for the rows of the audit and of the history, which are kept on purpose.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from statistics import mean
from threading import Lock

import httpx
from rich.console import Console
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.machine import described
from benchmarks.serving import Served, new_keys, served
from benchmarks.tables import markdown_table, rich_table, write_between_markers

MIX = {"add": 24, "search": 24, "recall": 16, "listing": 12, "chat": 8, "change": 8, "turns": 4, "forget": 4}
_KEPT = 6  # memories of a user; the oldest makes room
_USERS = 8  # of a client
_EXPECTED = (200, 201, 202, 404, 412)  # 404: of a memory that was superseded or erased by then
_UNITS = {
    "resident": "MiB",
    "threads": "",
    "descriptors": "",
    "database": "MiB",
    "log": "MiB",
    "adapters": "",
}


@dataclass(frozen=True, slots=True)
class Held:
    """What a server holds after so many requests: sizes in MiB, and adapter files."""

    requests: int
    resident: float
    threads: float
    descriptors: float
    database: float
    log: float
    adapters: float


class Client:
    """Does one thing after the other for users of its own."""

    def __init__(self, number: int, url: str, key: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=120, headers={"Authorization": f"Bearer {key}"})
        self._random = random.Random(number)
        self._kept: dict[str, deque[str]] = {f"user{number}-{n}": deque() for n in range(_USERS)}
        self._numbers = count(number * 10_000_000)
        self.statuses: Counter[int] = Counter()
        self.wrong: str | None = None  # the first answer that nobody should get

    def step(self) -> None:
        """One request, drawn at random; making room is one more."""
        [what] = self._random.choices([*MIX], [*MIX.values()])
        user = self._random.choice([*self._kept])
        answer = getattr(self, f"_{what}")(user)
        self.statuses[answer.status_code] += 1
        if answer.status_code not in _EXPECTED and self.wrong is None:
            self.wrong = f"{what}: {answer.status_code} {answer.text[:300]}"

    def _add(self, user: str) -> httpx.Response:
        if len(self._kept[user]) >= _KEPT:
            return self._http.delete(f"/v1/memories/{self._kept[user].popleft()}")
        answer = self._http.post("/v1/memories", json={"user_id": user, "text": self._fact()})
        self._kept[user] += [memory["id"] for memory in answer.json().get("memories", ())]
        return answer

    def _change(self, user: str) -> httpx.Response:
        if not self._kept[user]:
            return self._add(user)
        body = {"text": self._fact(), "keep_past": False}
        return self._http.patch(f"/v1/memories/{self._random.choice(self._kept[user])}", json=body)

    def _turns(self, user: str) -> httpx.Response:
        body = {"user_id": user, "messages": [{"role": "user", "content": self._fact()}]}
        return self._http.post("/v1/sessions/day/turns", json=body)

    def _forget(self, user: str) -> httpx.Response:
        self._kept[user].clear()
        return self._http.post("/v1/forget", json={"user_id": user})

    def _search(self, user: str) -> httpx.Response:
        return self._http.post("/v1/search", json={"user_id": user, "query": self._question()})

    def _recall(self, user: str) -> httpx.Response:
        return self._http.post("/v1/recall", json={"user_id": user, "query": self._question()})

    def _listing(self, user: str) -> httpx.Response:
        return self._http.get("/v1/memories", params={"user_id": user})

    def _chat(self, user: str) -> httpx.Response:
        messages = [{"role": "user", "content": self._question()}]
        body = {"model": "reference", "user": user, "messages": messages, "max_tokens": 8, "store": False}
        return self._http.post("/v1/chat/completions", json=body)

    def _fact(self) -> str:
        return f"My locker number is {next(self._numbers)}."

    def _question(self) -> str:
        return f"What is my locker number {self._random.randrange(1000)}?"


def looked(server: Served, home: Path, requests: int) -> Held:
    """What it holds now (Linux)."""
    process = Path(f"/proc/{server.pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    database, log = home / "memory.db", home / "memory.db-wal"
    return Held(
        requests,
        resident=int(status["VmRSS"].split()[0]) / 1024,
        threads=int(status["Threads"]),
        descriptors=sum(1 for _ in (process / "fd").iterdir()),
        database=database.stat().st_size / 2**20,
        log=log.stat().st_size / 2**20 if log.exists() else 0.0,
        adapters=sum(1 for _ in (home / "blobs").rglob("*.safetensors")),
    )


def soak(requests: int, clients: int, seconds: float, looks: int) -> list[Held]:
    """Up to so many requests, or seconds; what the server held all along, so many times."""
    with tempfile.TemporaryDirectory(prefix="memory-soak-") as folder:
        home = Path(folder)
        keys = new_keys(home, clients)
        with served(home) as server, ThreadPoolExecutor(clients) as pool:
            crowd = [Client(number, server.url, key) for number, key in enumerate(keys)]
            done, lock, until, found = count(1), Lock(), time.monotonic() + seconds, []
            every = max(1, requests // looks)
            bar = tqdm(total=requests, desc="soak", disable=not sys.stderr.isatty())

            def work(client: Client) -> None:
                while time.monotonic() < until:
                    with lock:
                        number = next(done)
                        if number > requests:
                            return
                        bar.update()
                        if number % every == 1:
                            found.append(looked(server, home, number))
                    client.step()

            list(pool.map(work, crowd))
            found.append(looked(server, home, sum(client.statuses.total() for client in crowd)))
    if wrong := next((client.wrong for client in crowd if client.wrong), None):
        raise SystemExit(f"an answer that nobody should get, of {found[-1].requests:,}: {wrong}")
    return found


def rows(found: Sequence[Held]) -> list[Row]:
    """A row for each thing held: its mean in the second, third and last fifth of the requests."""
    fifth = max(1, len(found) // 5)
    parts = {
        "second fifth": found[fifth : 2 * fifth],
        "middle": found[2 * fifth : 3 * fifth],
        "last fifth": found[-fifth:],
    }
    made: list[Row] = []
    for name, unit in _UNITS.items():
        means = {part: mean(getattr(held, name) for held in some) for part, some in parts.items()}
        of_it = means["last fifth"] / means["second fifth"] if means["second fifth"] else None
        made.append({"held": f"{name} {unit}".strip(), **means, "last to second": of_it})
    return made


def plot(found: Sequence[Held], path: Path) -> None:
    """A panel for each thing held, over requests. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(2, 3, figsize=(13, 6))
    at = [held.requests for held in found]
    for panel, (name, unit) in zip(panels.flat, _UNITS.items(), strict=True):
        panel.plot(at, [asdict(held)[name] for held in found], lw=1.4)
        panel.set(title=f"{name}, {unit}" if unit else name, xlabel="requests", ylim=(0, None))
        panel.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> int:
    given = _arguments()
    machine = described()
    found = soak(given.requests, given.clients, 60 * given.minutes, given.looks)
    table = rows(found)
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(machine)
    console.print(rich_table(f"{found[-1].requests:,} requests", table))
    if given.plot is not None:
        plot(found, given.plot)
    if given.markdown is not None:
        note = f"{found[-1].requests:,} requests of {given.clients} clients. {machine}"
        write_between_markers(given.markdown, {"soak-machine": note, "soak": markdown_table(table)})
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="stop then, whatever is left")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--looks", type=int, default=200, help="how often the server is looked at")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw what it held into this file")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
