"""One tenant's requests leave room for the others', and what nobody waits for is not done."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import anyio
import anyio.to_thread
import pytest

from memory import Memory
from memory.api.logs import AT_ONCE, Sparing
from memory.api.places import Places
from memory.backends.model.batcher import Batcher
from memory.backends.sql import migrate
from memory.backends.sql.database import Database
from memory.errors import Cancelled, QuotaExceeded
from memory.fakes import WordEmbedder
from memory.ports.asker import Asker, asker, asking, to_the_end
from memory.server.audit import REFUSALS_A_MINUTE, REFUSALS_KEPT, Audit
from memory.server.job_rows import Job
from memory.server.jobs import Jobs
from memory.server.worker import Progress, Worker
from memory.write.passage_writer import PASSAGES_PER_BATCH
from tests.api.conftest import MakeApi


async def test_a_greedy_tenant_leaves_places_for_others() -> None:
    """Fifty requests of one, and then one of another: it is worked on at once."""
    places, begun, done = Places(8, share=4), Counter[str](), anyio.Event()

    async def work(tenant: str) -> None:
        async with places.taken(tenant):
            begun[tenant] += 1
            await done.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(work, "greedy")
        await anyio.wait_all_tasks_blocked()
        assert begun == {"greedy": 4}
        tasks.start_soon(work, "modest")
        await anyio.wait_all_tasks_blocked()
        assert begun["modest"] == 1
        done.set()
    assert begun == {"greedy": 50, "modest": 1}
    assert (places._free, places._waiting, places._taken) == (8, {}, {})


async def test_tenants_take_turns_where_places_are_few() -> None:
    """Whoever has the fewest goes first, and of these whoever was served longest ago."""
    places, order = Places(1, share=1), list[str]()

    async def work(tenant: str) -> None:
        async with places.taken(tenant):
            order.append(tenant)

    async with anyio.create_task_group() as tasks, places.taken("another"):
        for tenant in "aaabbc":
            tasks.start_soon(work, tenant)
        await anyio.wait_all_tasks_blocked()
    assert "".join(order) == "abcaba"


async def test_a_line_has_an_end() -> None:
    """429 with the reason, for that tenant alone."""
    places, done = Places(2, share=1, most_waiting=3), anyio.Event()

    async def work() -> None:
        async with places.taken("greedy"):
            await done.wait()

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(QuotaExceeded, match="wait already"):
            async with places.taken("greedy"):
                pass
        async with places.taken("modest"):
            done.set()


async def test_who_goes_gives_up_the_place_in_the_line() -> None:
    """Cancelled while it waits, and while it works: all places are free again."""
    places = Places(1, share=1)

    async def work() -> None:
        async with places.taken("a"):
            await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(work)
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert (places._free, places._waiting, places._taken) == (1, {}, {})


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("memory.api", logging.WARNING, "x.py", 1, message, (), None)
    made.fields = fields
    return made


def test_a_log_says_one_thing_a_bounded_number_of_times() -> None:
    """And then how often it left it out; what is answered well is always there."""
    now = [0.0]
    sparing = Sparing(clock=lambda: now[0])
    let_through = sum(sparing.filter(record("out of files")) for _ in range(10_000))
    assert let_through == AT_ONCE
    assert sparing.filter(record("another thing"))
    assert (
        sum(sparing.filter(record(f"cannot accept <Socket at 0x7f{n:08x}>\nfd={n}")) for n in range(999))
        == 50
    )
    assert all(sparing.filter(record("request", status=200)) for _ in range(1000))
    assert sum(sparing.filter(record("request", status=401)) for _ in range(1000)) == AT_ONCE
    now[0] = 60.0
    again = record("out of files")
    assert sparing.filter(again)
    assert again.left_out == 10_000 - AT_ONCE


def test_strangers_do_not_fill_the_audit(database: Database) -> None:
    """So many rows a minute, which go in time; what keys did stays."""
    migrate.open_current(database)
    now = [datetime(2026, 5, 4, 12, 0, tzinfo=UTC)]
    audit = Audit(database, clock=lambda: now[0])
    audit.record("acme", "5f1d7a84c2b96e03", "POST /v1/memories", status=201)
    kept = sum(audit.refuse("GET /v1/memories") for _ in range(1000))
    assert kept == REFUSALS_A_MINUTE == len(audit.page(None).entries)
    now[0] += timedelta(minutes=1)
    assert audit.refuse("GET /v1/memories")
    now[0] += REFUSALS_KEPT
    assert audit.purge_refused() == REFUSALS_A_MINUTE + 1
    assert len(audit.page("acme").entries) == 1


def test_a_tenants_jobs_are_bounded_in_number_and_size(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another's are not counted; what is done makes room."""
    migrate.open_current(database)
    monkeypatch.setattr("memory.server.jobs.MAX_OPEN_JOBS", 3)
    monkeypatch.setattr("memory.server.jobs.MAX_OPEN_CHARACTERS", 1000)
    jobs = Jobs(database)
    queued = [jobs.submit("acme", "add", {"text": "x"}) for _ in range(3)]
    with pytest.raises(QuotaExceeded, match="3 jobs of the tenant wait"):
        jobs.submit("acme", "add", {"text": "x"})
    jobs.submit("globex", "add", {"text": "x" * 2000})
    with pytest.raises(QuotaExceeded, match="characters"):
        jobs.submit("globex", "add", {"text": "x"})
    jobs.cancel("acme", queued[0].id)
    assert jobs.submit("acme", "add", {"text": "x"}).state == "queued"


