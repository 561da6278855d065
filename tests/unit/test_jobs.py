"""Jobs: claimed with leases, ended once, tried again, cancelled, and erased, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from memory.backends.sql.database import Database
from memory.errors import Conflict, InvalidInput, JobCancelled, LeaseLost, NotFound
from memory.records import Scope
from memory.server import idempotency
from memory.server.claimed_jobs import BACKOFF, LONGEST_BACKOFF
from memory.server.job_rows import Job
from memory.server.jobs import ATTEMPTS, JOB_RETENTION, Jobs
from tests.tiny_memories import NOON, Clock

SECRET = "the treasure is under the old oak"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(database: Database, clock: Clock) -> Jobs:
    return Jobs(database, clock=clock)


def claimed(jobs: Jobs, lease_s: float = 60) -> Job:
    """What a worker gets, which is something."""
    job = jobs.claim("worker", lease_s)
    assert job is not None
    return job


def test_a_job_runs_to_its_end(jobs: Jobs, clock: Clock) -> None:
    """Its payload goes with it through JSON, its progress is seen, and of the text nothing is kept."""
    payload = {"text": SECRET, "deep": [{"n": 1.5, "none": None}]}
    job = jobs.submit("acme", "add", payload, user_id="ana", session_id="s")
    assert (job.state, job.scope) == ("queued", Scope("ana", None, "s", "acme"))
    running = claimed(jobs)
    assert (running.id, running.state, running.payload, running.attempt) == (job.id, "running", payload, 1)
    assert jobs.claim("other", 60) is None
    clock.pass_by(seconds=5)
    jobs.heartbeat(running, 60, done=3, total=9)
    seen = jobs.get("acme", job.id)
    assert (seen.done, seen.total, seen.due_at) == (3, 9, clock.at + timedelta(seconds=60))
    done = jobs.finish(running, {"memories": ["a"]})
    assert (done.state, done.result, done.payload, done.ended_at) == (
        *("done", {"memories": ["a"]}),
        *(None, clock.at),
    )
    assert done == jobs.get("acme", job.id)


def test_tenants_take_turns(jobs: Jobs, clock: Clock) -> None:
    """However many jobs one has queued, another's waits for one of them at most; its own keep their order."""
    many = [jobs.submit("acme", "add", {"n": n}).id for n in range(500)]
    got = []
    for who in ("globex", "initech", "globex"):
        clock.pass_by(seconds=1)
        got.append(jobs.finish(claimed(jobs), {}).id)
        single = jobs.submit(who, "add", {})
        clock.pass_by(seconds=1)
        assert jobs.finish(claimed(jobs), {}).id == single.id
    assert got == many[:3]


def test_who_has_jobs_running_comes_after_who_has_none(jobs: Jobs, clock: Clock) -> None:
    """One tenant's long jobs do not take every worker; where nobody else waits, they may."""
    for _ in range(4):
        jobs.submit("acme", "add", {})
    jobs.submit("globex", "add", {})
    jobs.submit("globex", "add", {})
    who = []
    for _ in range(6):
        clock.pass_by(seconds=1)
        who.append(claimed(jobs).scope.tenant_id)
    assert who == ["acme", "globex", "acme", "globex", "acme", "acme"]
    assert jobs.claim("worker", 60) is None


def test_a_job_comes_again_later_and_later_until_it_has_failed(jobs: Jobs, clock: Clock) -> None:
    """The reason is on one line; the payload stays, so that it can be tried again."""
    job = jobs.submit("acme", "add", {"text": "tea"})
    for attempt in range(1, ATTEMPTS):
        waiting = jobs.fail(claimed(jobs), "no\nroom")
        assert (waiting.state, waiting.reason) == ("queued", "no room")
        assert waiting.due_at == clock.at + BACKOFF * 2 ** (attempt - 1)
        assert jobs.claim("worker", 60) is None
        clock.at = waiting.due_at
    failed = jobs.fail(claimed(jobs), "x" * 10_000)
    assert (failed.state, failed.attempt, len(failed.reason or "")) == ("failed", ATTEMPTS, 255)
    assert failed.payload == {"text": "tea"}
    again = jobs.retry("acme", job.id)
    assert (again.state, again.attempts - again.attempt) == ("queued", ATTEMPTS)
    assert jobs.finish(claimed(jobs), {}).reason is None


