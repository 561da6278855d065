"""One tenant's requests leave room for the others', and what nobody waits for is not done."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta

import anyio
import pytest

from memory.api.logs import AT_ONCE, Sparing
from memory.api.places import Places
from memory.backends.sql import migrate
from memory.backends.sql.database import Database
from memory.errors import QuotaExceeded
from memory.server.audit import REFUSALS_A_MINUTE, REFUSALS_KEPT, Audit
from memory.server.jobs import Jobs


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
