"""Quotas hold exactly: over threads, over processes, and under the tenant's lock."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from memory.backends.sql.database import Database
from memory.errors import QuotaExceeded
from memory.records import Scope
from memory.server.access import Access
from memory.server.limited_store import LimitedStore
from memory.server.quotas import Limiter, Quotas
from tests.tiny_memories import ANA, BEN, ELSEWHERE, adapter, record, vectors

START = 60_000.0  # the beginning of a minute


def granted(limiter: Limiter, quotas: Quotas, tenant: str = "acme", tries: int = 1000) -> int:
    """How many requests get through before the first that does not."""
    for count in range(tries):
        try:
            limiter.check(tenant, quotas)
        except QuotaExceeded:
            return count
    return tries


@pytest.mark.parametrize("limit", [0, 1, 3, 60, 101])
def test_a_minute_has_so_many_requests_and_the_next_as_many_again(database: Database, limit: int) -> None:
    """Also where the limit is no multiple of what a process takes at a time."""
    at = [START]
    limiter = Limiter(database, clock=lambda: at[0])
    quotas = Quotas(requests_per_minute=limit)
    assert granted(limiter, quotas) == limit
    at[0] += 59.9
    assert granted(limiter, quotas) == 0
    at[0] += 0.2
    assert granted(limiter, quotas) == limit


def test_who_is_refused_is_told_when_to_come_again(database: Database) -> None:
    """In seconds: when the minute is over."""
    limiter = Limiter(database, clock=lambda: START + 45)
    with pytest.raises(QuotaExceeded, match="0 requests a minute") as raised:
        limiter.check("acme", Quotas(requests_per_minute=0))
    assert raised.value.retry_after_s == 15


def test_what_is_left_is_said(open_database: Callable[..., Database]) -> None:
    """Down to nothing, through blocks; of another process, what it had taken when this one last asked."""
    mine, others = (Limiter(open_database(), clock=lambda: START + 20) for _ in range(2))
    quotas = Quotas(requests_per_minute=60)  # in blocks of 3
    rates = [mine.count("acme", quotas) for _ in range(4)]
    assert [(rate.left, rate.ends_in_s) for rate in rates if rate] == [
        (left, 40) for left in (59, 58, 57, 56)
    ]
    assert granted(others, quotas, tries=30) == 30
    left = [rate.left for _ in range(30) if (rate := mine.count("acme", quotas)) and rate.passed]
    assert left == [55, 54, *range(23, -1, -1)]
    refused = mine.count("acme", quotas)
    assert refused is not None
    assert (refused.left, refused.passed) == (0, False)
    assert mine.count("acme", Quotas()) is None


def test_processes_share_the_minute(open_database: Callable[..., Database]) -> None:
    """Together they let through what one may, whichever asks, and none is refused while some are left."""
    limiters = [Limiter(open_database(), clock=lambda: START) for _ in range(3)]
    quotas = Quotas(requests_per_minute=50)

    def all_it_can(n: int) -> int:
        return granted(limiters[n % 3], quotas)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(all_it_can, range(6))) == 50


def test_tenants_have_minutes_of_their_own_and_operators_no_end(database: Database) -> None:
    """One tenant's storm costs another nothing."""
    limiter = Limiter(database, clock=lambda: START)
    quotas = Quotas(requests_per_minute=5)
    assert granted(limiter, quotas, "acme") == granted(limiter, quotas, "other") == 5
    for tenant, unlimited in ((None, quotas), ("acme", Quotas())):
        for _ in range(20):
            limiter.check(tenant, unlimited)


def test_no_tenant_waits_for_the_count_of_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one tenant's row is asked for, which may take as long as a lock, others get through."""
    limiter = Limiter(database, clock=lambda: START)
    asking, answered = Event(), Event()
    really = limiter._take

    def slow(tenant_id: str, minute: int, limit: int) -> tuple[int, int]:
        if tenant_id == "slow":
            asking.set()
            assert answered.wait(20)
        return really(tenant_id, minute, limit)

    monkeypatch.setattr(limiter, "_take", slow)
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(limiter.check, "slow", Quotas(requests_per_minute=5))
        assert asking.wait(20)
        other = pool.submit(limiter.check, "other", Quotas(requests_per_minute=5))
        try:
            other.result(5)
        finally:
            answered.set()
        waiting.result(20)


@pytest.fixture
def limited(database: Database) -> LimitedStore:
    """A store whose default tenant may keep three memories."""
    Access(database).create_tenant("default", Quotas(memories=3))
    return LimitedStore(database)


def test_a_tenant_keeps_as_many_memories_as_it_may(limited: LimitedStore) -> None:
    """All of a call or nothing; what is known already takes no room, and what is deleted makes some."""
    kept = limited.add([record("a"), record("b", BEN)], vectors(2))
    with pytest.raises(QuotaExceeded, match="3 memories and has 2") as raised:
        limited.add([record("c"), record("d")], vectors(2))
    assert raised.value.retry_after_s > 0
    assert limited.stats(Scope()).memories == 2
    limited.add([record("a"), record("c")], vectors(2))
    limited.add([record("a"), record("c")], vectors(2))
    limited.delete(ANA, kept[0].id)
    limited.add([record("d")], vectors(1))
    limited.add([record(str(n), ELSEWHERE) for n in range(9)], vectors(9))


def test_bytes_are_those_of_adapters_and_text(database: Database) -> None:
    """An adapter of 90 bytes with a text of 10 characters fills 100."""
    access, store = Access(database), LimitedStore(database)
    access.create_tenant("default", Quotas(bytes=99))
    one = record("0123456789", adapter=adapter(b"x" * 90))
    with pytest.raises(QuotaExceeded, match="99 bytes and uses 0"):
        store.add([one], vectors(1))
    access.set_quotas("default", Quotas(bytes=100))
    store.add([one], vectors(1))


def test_writers_at_once_do_not_pass_the_quota(open_database: Callable[..., Database]) -> None:
    """The check and the rows are under one lock: of twelve, three are kept."""
    first = open_database(busy_timeout_s=60)
    Access(first).create_tenant("default", Quotas(memories=3))
    stores = [LimitedStore(first), LimitedStore(open_database(busy_timeout_s=60))]

    def add(n: int) -> bool:
        try:
            stores[n % 2].add([record(f"memory {n}")], vectors(1))
        except QuotaExceeded:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(add, range(12))) == 3
    assert stores[0].stats(Scope()).memories == 3


def test_servers_that_differ_about_the_minute_share_it(open_database: Callable[..., Database]) -> None:
    """They do not take turns to begin it anew: both together let through what one would."""
    limiters = [Limiter(open_database(), clock=lambda at=at: at) for at in (START + 59, START + 61)]
    passed = 0
    for number in range(90):
        with contextlib.suppress(QuotaExceeded):
            limiters[number % 2].check("acme", Quotas(requests_per_minute=20))
            passed += 1
    assert 20 <= passed <= 21  # a block may have been taken before the other began the minute