class Slow:
    """Doubles numbers, one list at a time, once it is let go; remembers the lists."""

    def __init__(self) -> None:
        self.lists: list[list[int]] = []
        self.begun, self.go = Event(), Event()

    def __call__(self, items: list[int]) -> list[int]:
        self.lists.append(items)
        self.begun.set()
        assert self.go.wait(20)
        return [2 * item for item in items]


def test_a_small_add_waits_for_one_batch_of_a_huge_document() -> None:
    """Not for all that its tenant has asked: of what is embedded and internalized, owners take turns."""
    slow = Slow()
    batcher = Batcher(slow, most=2)

    def ask(owner: str, items: list[int]) -> list[int]:
        with asking(Asker(owner)):
            return batcher(items)

    with ThreadPoolExecutor(20) as pool:
        greedy = [pool.submit(ask, "greedy", [n, n]) for n in range(10)]
        assert slow.begun.wait(20)
        while len(batcher._waiting) < 9:
            pass
        modest = pool.submit(ask, "modest", [77])
        while len(batcher._waiting) < 10:
            pass
        slow.go.set()
        assert modest.result(20) == [154]
        assert [one.result(20) for one in greedy] == [[2 * n, 2 * n] for n in range(10)]
    assert slow.lists.index([77]) <= 2


def test_what_nobody_waits_for_is_not_internalized(make_memory: Callable[..., Memory]) -> None:
    """Who goes in the middle of a long text: the rest of it is not made. What an erasure needs is."""
    memory, gone, made = make_memory(), Event(), list[int]()
    text = " ".join(f"Room {n} is kept by Person{n}." for n in range(2000))

    def progress(done: int, _: int | None = None) -> None:
        made.append(done)
        gone.set()

    with asking(Asker("acme", gone)):
        with pytest.raises(Cancelled):
            memory.add(text, user_id="ana", progress=progress)
        kept = memory.list(user_id="ana", limit=1000).records
        assert 0 < len(kept) == made[-1] < 100
        with to_the_end():
            memory.add("My dog is called Biscuit.", user_id="ana")
        memory.forget(user_id="ana")
    assert memory.stats(user_id="ana").memories == 0


class Noticing(WordEmbedder):
    """Embeds the first text only once it is noticed that the client has gone."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = Event()

    def embed(self, texts: Sequence[str]) -> Any:
        gone = asker().gone
        if gone is not None and not self.reached.is_set():
            self.reached.set()
            assert gone.wait(20)
        return super().embed(texts)


def test_a_client_that_goes_takes_its_add_along(make_api: MakeApi) -> None:
    """A text of three batches: once the connection is closed, no more is made than the one under way."""
    embedder = Noticing()
    api = make_api(embedder=embedder)
    text = " ".join(f"Room {n} is kept by Person{n}." for n in range(1500))
    body = json.dumps({"user_id": "ana", "text": text}).encode()
    messages: list[dict[str, object]] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, object]:
        if messages:
            return messages.pop()
        await anyio.to_thread.run_sync(embedder.reached.wait, 20)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        raise AssertionError(f"nobody is there to be told {message}")

    headers = [
        (b"content-type", b"application/json"),
        (b"authorization", b"Bearer " + api.keys["acme"].encode()),
    ]
    scope = {
        **{"type": "http", "method": "POST", "path": "/v1/memories", "raw_path": b"/v1/memories"},
        **{"query_string": b"", "headers": headers, "client": ("192.0.2.7", 5), "state": {}},
    }
    assert api.client.portal is not None
    api.client.portal.call(api.client.app, scope, receive, send)  # type: ignore[arg-type]
    assert len(api.get("/v1/memories?user_id=ana&limit=1000").json()["memories"]) <= PASSAGES_PER_BATCH


def test_long_jobs_give_way_to_other_tenants(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads are at long jobs of two: a small one of a third is done before them, and all end."""
    migrate.open_current(database)
    monkeypatch.setattr("memory.server.worker.TURN_S", 0.2)
    jobs, ended, done = Jobs(database), list[str](), Counter[str]()

    def handle(job: Job, progress: Progress) -> dict[str, int]:
        long = job.scope.tenant_id != "modest"
        until = time.monotonic() + 30
        while long and "modest" not in ended and time.monotonic() < until:
            done[job.scope.tenant_id] += 1
            progress(done[job.scope.tenant_id])
            time.sleep(0.01)
        ended.append(job.scope.tenant_id)
        return {}

    worker = Worker(jobs, {"add": handle}, threads=2, poll_s=0.05).start()
    try:
        long = [jobs.submit(tenant, "add", {"text": "x"}) for tenant in ("greedy", "eager")]
        worker.wake()
        until = time.monotonic() + 20
        while len(done) < 2 and time.monotonic() < until:
            time.sleep(0.01)
        small = jobs.submit("modest", "add", {"text": "x"})
        while len(ended) < 3 and time.monotonic() < until + 20:
            time.sleep(0.01)
    finally:
        worker.stop()
    assert ended[0] == "modest"
    assert {jobs.get(job.scope.tenant_id, job.id).state for job in (*long, small)} == {"done"}


