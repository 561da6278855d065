"""Jobs go through their states as a plain model of them does, whatever happens in whichever order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import delete

from memory.database import Database
from memory.errors import Conflict, JobCancelled, LeaseLost
from memory.records import Scope
from memory.server.jobs import ATTEMPTS, BACKOFF, Job, Jobs
from memory.tables import jobs as table
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


class JobMachine(RuleBasedStateMachine):
    """Submits, claims, ends and loses jobs in any order; `claims` holds every claim made, stale ones too."""

    database: Database
    claims = Bundle("claims")
    ids = Bundle("ids")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.jobs = Jobs(self.database, clock=self.clock)
        self.plain: dict[str, Plain] = {}
        with self.database.write() as connection:
            connection.execute(delete(table))

    @rule(target=ids)
    def submit(self) -> str:
        job = self.jobs.submit("acme", "add", {"n": 1}, user_id="ana", attempts=2)
        self.plain[job.id] = Plain(self.clock.at)
        return job.id

    @rule(target=claims)
    def claim(self) -> Job | None:
        got = self.jobs.claim("worker", 10)
        expected = self._claim_on_paper()
        assert (got and got.id) == expected
        if expected is not None:
            assert got is not None
            assert got.attempt == self.plain[expected].attempt
        return got

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

    @rule(claim=claims, how=st.sampled_from(["finish", "fail", "stop", "hand_back", "heartbeat"]))
    def say(self, claim: Job | None, how: str) -> None:
        if claim is None:
            return
        plain = self.plain[claim.id]
        expected: type[Exception] | None = None
        if (plain.state, plain.attempt) != ("running", claim.attempt):
            expected = LeaseLost
        elif how == "heartbeat" and plain.cancelling:
            expected = JobCancelled
        if expected is None:
            self._tell(claim, how)
            self._note(plain, how)
        else:
            with pytest.raises(expected):
                self._tell(claim, how)

    def _tell(self, claim: Job, how: str) -> None:
        given = {"finish": ({},), "fail": ("no",), "heartbeat": (10,)}.get(how, ())
        getattr(self.jobs, how)(claim, *given)

    def _note(self, plain: Plain, how: str) -> None:
        if how == "finish":
            plain.end("done")
        elif how == "stop" or (how == "fail" and plain.cancelling):
            plain.end("cancelled")
        elif how == "fail" and plain.attempt >= plain.attempts:
            plain.end("failed")
        elif how == "fail":
            plain.state, plain.due_at = "queued", self.clock.at + BACKOFF * 2 ** (plain.attempt - 1)
        elif how == "hand_back":
            plain.state, plain.due_at, plain.attempts = "queued", self.clock.at, plain.attempts + 1
        else:
            plain.due_at = self.clock.at + timedelta(seconds=10)

    @rule(job_id=ids)
    def cancel(self, job_id: str) -> None:
        self.jobs.cancel("acme", job_id)
        plain = self.plain[job_id]
        if plain.state == "queued":
            plain.end("cancelled")
        elif plain.state == "running":
            plain.cancelling = True

    @rule(job_id=ids)
    def retry(self, job_id: str) -> None:
        plain = self.plain[job_id]
        if plain.state != "failed" or not plain.has_payload:
            with pytest.raises(Conflict):
                self.jobs.retry("acme", job_id)
            return
        self.jobs.retry("acme", job_id)
        self.plain[job_id] = replace(
            plain, state="queued", due_at=self.clock.at, attempts=plain.attempt + ATTEMPTS, ends=0
        )

    @rule(seconds=st.sampled_from([1, 10, 60]))
    def pass_by(self, seconds: int) -> None:
        self.clock.pass_by(seconds=seconds)

    @rule(_=consumes(ids))
    def erase(self, _: str) -> None:
        """Now and then, everything; taking an id out keeps it rare."""
        running = self.jobs.erase(Scope("ana", tenant_id="acme"))
        holding = {name for name, p in self.plain.items() if p.state == "running" and p.has_payload}
        assert {job.id for job in running} == holding
        for plain in self.plain.values():
            plain.cancelling = plain.cancelling or (plain.state == "running" and plain.has_payload)
            plain.has_payload = False
            if plain.state == "queued":
                plain.end("cancelled")

    @invariant()
    def the_store_says_the_same(self) -> None:
        page = self.jobs.list("acme", limit=1000)
        found = {
            job.id: (job.state, job.attempt, job.attempts, job.cancelling, job.payload is not None)
            for job in page.jobs
        }
        assert found == {
            name: (p.state, p.attempt, p.attempts, p.cancelling, p.has_payload)
            for name, p in self.plain.items()
        }
        assert all(plain.ends <= 1 for plain in self.plain.values())


def test_any_order_of_events_is_as_on_paper(database: Database) -> None:
    """What the model says of each job, the store says, after every step."""
    machine = type("Machine", (JobMachine,), {"database": database})
    # Making a failure smaller would take minutes of database work; so few steps are read as they are.
    chosen = settings(
        max_examples=40,
        stateful_step_count=20,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=chosen)  # type: ignore[no-untyped-call]
