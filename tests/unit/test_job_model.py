"""Jobs go through their states as a plain model of them does, whatever happens in whichever order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from memory.backends.sql.database import Database
from memory.backends.sql.tables import jobs as table
from memory.errors import Conflict, JobCancelled, LeaseLost
from memory.records import Scope
from memory.server.claimed_jobs import BACKOFF
from memory.server.job_rows import Job
from memory.server.jobs import ATTEMPTS, Jobs
from tests.tiny_memories import Clock


@dataclass
class Plain:
    """A job, as somebody would keep it on paper."""

    due_at: datetime
    state: str = "queued"
    attempt: int = 0
    attempts: int = 2
    cancelling: bool = False
    has_payload: bool = True
    ends: int = 0  # how often it was ended; never more than once between retries

    def end(self, state: str) -> None:
        self.state, self.ends = state, self.ends + 1
        self.has_payload = self.has_payload and state == "failed"


class OnPaper:
    """Does each step with the jobs and on paper. A number chooses among the newest jobs or claims."""

    def __init__(self, database: Database) -> None:
        with database.write() as connection:
            connection.execute(delete(table))
        self.clock = Clock()
        self.jobs = Jobs(database, clock=self.clock)
        self.plain: dict[str, Plain] = {}
        self.claims: list[Job] = []  # every one ever made, stale ones too
        self.submit(1)

    def submit(self, number: int) -> None:
        attempts = 1 + number % 2
        job = self.jobs.submit("acme", "add", {"n": 1}, user_id="ana", attempts=attempts)
        self.plain[job.id] = Plain(self.clock.at, attempts=attempts)

    def claim(self, _: int) -> None:
        got = self.jobs.claim("worker", 10)
        expected = self._claim_on_paper()
        assert (got and got.id) == expected
        if got is not None:
            assert got.attempt == self.plain[got.id].attempt
            self.claims.append(got)

    def _claim_on_paper(self) -> str | None:
        for job_id, plain in sorted(self.plain.items(), key=lambda item: (item[1].due_at, item[0])):
            if plain.state not in ("queued", "running") or plain.due_at > self.clock.at:
                continue
            if plain.state == "running" and plain.cancelling:
                plain.end("cancelled")
            elif plain.state == "running" and plain.attempt >= plain.attempts:
                plain.end("failed")
            else:
                plain.state, plain.attempt = "running", plain.attempt + 1
                plain.due_at = self.clock.at + timedelta(seconds=10)
                return job_id
        return None

    def finish(self, number: int) -> None:
        if (plain := self._said(number, lambda claim: self.jobs.finish(claim, {}))) is not None:
            plain.end("done")

    def fail(self, number: int) -> None:
        if (plain := self._said(number, lambda claim: self.jobs.fail(claim, "no"))) is None:
            return
        if plain.cancelling:
            plain.end("cancelled")
        elif plain.attempt >= plain.attempts:
            plain.end("failed")
        else:
            plain.state, plain.due_at = "queued", self.clock.at + BACKOFF * 2 ** (plain.attempt - 1)

    def stop(self, number: int) -> None:
        if (plain := self._said(number, self.jobs.stop)) is not None:
            plain.end("cancelled")

    def hand_back(self, number: int) -> None:
        if (plain := self._said(number, self.jobs.hand_back)) is None:
            return
        if plain.cancelling:
            plain.end("cancelled")
        else:
            plain.state, plain.due_at, plain.attempts = "queued", self.clock.at, plain.attempts + 1

    def heartbeat(self, number: int) -> None:
        def beat(claim: Job) -> None:
            if not self.plain[claim.id].cancelling:
                self.jobs.heartbeat(claim, 10)
                return
            with pytest.raises(JobCancelled):
                self.jobs.heartbeat(claim, 10)

        plain = self._said(number, beat)
        if plain is not None and not plain.cancelling:
            plain.due_at = self.clock.at + timedelta(seconds=10)

    def _said(self, number: int, how: Callable[[Job], object]) -> Plain | None:
        """Say it of a claim; the job on paper where the claim is in force, else it must not be heard."""
        if not self.claims:
            return None
        claim = self.claims[-1 - number % len(self.claims)]
        plain = self.plain[claim.id]
        if (plain.state, plain.attempt) == ("running", claim.attempt):
            how(claim)
            return plain
        with pytest.raises(LeaseLost):
            self.jobs.finish(claim, {})
        return None

    def cancel(self, number: int) -> None:
        job_id = self._recent(number)
        self.jobs.cancel("acme", job_id)
        plain = self.plain[job_id]
        if plain.state == "queued":
            plain.end("cancelled")
        elif plain.state == "running":
            plain.cancelling = True

    def retry(self, number: int) -> None:
        job_id = self._recent(number)
        plain = self.plain[job_id]
        if plain.state != "failed" or not plain.has_payload:
            with pytest.raises(Conflict):
                self.jobs.retry("acme", job_id)
            return
        self.jobs.retry("acme", job_id)
        again = {"state": "queued", "due_at": self.clock.at, "attempts": plain.attempt + ATTEMPTS}
        self.plain[job_id] = replace(plain, **again, ends=0)

    def _recent(self, number: int) -> str:
        return sorted(self.plain)[-1 - number % len(self.plain)]

    def pass_by(self, number: int) -> None:
        self.clock.pass_by(seconds=(2, 5, 10)[number % 3])

    def erase(self, _: int) -> None:
        running = self.jobs.erase(Scope("ana", tenant_id="acme"))
        holding = {name for name, p in self.plain.items() if p.state == "running" and p.has_payload}
        assert {job.id for job in running} == holding
        for plain in self.plain.values():
            plain.cancelling = plain.cancelling or (plain.state == "running" and plain.has_payload)
            plain.has_payload = False
            if plain.state == "queued":
                plain.end("cancelled")

    def compare(self) -> None:
        """The store says the same as the paper, and no job has ended twice."""
        found = {
            job.id: (job.state, job.attempt, job.attempts, job.cancelling, job.payload is not None)
            for job in self.jobs.list("acme", limit=1000).jobs
        }
        assert found == {
            name: (p.state, p.attempt, p.attempts, p.cancelling, p.has_payload)
            for name, p in self.plain.items()
        }
        assert all(plain.ends <= 1 for plain in self.plain.values())


OFTEN = ("submit", "claim", "claim", "claim", "pass_by", "pass_by", "fail", "fail", "finish", "heartbeat")
SELDOM = ("hand_back", "stop", "cancel", "retry", "erase")
STEPS = st.lists(st.tuples(st.sampled_from((*OFTEN, *SELDOM)), st.integers(0, 5)), min_size=15, max_size=40)


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.generate],  # making a failure smaller would take minutes of database work
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_any_order_of_events_is_as_on_paper(database: Database, steps: list[tuple[str, int]]) -> None:
    """What the model says of each job, the store says, after every step."""
    paper = OnPaper(database)
    for step, number in steps:
        getattr(paper, step)(number)
        paper.compare()
