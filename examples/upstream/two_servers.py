"""What these examples run on: a memory in front of another LLM. Here that is a second `memory serve`, which
remembers nothing of them; yours is OpenAI, vLLM, Ollama: put its address into MEMORY_UPSTREAM_URL.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

HEADER = "X-User"  # says who speaks; `user` in the body does too, and is passed on to the other LLM


@contextmanager
def memory_in_front_of_a_model() -> Iterator[str]:
    """The address of a server that remembers, with another LLM behind it."""
    with ExitStack() as running:
        model = running.enter_context(_serving())
        front = {"MEMORY_UPSTREAM_URL": model, "MEMORY_UPSTREAM_USER_HEADER": HEADER}
        yield running.enter_context(_serving(**front))


@contextmanager
def _serving(**settings: str) -> Iterator[str]:
    command = [Path(sys.executable).with_name("memory"), "serve", "--anonymous", "--port", "0", "--json"]
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "MEMORY_HOME": home, **settings}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env) as server:
            assert server.stdout is not None
            yield json.loads(server.stdout.readline())["listening"] + "/v1"
            server.terminate()
