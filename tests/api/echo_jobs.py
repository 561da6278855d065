"""The process for jobs of test_job_process.py, with models that echo: `python -m tests.api.echo_jobs`.

Each step of what it remembers takes as many seconds as ECHO_STEP_S says.
"""

from __future__ import annotations

import os
import time
from typing import Any

import memory
from memory.api import job_process
from memory.service import Service
from tests.command import echoes


class Slowly(memory.Memory):
    """Takes its time for each text."""

    def add(self, *given: Any, **named: Any) -> Any:
        time.sleep(float(os.environ.get("ECHO_STEP_S", "0")))
        return super().add(*given, **named)


def open_memory(**given: Any) -> Service:
    return Slowly(**echoes(), **given)


if __name__ == "__main__":
    job_process.work(open_memory, idle_s=float(os.environ.get("ECHO_IDLE_S", "30")))
