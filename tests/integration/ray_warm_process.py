"""A process of its own for test_ray.py: where one user's requests go; prints what was seen.

MEMORY_HOME=... python -m tests.integration.ray_warm_process KEY

Two replicas, each of which takes one request at a time and notes whose question it was asked and when it
reads an adapter that is not in its cache.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from integrations.ray import Arguments, deployed
from memory import Memory
from memory.backends.blobs.folder import FileBlobStore
from memory.settings import Settings
from tests.command import echoes
from tests.faults import Faulty
from tests.integration.ray_process import Watched, asked, replicas, serving, started, told

AGAIN = 20  # of a user's questions in a row: by chance, one of two replicas gets all once in a million
SOON_S = 0.5  # five times what Ray takes to tell its proxy who has been answered where


class Held(Watched):
    """A store whose questions wait in the process that the file `held` names, until that file is gone."""

    def find_words(self, scope: Any, *given: Any, **more: Any) -> Any:
        found = super().find_words(scope, *given, **more)
        held = Path(os.environ["MEMORY_HOME"]) / "held"
        while held.exists() and held.read_text() == str(os.getpid()):
            time.sleep(0.02)
        return found


def opened() -> Memory:
    settings = Settings.load(index_files=False, job_workers=0)

    def note(step: str) -> None:
        if step == "before blobs.get":
            with (settings.home / "read").open("a") as file:
                file.write(f"{os.getpid()}\n")

    store = Held.open(f"sqlite:///{settings.home}/memory.db")
    blobs = Faulty(FileBlobStore(settings.adapter_folder), "blobs", note)
    return Memory(settings, store=store, blobs=blobs, **echoes())


class Asked(NamedTuple):
    """What a question was answered with, and by whom."""

    right: bool
    by: int  # process
    read: int  # adapters that were not in its cache


class Users:
    """Asks for users, one question at a time, and reads afterwards what the replicas noted."""

    def __init__(self, home: Path, client: httpx.Client) -> None:
        self._home = home
        self._client = client

    def new(self) -> str:
        """Somebody who has told one thing, and has asked for it once."""
        user = f"user{next(_NUMBERS)}"
        told(self._client, user, 0)
        self.ask(user)
        time.sleep(SOON_S)
        return user

    def ask(self, user: str) -> Asked:
        before = self.noted("read")
        status, said = asked(self._client, user)
        by = int(self.noted("seen")[-1].split()[0])
        return Asked(status == 200 and f"{user}thing0" in said, by, len(self.noted("read")) - len(before))

    def noted(self, name: str) -> list[str]:
        path = self._home / name
        return path.read_text().splitlines() if path.exists() else []

    def kept(self, wanted: Callable[[int], bool]) -> tuple[str, list[Asked]]:
        """Somebody new whose questions all went to one wanted replica; most that are wanted do at once."""
        for _ in range(20):
            user = self.new()
            answers = [self.ask(user) for _ in range(AGAIN)]
            if {answer.by for answer in answers} == {answers[0].by} and wanted(answers[0].by):
                return user, answers
        raise SystemExit("nobody's questions kept to one replica")


_NUMBERS = count()


def wait(for_what: Callable[[], bool]) -> None:
    until = time.monotonic() + 60
    while not for_what():
        if time.monotonic() > until:
            raise SystemExit("nothing came of it in a minute")
        time.sleep(0.02)


def observed(home: Path, client: httpx.Client) -> Iterator[tuple[str, Any]]:
    users = Users(home, client)
    before = replicas("memory")
    ana, answers = users.kept(lambda _: True)
    warm = answers[0].by
    yield "warm", [answer._asdict() for answer in answers]
    ben, _ = users.kept(lambda by: by == warm)

    seen = len(users.noted("seen"))
    (home / "held").write_text(str(warm))
    with ThreadPoolExecutor(1) as thread:
        held = thread.submit(asked, client, ana)
        wait(lambda: len(users.noted("seen")) > seen)
        yield "busy", users.ask(ana)._asdict()
        (home / "held").unlink()
        yield "held", held.result()[0]

    os.kill(warm, signal.SIGKILL)
    wait(lambda: warm not in replicas("memory"))
    yield "gone", [users.ask(who)._asdict() for who in (ben, ana)]
    yield "warm was", warm
    yield "others", [pid for pid in before if pid != warm]


def main(key: str) -> None:
    with (
        started("memory"),
        serving(key, deployed(opened, Arguments(replicas=2, cpus=0.5, requests=1))) as client,
    ):
        print(json.dumps(dict(observed(Path(os.environ["MEMORY_HOME"]), client))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
