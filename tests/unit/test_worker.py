"""A worker runs its handlers, keeps their leases, and tells how they ended, whatever they do."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Event
from typing import Any

import pytest

from memory.backends.sql.database import Database
from memory.errors import BlobError, ModelUnavailable, StoreUnavailable, TextTooLarge
from memory.server import worker as worker_module
from memory.server.job_rows import Job
from memory.server.jobs import Jobs
from memory.server.worker import Handler, Progress, Worker

SECRET = "the treasure is under the old oak"
Start = Callable[..., Worker]


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database)


@pytest.fixture
def start(jobs: Jobs) -> Iterator[Start]:
    started: list[Worker] = []

    def start_(handler: Handler, **given: Any) -> Worker:
        worker = Worker(jobs, {"add": handler}, **{"lease_s": 0.4, "poll_s": 0.02, **given})
        started.append(worker.start())
        return worker

    yield start_
    for worker in started:
        worker.stop(5)


def until(jobs: Jobs, job: Job, *states: str) -> Job:
    """The job, once it is in one of the states."""
    deadline = time.monotonic() + 30
    while (found := jobs.get(job.scope.tenant_id, job.id)).state not in states:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


def nothing(*_: object) -> Mapping[str, Any]:
    return {}


def test_a_job_is_run_and_its_result_kept(jobs: Jobs, start: Start) -> None:
    """The handler gets the job with its payload; waking the worker spares the wait for its next look."""
    worker = start(lambda job, _: {"said": job.payload and job.payload["n"]}, poll_s=60)
    time.sleep(0.05)
    job = jobs.submit("acme", "add", {"n": 3})
    worker.wake()
    assert until(jobs, job, "done").result == {"said": 3}


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (
            ModelUnavailable("no model in /home/ana"),
            "queued",
            "the model cannot be used now; try again later",
        ),
        (TextTooLarge("the text has 9 bytes"), "failed", "the text has 9 bytes"),
        (ValueError(SECRET), "queued", "unexpected ValueError"),
        (RecursionError(SECRET), "queued", "unexpected RecursionError"),
    ],
)
def test_a_failure_is_told_without_what_it_failed_on(
    jobs: Jobs, start: Start, caplog: pytest.LogCaptureFixture, error: Exception, state: str, reason: str
) -> None:
    """Our own errors in their words, others by kind; what would fail again the same way ends at once."""

    def fails(*_: object) -> Mapping[str, Any]:
        raise error

    caplog.set_level(logging.DEBUG)
    start(fails)
    job = jobs.submit("acme", "add", {"text": SECRET})
    deadline = time.monotonic() + 30
    while (found := jobs.get("acme", job.id)).reason is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert (found.state, found.reason) == (state, reason)
    assert SECRET not in caplog.text


def test_one_purge_that_fails_keeps_no_other_from_its_work(start: Start) -> None:
    """What cannot be done now is done an hour later."""
    purged = Event()

    def away() -> None:
        raise StoreUnavailable("gone")

    start(nothing, purges=[away, purged.set])
    assert purged.wait(10)


def test_a_handler_may_be_silent_for_longer_than_the_lease(jobs: Jobs, start: Start) -> None:
    """Its worker keeps the lease; nobody else gets the job meanwhile."""

    def slow(*_: object) -> Mapping[str, Any]:
        time.sleep(1.0)
        return {}

    start(slow)
    start(slow)
    job = jobs.submit("acme", "add", {})
    assert until(jobs, job, "done").attempt == 1


def test_a_cancelled_handler_stops_at_its_next_step(jobs: Jobs, start: Start) -> None:
    """And its progress was seen until then."""

    def endless(_: Job, progress: Progress) -> Mapping[str, Any]:
        for step in range(10_000):
            progress(step + 1, 10_000)
            time.sleep(0.01)
        return {}

    start(endless)
    job = jobs.submit("acme", "add", {})
    while not (seen := until(jobs, job, "running")).done:
        time.sleep(0.01)
    assert seen.total == 10_000
    jobs.cancel("acme", job.id)
    assert until(jobs, job, "cancelled").payload is None


def test_stopping_lets_a_handler_finish(jobs: Jobs, start: Start) -> None:
    """What runs ends well, and nothing new is begun."""
    begun = Event()

    def short(*_: object) -> Mapping[str, Any]:
        begun.set()
        time.sleep(0.2)
        return {}

    worker = start(short)
    first = jobs.submit("acme", "add", {})
    assert begun.wait(10)
    second = jobs.submit("acme", "add", {})
    worker.stop(10)
    assert (jobs.get("acme", first.id).state, jobs.get("acme", second.id).state) == ("done", "queued")


def test_stopping_hands_back_what_does_not_end(jobs: Jobs, start: Start) -> None:
    """Another worker does it; what the first says of it later is not heard."""
    begun, release, over = Event(), Event(), Event()

    def stuck(*_: object) -> Mapping[str, Any]:
        begun.set()
        release.wait(30)
        over.set()
        return {"by": "first"}

    worker = start(stuck)
    job = jobs.submit("acme", "add", {})
    assert begun.wait(10)
    worker.stop(0.05)
    start(lambda *_: {"by": "second"})
    assert until(jobs, job, "done").result == {"by": "second"}
    release.set()
    assert over.wait(10)
    while worker.busy:
        time.sleep(0.01)
    found = jobs.get("acme", job.id)
    assert (found.result, found.attempt) == ({"by": "second"}, 2)


def test_a_database_that_is_away_for_a_while_costs_no_worker(
    jobs: Jobs, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks again; when the database is back, so is the work."""
    really, asked = jobs.claim, Event()

    def away(*_: object, **__: object) -> None:
        asked.set()
        raise StoreUnavailable("gone")

    monkeypatch.setattr(jobs, "claim", away)
    start(nothing)
    assert asked.wait(10)
    monkeypatch.setattr(jobs, "claim", really)
    assert until(jobs, jobs.submit("acme", "add", {}), "done").attempt == 1


def test_a_job_whose_end_could_not_be_noted_comes_again(
    jobs: Jobs, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its lease is over; as seen from outside it ends once."""
    really, tries = jobs.finish, []

    def once_away(job: Job, result: Mapping[str, Any], **progress: Any) -> Job:
        tries.append(job.attempt)
        if len(tries) == 1:
            raise StoreUnavailable("gone")
        return really(job, result, **progress)

    monkeypatch.setattr(jobs, "finish", once_away)
    start(nothing)
    assert until(jobs, jobs.submit("acme", "add", {}), "done").attempt == 2
    assert tries == [1, 2]


@pytest.mark.parametrize("error", [StoreUnavailable("away"), BlobError("away"), ValueError(SECRET)])
def test_a_sweep_that_fails_comes_again_and_leases_are_kept(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """Whatever it fails with: the thread that sweeps prolongs the leases, too."""
    monkeypatch.setattr(worker_module, "_SWEEP_EVERY_S", 0.05)
    swept = Event()
    calls = iter(range(1000))

    def sweep() -> None:
        if next(calls):
            swept.set()
        raise error

    start(nothing, sweeps=[sweep])
    assert swept.wait(30)
    assert SECRET not in caplog.text
