"""A process of its own for test_jobs_killed.py: works on jobs until it is told to stop, or dies.

python -m tests.integration.job_process URL FILE SECONDS

Appends to FILE the id of each job it begins; told to stop, it gives what runs so many seconds.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from memory.backends.sql.database import Database
from memory.server.job_rows import Job
from memory.server.jobs import Jobs
from memory.server.worker import Progress, Worker


def main(url: str, file: Path) -> None:
    def note(job: Job, progress: Progress) -> dict[str, object]:
        with file.open("a") as lines:
            lines.write(f"{job.id}\n")
        for step in range(int(job.payload["steps"]) if job.payload else 0):
            progress(step)
            time.sleep(0.05)
        return {"by": os.getpid()}

    database = Database(url, busy_timeout_s=60)
    worker = Worker(Jobs(database), {"note": note}, threads=2, lease_s=1.0, poll_s=0.05).start()
    print("ready", flush=True)
    sys.stdin.read()  # until whoever started us closes it
    worker.stop(float(sys.argv[3]))
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