def test_the_wait_for_another_attempt_has_an_end(jobs: Jobs, clock: Clock) -> None:
    """However often it failed."""
    jobs.submit("acme", "add", {}, attempts=100)
    for _ in range(70):
        waiting = jobs.fail(claimed(jobs), "no")
        clock.at, before = waiting.due_at, clock.at
    assert waiting.due_at - before == LONGEST_BACKOFF


def test_what_fails_for_good_is_not_tried_again(jobs: Jobs) -> None:
    """`again=False` ends it at the first attempt."""
    jobs.submit("acme", "add", {})
    assert jobs.fail(claimed(jobs), "the text is too large", again=False).state == "failed"


def test_a_worker_that_was_silent_for_too_long_has_lost_the_job(jobs: Jobs, clock: Clock) -> None:
    """Another has it, and whatever the first says now changes nothing; not even its own late end."""
    jobs.submit("acme", "add", {})
    first = claimed(jobs, 10)
    clock.pass_by(seconds=9)
    assert jobs.claim("second", 10) is None
    clock.pass_by(seconds=1)
    second = claimed(jobs)
    assert (second.id, second.attempt) == (first.id, 2)
    for too_late in (
        lambda: jobs.finish(first, {"by": "first"}),
        lambda: jobs.fail(first, "no"),
        lambda: jobs.heartbeat(first, 60),
        lambda: jobs.stop(first),
        lambda: jobs.hand_back(first),
    ):
        with pytest.raises(LeaseLost):
            too_late()
    assert jobs.finish(second, {"by": "second"}).result == {"by": "second"}
    with pytest.raises(LeaseLost):
        jobs.finish(second, {"by": "second, twice"})


def test_a_silent_worker_that_nobody_replaced_may_still_finish(jobs: Jobs, clock: Clock) -> None:
    """Its lease is over, but the job is nobody else's yet."""
    jobs.submit("acme", "add", {})
    job = claimed(jobs, 10)
    clock.pass_by(minutes=1)
    assert jobs.finish(job, {}).state == "done"


def test_a_job_that_kills_its_workers_ends_as_failed(jobs: Jobs, clock: Clock) -> None:
    """Attempts are counted when they begin; the reason says what happened, and others get their turn."""
    jobs.submit("acme", "poison", {})
    for _ in range(ATTEMPTS):
        assert claimed(jobs, 10).kind == "poison"
        clock.pass_by(seconds=10)
    good = jobs.submit("acme", "add", {})
    assert claimed(jobs).id == good.id
    [_, poison] = jobs.list("acme").jobs
    assert (poison.state, poison.attempt) == ("failed", ATTEMPTS)
    assert "worker was lost 5 times" in str(poison.reason)


def test_a_job_handed_back_is_anybodys_at_once(jobs: Jobs) -> None:
    """And the attempt does not count."""
    jobs.submit("acme", "add", {}, attempts=1)
    for _ in range(3):
        jobs.hand_back(claimed(jobs))
    assert jobs.finish(claimed(jobs), {}).state == "done"


@pytest.mark.parametrize("stopped", ["cancelled", "erased"])
def test_a_job_that_was_to_stop_is_not_handed_on(jobs: Jobs, stopped: str) -> None:
    """A worker that shuts down gives back what it has; what was cancelled or erased meanwhile ends there."""
    jobs.submit("acme", "add", {"text": SECRET}, user_id="ana")
    job = claimed(jobs)
    if stopped == "cancelled":
        jobs.cancel("acme", job.id)
    else:
        jobs.erase(Scope("ana", tenant_id="acme"))
    back = jobs.hand_back(job)
    assert (back.state, back.payload) == ("cancelled", None)
    assert jobs.claim("worker", 60) is None