def test_one_tenant_never_has_all_threads_of_a_worker(database: Database) -> None:
    """A long job of one holds up nobody else: what is left over is for others."""
    migrate.open_current(database)
    jobs = Jobs(database)
    for _ in range(3):
        jobs.submit("greedy", "add", {"text": "x"})
    first = jobs.claim("worker", 60.0, most=1)
    assert first is not None
    assert jobs.claim("worker", 60.0, most=1) is None
    jobs.submit("modest", "add", {"text": "x"})
    second = jobs.claim("worker", 60.0, most=1)
    assert second is not None
    assert second.scope.tenant_id == "modest"
    third = jobs.claim("another worker", 60.0, most=1)
    assert third is not None
    assert third.scope.tenant_id == "greedy"


async def test_who_waits_for_another_server_takes_no_place() -> None:
    """Others are worked on meanwhile; afterwards it has a place again, and too many may not wait so."""
    places, worked = Places(1, share=1, most_waiting=2), list[str]()

    async def work(name: str) -> None:
        async with places.taken("acme"):
            worked.append(name)

    async with places.taken("acme"):
        async with places.lent("acme"):
            with anyio.fail_after(5):
                await work("meanwhile")
            async with places.taken("acme"), places.lent("acme"):
                with pytest.raises(QuotaExceeded):
                    async with places.taken("acme"), places.lent("acme"):
                        raise AssertionError("a third one waits")
        async with anyio.create_task_group() as group:
            group.start_soon(work, "afterwards")
            await anyio.sleep(0.01)
            assert worked == ["meanwhile"]
            worked.append("first")
            group.cancel_scope.cancel()
    with anyio.fail_after(5):
        await work("last")
    assert worked == ["meanwhile", "first", "last"]


def test_a_long_call_is_cut_while_others_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """Into pieces of a hundredth of a second, whatever an item takes; alone it goes in at once."""
    clock, lists = [0.0], list[int]()

    def do(items: list[int]) -> list[int]:
        lists.append(len(items))
        clock[0] += 0.004 * len(items)
        return [2 * item for item in items]

    monkeypatch.setattr("memory.backends.model.batcher.monotonic", lambda: clock[0])
    batcher = Batcher(do, most=16)
    whole = list(range(64))
    with asking(Asker("greedy")):
        assert batcher(whole) == [2 * n for n in whole]
    with asking(Asker("modest")):
        assert batcher([7]) == [14]
    with asking(Asker("greedy")):
        assert batcher(whole) == [2 * n for n in whole]
        clock[0] += 60
        batcher(whole)
    assert lists == [64, 1, *([2] * 32), 64]


def test_a_small_call_comes_between_two_pieces_of_a_large_one() -> None:
    """Whoever asks while a large call is at work is next, and the large one ends right."""
    order: list[str] = []
    begun, go = Event(), Event()

    def do(items: list[str]) -> list[str]:
        order.append(items[0])
        time.sleep(0.02 * len(items))
        if order[1:] and not begun.is_set():
            begun.set()
            assert go.wait(20)
        return [item.upper() for item in items]

    batcher = Batcher(do, most=16)

    def ask(owner: str, items: list[str]) -> list[str]:
        with asking(Asker(owner)):
            return batcher(items)

    assert ask("modest", ["a"]) == ["A"]
    with ThreadPoolExecutor(2) as pool:
        large = pool.submit(ask, "greedy", [f"g{n}" for n in range(8)])
        assert begun.wait(20)
        small = pool.submit(ask, "modest", ["b"])
        while not batcher._waiting:
            time.sleep(0.001)
        go.set()
        assert small.result(20) == ["B"]
        assert large.result(20) == [f"G{n}" for n in range(8)]
    assert order[:3] == ["a", "g0", "b"]
