"""A request sent twice runs once, and is answered the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from memory.backends.sql.database import Database
from memory.errors import Conflict, InvalidInput, MissingScope
from memory.records import Scope
from memory.server.idempotency import ANSWER_RETENTION, LEASE, Answer, Idempotency
from tests.tiny_memories import Clock

ANA = Scope(user_id="ana", tenant_id="acme")
ANAS_SESSION = Scope(user_id="ana", session_id="s1", tenant_id="acme")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def requests(database: Database, clock: Clock) -> Idempotency:
    return Idempotency(database, clock=clock)


def test_the_second_request_gets_the_answer_of_the_first(requests: Idempotency) -> None:
    """In its tenant; another tenant's key of the same name is another key."""
    assert requests.begin("acme", "k", "f") is None
    requests.finish("acme", "k", 201, '{"id": 1}')
    assert requests.begin("acme", "k", "f") == Answer(201, '{"id": 1}')
    assert requests.begin("other", "k", "g") is None


def test_another_request_under_the_same_key_is_refused(requests: Idempotency) -> None:
    """Also after the first was answered: whose answer should it get?"""
    requests.begin("acme", "k", "f")
    with pytest.raises(Conflict, match="another request"):
        requests.begin("acme", "k", "other")
    requests.finish("acme", "k", 201, "{}")
    with pytest.raises(Conflict, match="another request"):
        requests.begin("acme", "k", "other")


def test_a_request_under_way_is_not_begun_again(requests: Idempotency, clock: Clock) -> None:
    """Unless its process must have died; who then comes first may run."""
    requests.begin("acme", "k", "f")
    clock.at += LEASE * 0.9
    with pytest.raises(Conflict, match="still runs"):
        requests.begin("acme", "k", "f")
    clock.at += LEASE * 0.2
    assert requests.begin("acme", "k", "f") is None
    with pytest.raises(Conflict, match="still runs"):
        requests.begin("acme", "k", "f")


def test_a_request_without_effect_may_be_sent_again(requests: Idempotency) -> None:
    """Even a corrected one; what was answered is not abandoned any more."""
    requests.begin("acme", "k", "f")
    requests.abandon("acme", "k")
    assert requests.begin("acme", "k", "corrected") is None
    requests.finish("acme", "k", 201, "{}")
    requests.abandon("acme", "k")
    assert requests.begin("acme", "k", "corrected") == Answer(201, "{}")


def test_an_answer_is_kept_for_a_day(requests: Idempotency, clock: Clock) -> None:
    """Then the key is free, and rows of all keys are purged on the way."""
    for n in range(30):
        requests.begin("acme", f"k{n}", "f")
        requests.finish("acme", f"k{n}", 201, "{}")
    clock.at += ANSWER_RETENTION
    for n in range(30):
        assert requests.begin("acme", f"k{n}", "another") is None


def test_what_nobody_asks_for_again_is_purged(requests: Idempotency, clock: Clock) -> None:
    """What a skill said, say, is not kept for longer because nobody comes with a key."""
    requests.begin("acme", "old", "f")
    clock.at += ANSWER_RETENTION
    requests.begin("acme", "young", "f")
    assert (requests.purge(), requests.begin("acme", "old", "another")) == (0, None)
    clock.at += ANSWER_RETENTION
    assert requests.purge() == 2


def test_of_requests_at_once_one_runs(open_database: Callable[..., Database]) -> None:
    """In one process or several."""
    processes = [Idempotency(open_database(busy_timeout_s=60)) for _ in range(2)]

    def begin(n: int) -> bool:
        try:
            return processes[n % 2].begin("acme", "k", "f") is None
        except Conflict:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(begin, range(12))) == 1


@pytest.mark.parametrize(
    ("asked_for", "erased", "gone"),
    [
        (ANA, ANA, True),
        (ANAS_SESSION, ANA, True),
        (ANA, ANAS_SESSION, True),
        (Scope(session_id="s1", tenant_id="acme"), ANA, True),
        (Scope(user_id="ben", tenant_id="acme"), ANA, False),
        (Scope(user_id="ana", session_id="s2", tenant_id="acme"), ANAS_SESSION, False),
        (Scope(user_id="ana", tenant_id="other"), ANA, False),
    ],
)
def test_an_erasure_takes_every_answer_that_may_say_it(
    requests: Idempotency, asked_for: Scope, erased: Scope, gone: bool
) -> None:
    """That the request was made stays known: sent again, it must not bring back what was erased."""
    requests.begin(asked_for.tenant_id, "k", "f", scope=asked_for)
    requests.finish(asked_for.tenant_id, "k", 201, "the secret")
    requests.erase(erased)
    assert requests.begin(asked_for.tenant_id, "k", "f") == Answer(201, None if gone else "the secret")


def test_a_key_is_a_name(requests: Idempotency) -> None:
    """Blank, endless and unstorable ones are refused."""
    for key, error in ((" ", MissingScope), ("x" * 256, InvalidInput), ("a\0b", InvalidInput)):
        with pytest.raises(error):
            requests.begin("acme", key, "f")