def test_cancelling(jobs: Jobs, clock: Clock) -> None:
    """What waits is cancelled at once, what runs when its worker looks, what has ended stays as it is."""
    waiting = jobs.submit("acme", "add", {"text": SECRET})
    assert (cancelled := jobs.cancel("acme", waiting.id)).state == "cancelled"
    assert (cancelled.payload, cancelled.ended_at) == (None, NOON)
    assert jobs.cancel("acme", waiting.id) == cancelled
    assert jobs.claim("worker", 60) is None

    jobs.submit("acme", "add", {})
    running = claimed(jobs)
    assert jobs.cancel("acme", running.id).state == "running"
    with pytest.raises(JobCancelled):
        jobs.heartbeat(running, 60)
    assert jobs.stop(running).state == "cancelled"

    jobs.submit("acme", "add", {})
    left = claimed(jobs, 10)
    jobs.cancel("acme", left.id)
    clock.pass_by(seconds=10)  # its worker died: nobody runs it again
    assert jobs.claim("worker", 60) is None
    assert jobs.get("acme", left.id).state == "cancelled"


def test_only_a_failed_job_is_tried_again(jobs: Jobs) -> None:
    """Not one that waits, runs, is done, or was erased."""
    job = jobs.submit("acme", "add", {"text": SECRET}, user_id="ana")
    with pytest.raises(Conflict, match="queued"):
        jobs.retry("acme", job.id)
    jobs.fail(claimed(jobs), "no", again=False)
    jobs.erase(Scope("ana", tenant_id="acme"))
    with pytest.raises(Conflict, match="erased"):
        jobs.retry("acme", job.id)


def test_another_tenants_job_is_not_found(jobs: Jobs) -> None:
    """Not even to say that it is not theirs; pages hold a tenant's own, newest first, each once."""
    made = [jobs.submit("acme", "add", {}).id for _ in range(5)]
    other = jobs.submit("other", "add", {})
    for call in (jobs.get, jobs.cancel, jobs.retry):
        with pytest.raises(NotFound):
            call("acme", other.id)
    seen: list[str] = []
    cursor = None
    while True:
        page = jobs.list("acme", limit=2, cursor=cursor)
        seen += [job.id for job in page.jobs]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == made[::-1]
    jobs.cancel("acme", made[1])
    assert [job.id for job in jobs.list("acme", state="cancelled").jobs] == [made[1]]
    with pytest.raises(InvalidInput):
        jobs.list("acme", limit=1001)


def test_the_same_key_is_the_same_job(jobs: Jobs) -> None:
    """In its tenant, also after it has ended."""
    first = jobs.submit("acme", "add", {}, idempotency_key="k")
    jobs.finish(claimed(jobs), {})
    assert jobs.submit("acme", "add", {"other": 1}, idempotency_key="k").id == first.id
    assert jobs.submit("other", "add", {}, idempotency_key="k").id != first.id
    assert jobs.submit("acme", "add", {}).id != jobs.submit("acme", "add", {}).id


def test_an_erasure_by_metadata_takes_jobs_that_have_it(jobs: Jobs) -> None:
    """Others of the scope go on."""
    texts = ({"source": "mail", "n": [1]}, {"source": "chat"}, None)
    made = [jobs.submit("acme", "add", {"text": SECRET, "metadata": one}, user_id="ana") for one in texts]
    assert jobs.erase(Scope("ana", None, None, "acme"), metadata={"source": "mail"}) == ()
    kept = [jobs.get("acme", job.id).payload is not None for job in made]
    assert kept == [False, True, True]


def test_a_key_is_free_when_its_answer_is(jobs: Jobs, clock: Clock) -> None:
    """A day later it is another request's, though the first one's job can still be looked at."""
    first = jobs.submit("acme", "add", {}, idempotency_key="nightly")
    jobs.finish(claimed(jobs), {})
    clock.at += idempotency.ANSWER_RETENTION - timedelta(seconds=1)  # the answer was begun before its job
    second = jobs.submit("acme", "add", {"other": 1}, idempotency_key="nightly")
    assert (second.id != first.id, second.payload) == (True, {"other": 1})
    assert jobs.get("acme", first.id).state == "done"
    assert jobs.submit("acme", "add", {}, idempotency_key="nightly").id == second.id


