"""A server as a process of its own, with models that echo: `python -m tests.api.server_process HOME`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import memory
from memory.api import job_process, serving
from memory.api.app import open_store
from memory.cli import main
from memory.settings import Settings
from tests.command import echoes

ROOT = Path(__file__).parents[2]
ECHO_JOBS = (sys.executable, "-W", "error", "-m", "tests.api.echo_jobs")


@contextmanager
def server(
    home: Path, *options: str, files: int | None = None, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and its address once it listens; `files` is how many it may have open."""
    command = [sys.executable, "-W", "error", "-m", "tests.api.server_process", str(home), *options]
    if files is not None:
        command = ["sh", "-c", 'ulimit -n "$0" && exec "$@"', str(files), *command]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MEMORY_JOB_LEASE_S": "1", **environment}
    with (home.parent / "stderr").open("a") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=env, cwd=home.parent
        )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("listening on "), (home.parent / "stderr").read_text()
        yield process, said.removeprefix("listening on ").strip()
    finally:
        process.kill()
        process.wait(10)
        process.stdout.close()


def serve_apart(home: str) -> None:
    """With a process for jobs, which echoes too."""
    settings = Settings.load(home=home, port=0, anonymous=True)
    begin = partial(job_process.begin, settings, command=ECHO_JOBS)
    with memory.Memory(settings, store=open_store(settings), **echoes()) as opened:
        serving.serve(opened, lambda url: print(f"listening on {url}", flush=True), begin)


if __name__ == "__main__":
    if "ECHO_STEP_S" in os.environ:
        sys.exit(serve_apart(sys.argv[1]))
    sys.exit(
        main(
            ["--home", sys.argv[1], "serve", "--port", "0", *sys.argv[2:]],
            open_memory=lambda **given: memory.open(**{**echoes(), **given}),
        )
    )
