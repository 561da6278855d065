"""The entry point of the `memory` command: checks that its packages are the ones it imports, and runs it."""

from __future__ import annotations

import sys

from integrations.names import require_packages


def main() -> int:
    """Run `memory`; returns its exit code. 1, with one line, where a file of the user's hides a package."""
    try:
        require_packages()
    except ImportError as error:
        print(f"memory: {error}", file=sys.stderr)
        return 1
    from memory.cli import main as run

    return run()