def test_jobs_come_in_their_order_to_workers_of_their_kind(jobs: Jobs, clock: Clock) -> None:
    """First submitted, first run; a worker gets none that it cannot do."""
    made = []
    for kind in ("add", "compact", "add"):
        clock.pass_by(seconds=1)
        made.append(jobs.submit("acme", kind, {}).id)
    assert jobs.waiting() == 3
    assert jobs.claim("worker", 60, kinds=["export"]) is None
    got = [jobs.claim("worker", 60, kinds=["add"]) for _ in range(3)]
    assert [job and job.id for job in got] == [made[0], made[2], None]
    assert jobs.waiting() == 1


def test_an_erasure_reaches_what_waits_runs_and_has_failed(jobs: Jobs) -> None:
    """No text of the scope is in a job any more; what runs is told to stop, and is named to be waited for."""
    failed = jobs.submit("acme", "add", {"text": SECRET}, user_id="ana")
    jobs.fail(claimed(jobs), "no", again=False)
    running = jobs.submit("acme", "add", {"text": SECRET}, user_id="ana", session_id="s")
    held = claimed(jobs)
    queued = jobs.submit("acme", "add", {"text": SECRET}, user_id="ana")
    others = [
        jobs.submit("acme", "add", {"text": "bens"}, user_id="ben"),
        jobs.submit("other", "add", {"text": "hers"}, user_id="ana"),
    ]
    assert [job.id for job in jobs.erase(Scope("ana", tenant_id="acme"))] == [running.id]
    assert [jobs.get("acme", job.id).state for job in (failed, running, queued)] == [
        *("failed", "running", "cancelled"),
    ]
    assert all(jobs.get("acme", job.id).payload is None for job in (failed, running, queued))
    assert [jobs.get(job.scope.tenant_id, job.id) for job in others] == others
    assert not jobs.wait(held, 0.01)
    with pytest.raises(JobCancelled):
        jobs.heartbeat(held, 60)
    jobs.stop(held)
    assert jobs.wait(held, 0)
    assert jobs.erase(Scope("ana", tenant_id="acme")) == ()


def test_one_documents_job_can_be_erased(jobs: Jobs) -> None:
    """Whoever's it is, and no other document's."""
    kept, gone = (jobs.submit("acme", "add", {"document_id": name}, user_id="ana") for name in ("a", "b"))
    jobs.erase(Scope(tenant_id="acme"), document_id="b")
    assert (jobs.get("acme", kept.id).state, jobs.get("acme", gone.id).state) == ("queued", "cancelled")


def test_ended_jobs_are_purged_after_a_while(jobs: Jobs, clock: Clock) -> None:
    """And no others."""
    old = jobs.submit("acme", "add", {})
    jobs.finish(claimed(jobs), {})
    waiting = jobs.submit("acme", "add", {})
    clock.at += JOB_RETENTION / 2
    recent = jobs.submit("acme", "add", {})
    jobs.cancel("acme", recent.id)
    clock.at += JOB_RETENTION / 2
    assert jobs.purge() == 1
    assert [job.id for job in jobs.list("acme").jobs] == [recent.id, waiting.id]
    with pytest.raises(NotFound):
        jobs.get("acme", old.id)


@pytest.mark.parametrize("spoiled", ["payload = '{'", "created_at = 'junk'", "user_id = x'00ff'"])
def test_a_damaged_job_holds_up_no_other(jobs: Jobs, database: Database, spoiled: str) -> None:
    """It has failed, with a reason that quotes nothing; the jobs behind it have their turn."""
    if not database.is_sqlite:
        pytest.skip("PostgreSQL keeps no such value")
    jobs.submit("acme", "add", {"n": 1})
    with database.write() as connection:
        connection.exec_driver_sql(f"UPDATE jobs SET {spoiled}")
    jobs.submit("globex", "add", {"n": 2})
    assert claimed(jobs).payload == {"n": 2}
    with database.read() as connection:
        found = connection.exec_driver_sql("SELECT state, payload FROM jobs WHERE tenant_id = 'acme'").all()
    assert [tuple(row) for row in found] == [("failed", None)]
