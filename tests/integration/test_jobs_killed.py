"""Workers as real processes, killed in the middle of jobs or racing for them: each job has one end."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL

from memory.backends.sql.database import Database
from memory.server.job_rows import Job
from memory.server.jobs import Jobs

ROOT = Path(__file__).parents[2]
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(database_url: URL, tmp_path: Path) -> Iterator[Start]:
    """Starts a worker process; at the end all are stopped as a supervisor would."""
    running: list[subprocess.Popen[str]] = []

    def start_(patience_s: float = 10) -> subprocess.Popen[str]:
        url = database_url.render_as_string(hide_password=False)
        command = [sys.executable, "-m", "tests.integration.job_process", url, str(tmp_path / "begun")]
        command.append(str(patience_s))
        pipe = subprocess.PIPE
        running.append(subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True))
        return running[-1]

    yield start_
    for process in running:
        process.communicate(timeout=60)


def ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


def ended(jobs: Jobs, made: list[Job], within_s: float = 60) -> list[Job]:
    """The jobs, once they have all ended."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = [jobs.get(job.scope.tenant_id, job.id) for job in made]
        if all(job.ended for job in found):
            return found
        time.sleep(0.05)
    raise AssertionError([jobs.get(job.scope.tenant_id, job.id) for job in made])


def begun(tmp_path: Path) -> Counter[str]:
    path = tmp_path / "begun"
    return Counter(path.read_text().split()) if path.is_file() else Counter()


def test_a_killed_worker_is_replaced(database: Database, start: Start, tmp_path: Path) -> None:
    """What it was at is begun anew by another when its lease is over, and is done once; the rest goes on."""
    jobs = Jobs(database)
    long = [jobs.submit(tenant, "note", {"steps": 10_000}) for tenant in ("acme", "beta")]  # a thread each
    first = start()
    ready(first)
    while len(begun(tmp_path)) < 2:
        time.sleep(0.02)
    assert {jobs.get(job.scope.tenant_id, job.id).state for job in long} == {"running"}
    first.kill()
    short = [jobs.submit("acme", "note", {"steps": 1}) for _ in range(3)]
    for job in long:
        _shorten(database, job)
    second = start()
    ready(second)
    found = ended(jobs, [*long, *short])
    assert {(job.state, job.result and job.result["by"]) for job in found} == {("done", second.pid)}
    assert [job.attempt for job in found] == [2, 2, 1, 1, 1]
    assert begun(tmp_path) == {**{job.id: 2 for job in long}, **{job.id: 1 for job in short}}


def test_workers_that_race_run_each_job_once(database: Database, start: Start, tmp_path: Path) -> None:
    """Two processes with two threads each: every job is begun by one of them alone."""
    jobs = Jobs(database)
    workers = [start(), start()]
    for worker in workers:
        ready(worker)
    made = [jobs.submit(f"tenant {n % 3}", "note", {"steps": 2}) for n in range(24)]
    found = ended(jobs, made)
    assert {job.state for job in found} == {"done"}
    assert {job.result and job.result["by"] for job in found} == {worker.pid for worker in workers}
    assert begun(tmp_path) == {job.id: 1 for job in made}


def test_a_worker_told_to_stop_hands_back_what_it_cannot_finish(
    database: Database, start: Start, tmp_path: Path
) -> None:
    """Nothing waits for a lease to run out: the job is queued again when the process is gone."""
    jobs = Jobs(database)
    job = jobs.submit("acme", "note", {"steps": 10_000})
    worker = start(patience_s=0.2)
    ready(worker)
    while not begun(tmp_path):
        time.sleep(0.02)
    worker.communicate(timeout=60)
    found = jobs.get("acme", job.id)
    assert (worker.returncode, found.state, found.attempt, found.attempts) == (0, "queued", 1, 6)


def _shorten(database: Database, job: Job) -> None:
    """Let the job be a short one from now on, so that the test need not wait for it."""
    from sqlalchemy import update

    from memory.backends.sql.tables import jobs as table

    with database.write() as connection:
        connection.execute(update(table).where(table.c.id == job.id).values(payload={"steps": 1}))
