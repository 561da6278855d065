"""The audit keeps who did what, and no name or text of anybody's."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from time import sleep

import pytest
from sqlalchemy import Connection

from memory.backends.sql.database import Database
from memory.errors import InvalidInput
from memory.records import new_id
from memory.server.audit import Audit, discreet
from tests.tiny_memories import NOON, Clock


@pytest.fixture
def audit(database: Database) -> Audit:
    return Audit(database, clock=Clock())


def test_entries_come_back_newest_first_and_to_their_tenant_alone(audit: Audit) -> None:
    """Calls without a key are nobody's, and can be read as that."""
    target = new_id()
    audit.record("acme", "key", "POST /v1/memories", target, 201)
    audit.record("acme", "key", "DELETE /v1/memories/{id}", target, 204)
    audit.record("other", "key", "POST /v1/memories", "", 201)
    audit.record(None, None, "GET /v1/memories", "", 401)
    [second, first] = audit.page("acme").entries
    assert (first.action, first.target, first.status, first.at) == ("POST /v1/memories", target, 201, NOON)
    assert second.status == 204
    assert [entry.status for entry in audit.page(None).entries] == [401]
    assert audit.page("nobody").entries == ()


def test_pages_hold_everything_once(audit: Audit) -> None:
    """Entries made while paging do not disturb the pages that follow."""
    for n in range(5):
        audit.record("acme", None, f"call {n}")
    seen: list[str] = []
    page = audit.page("acme", limit=2)
    while True:
        seen += [entry.action for entry in page.entries]
        audit.record("acme", None, "meanwhile")
        if page.cursor is None:
            break
        page = audit.page("acme", page.cursor, limit=2)
    assert seen == [f"call {n}" for n in (4, 3, 2, 1, 0)]
    with pytest.raises(InvalidInput):
        audit.page("acme", limit=0)


def test_calls_that_come_while_the_disk_is_waited_for_share_a_commit(
    database: Database, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each returns only when its entry is there, and none is lost."""
    write, began, goes_on = database.write, Event(), Event()
    commits: list[int] = []

    @contextmanager
    def slow() -> Iterator[Connection]:
        with write() as connection:
            yield connection
        commits.append(len(audit.page("acme").entries))
        began.set()
        assert goes_on.wait(60)

    monkeypatch.setattr(database, "write", slow)
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(audit.record, "acme", None, "call 0")]
        assert began.wait(60)
        calls += [pool.submit(audit.record, "acme", None, f"call {n}") for n in range(1, 20)]
        while sum(1 for _ in audit._batcher._waiting) < 19:
            sleep(0.01)
        goes_on.set()
        assert [call.result(60) for call in calls] == [None] * 20
    assert commits == [1, 20]
    assert {entry.action for entry in audit.page("acme").entries} == {f"call {n}" for n in range(20)}


def test_what_is_old_is_purged(database: Database) -> None:
    """Of all tenants; what is younger stays."""
    clock = Clock()
    audit = Audit(database, clock=clock)
    audit.record("acme", None, "old")
    audit.record("other", None, "old")
    clock.at += timedelta(days=30)
    audit.record("acme", None, "young")
    assert audit.purge(timedelta(days=30)) == 2
    assert [entry.action for entry in audit.page("acme").entries] == ["young"]
    assert audit.page("other").entries == ()


def test_a_name_is_kept_as_a_digest_that_only_its_tenant_can_compare(audit: Audit) -> None:
    """Whoever knows the name finds its entries; nobody else reads it out of them."""
    audit.record("acme", None, "POST /v1/forget", "ana@example.com")
    [entry] = audit.page("acme").entries
    assert "ana" not in repr(entry)
    assert entry.target == discreet("acme", "ana@example.com") != discreet("other", "ana@example.com")
