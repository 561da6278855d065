"""A server as a process of its own, with models that echo: `python -m tests.api.server_process HOME`."""

from __future__ import annotations

import sys

import memory
from memory.cli import main
from tests.command import echoes

if __name__ == "__main__":
    sys.exit(
        main(
            ["--home", sys.argv[1], "serve", "--port", "0", *sys.argv[2:]],
            open_memory=lambda **given: memory.open(**{**echoes(), **given}),
        )
    )
