"""A long day in an hour or two: `python -m benchmarks.soak [--requests 100000] [--plot docs/soak.png]`.

Clients add, search, recall, list, chat, change and forget against a real server, each for users of its own
who keep at most so many memories. What the server holds is looked at all along: memory, threads, descriptors,
the database with its log, and files of adapters. After the first fifth, in which users and caches fill, all
of it should stay where it is, but for the rows that are kept on purpose (`_FOR_GOOD`): they have a line of
their own. With `--home` a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
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
_FOR_GOOD = ("audit", "history", "erasures")  # tables of rows that outlive what they are about
_UNITS = {
    "resident": "MiB",
    "threads": "",
    "descriptors": "",
    "cpu": "ms a request",
    "live": "MiB",
    "for_good": "MiB",
    "log": "MiB",
    "adapters": "",
}
_NAMES = {
    "live": "database, what lives",
    "for_good": "database, audit and history",
    "log": "database, log",
    "cpu": "CPU",
}


@dataclass(frozen=True, slots=True)
class Held:
    """What a server holds after so many requests: sizes in MiB, and adapter files."""

    requests: int
    resident: float
    threads: float
    descriptors: float
    cpu: float  # ms a request since the look before
    live: float  # pages of the database in use, but for those of `_FOR_GOOD`
    for_good: float  # pages of these tables and their indexes
    log: float
    adapters: float


class Client:
    """Does one thing after the other for users of its own."""

    def __init__(self, number: int, url: str, key: str, before: int = 0) -> None:
        """`before`: so many requests of earlier runs, whose memories it finds."""
        self._http = httpx.Client(base_url=url, timeout=120, headers={"Authorization": f"Bearer {key}"})
        self._random = random.Random(f"{number} {before}")
        self._kept = {user: self._known(user) for user in (f"user{number}-{n}" for n in range(_USERS))}
        self._numbers = count(number * 10_000_000 + before)
        self.statuses: Counter[int] = Counter()
        self.wrong: str | None = None  # the first answer that nobody should get

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def step(self) -> None:
        """One request, drawn at random; making room is one more."""
        [what] = self._random.choices([*MIX], [*MIX.values()])
        user = self._random.choice([*self._kept])
        answer = getattr(self, f"_{what}")(user)
        self.statuses[answer.status_code] += 1
        if answer.status_code not in _EXPECTED and self.wrong is None:
            self.wrong = f"{what}: {answer.status_code} {answer.text[:300]}"

    def _known(self, user: str) -> deque[str]:
        """Ids of the memories that the user has from an earlier run, oldest first."""
        answer = self._listing(user).raise_for_status().json()
        told = [memory for memory in answer["memories"] if memory["session_id"] is None]
        return deque(memory["id"] for memory in sorted(told, key=lambda memory: memory["created_at"]))

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


class Looking:
    """Looks at a server again and again, and writes down what it saw, where a later run reads it."""

    def __init__(self, server: Served, home: Path) -> None:
        self._process = Path(f"/proc/{server.pid}")  # Linux
        self._home = home
        self.found = looks(home)
        self._cpu, self._requests = self._spent(), self.requests

    @property
    def requests(self) -> int:
        """Before the newest look."""
        return self.found[-1].requests if self.found else 0

    def look(self, requests: int) -> None:
        """At what it holds now."""
        status = dict(line.split(":", 1) for line in (self._process / "status").read_text().splitlines())
        cpu, since = self._spent(), max(1, requests - self._requests)
        live, for_good = _pages(self._home / "memory.db")
        log = self._home / "memory.db-wal"
        held = Held(
            requests,
            resident=int(status["VmRSS"].split()[0]) / 1024,
            threads=int(status["Threads"]),
            descriptors=sum(1 for _ in (self._process / "fd").iterdir()),
            cpu=1000 * (cpu - self._cpu) / since,
            live=live,
            for_good=for_good,
            log=log.stat().st_size / 2**20 if log.exists() else 0.0,
            adapters=sum(1 for _ in (self._home / "blobs").rglob("*.safetensors")),
        )
        self._cpu, self._requests = cpu, requests
        self.found.append(held)
        with _written(self._home).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(held)) + "\n")

    def _spent(self) -> float:
        """CPU seconds of the server until now."""
        fields = (self._process / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def looks(home: Path) -> list[Held]:
    """What earlier runs saw with this home."""
    written = _written(home)
    if not written.exists():
        return []
    return [Held(**json.loads(line)) for line in written.read_text(encoding="utf-8").splitlines()]


def _written(home: Path) -> Path:
    return home / "soak.jsonl"


def _pages(database: Path) -> tuple[float, float]:
    """MiB of the pages in use: of all other tables, and of those kept for good."""
    kept = ", ".join(f"'{name}'" for name in _FOR_GOOD)
    of_kept = f"name IN (SELECT name FROM sqlite_master WHERE tbl_name IN ({kept}))"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)) as connection:
        sizes = dict(connection.execute(f"SELECT {of_kept}, sum(pgsize) FROM dbstat GROUP BY 1"))
    return sizes[0] / 2**20, sizes.get(1, 0) / 2**20


def soak(home: Path, requests: int, clients: int, seconds: float, every: int) -> list[Held]:
    """Up to so many requests, with those of earlier runs, or seconds; what the server held all along."""
    keys = new_keys(home, clients)
    with served(home) as server, ThreadPoolExecutor(clients) as pool:
        looking = Looking(server, home)
        crowd = [Client(number, server.url, key, looking.requests) for number, key in enumerate(keys)]
        done, lock, until = count(looking.requests + 1), Lock(), time.monotonic() + seconds
        bar = tqdm(total=requests, initial=looking.requests, desc="soak", disable=not sys.stderr.isatty())

        def work(client: Client) -> None:
            while time.monotonic() < until and not any(one.wrong for one in crowd):
                with lock:
                    number = next(done)
                    if number > requests:
                        return
                    bar.update()
                    if number % every == 0:
                        looking.look(number)
                client.step()

        list(pool.map(work, crowd))
        for client in crowd:
            client.close()
    if wrong := next((client.wrong for client in crowd if client.wrong), None):
        raise SystemExit(f"an answer that nobody should get, after {looking.requests:,}: {wrong}")
    return looking.found


def rows(found: Sequence[Held]) -> list[Row]:
    """A row for each thing held: its mean in the second, third and last fifth of the requests."""
    fifth = max(1, len(found) // 5)
    parts = {
        "second fifth": found[fifth : 2 * fifth],
        "middle": found[2 * fifth : 3 * fifth],
        "last fifth": found[-fifth:],
    }
    made: list[Row] = []
    for name in _UNITS:
        means = {part: mean(getattr(held, name) for held in some) for part, some in parts.items()}
        of_it = means["last fifth"] / means["second fifth"] if means["second fifth"] else None
        made.append({"held": _title(name), **means, "last to second": of_it})
    return made


def _title(name: str) -> str:
    said, unit = _NAMES.get(name, name), _UNITS[name]
    return f"{said}, {unit}" if unit else said


def plot(found: Sequence[Held], path: Path) -> None:
    """A panel for each thing held, over requests. Needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(2, 4, figsize=(16, 6))
    at = [held.requests for held in found]
    for panel, name in zip(panels.flat, _UNITS, strict=True):
        panel.plot(at, [asdict(held)[name] for held in found], lw=1.4)
        panel.set(title=_title(name), xlabel="requests", ylim=(0, None))
        panel.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> int:
    given = _arguments()
    machine = described()
    every = max(1, given.requests // given.looks)
    with _home(given.home) as home:
        found = soak(home, given.requests, given.clients, 60 * given.minutes, every)
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


@contextmanager
def _home(given: Path | None) -> Iterator[Path]:
    """The folder that was named, which stays, or one for this run alone."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="memory-soak-") as folder:
        yield Path(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--minutes", type=float, default=24 * 60.0, help="stop then, whatever is left")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument(
        "--home", type=Path, metavar="FOLDER", help="keep it here, and go on from what is there"
    )
    parser.add_argument("--looks", type=int, default=200, help="how often the server is looked at")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw what it held into this file")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
