"""The entry point of the `memory` command: checks that its packages are the ones it imports, and runs it."""

from __future__ import annotations

import gc
import os
import sys

from integrations.names import require_packages

_NEW_OBJECTS = 200_000  # between two collections; imports make a million objects, none of them garbage
_NO_PLUGINS = ("PYDANTIC_DISABLE_PLUGINS", "__all__")  # to find them, it reads what every package declares


def main() -> int:
    """Run `memory`; returns its exit code. 1, with one line, where a file of the user's hides a package."""
    os.environ.setdefault(*_NO_PLUGINS)
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    try:
        require_packages()
    except ImportError as error:
        print(f"memory: {error}", file=sys.stderr)
        return 1
    from memory.cli import main as run

    code = run()
    gc.freeze()  # the interpreter, ending, looks for garbage once more, among all that torch ever made
    return code
