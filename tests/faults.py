"""Ports that fail on purpose: wrapped around real ones, they break at a named step of a call."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from memory.errors import DiskFull


class Faulty:
    """Passes everything on to a port, and calls `fault` with "before NAME" and "after NAME" of each method.

    A callback of ours that the port runs inside a call (`before_commit`, `remove`) is a step too.
    """

    def __init__(self, port: Any, name: str, fault: Callable[[str], None]) -> None:
        self._port = port
        self._name = name
        self._fault = fault

    def __getattr__(self, method: str) -> Any:
        found = getattr(self._port, method)
        if not callable(found):
            return found
        step = f"{self._name}.{method}"

        def call(*args: Any, **kwargs: Any) -> Any:
            self._fault(f"before {step}")
            passed = [self._watched(step, value) for value in args]
            named = {key: self._watched(step, value) for key, value in kwargs.items()}
            result = found(*passed, **named)
            self._fault(f"after {step}")
            return result

        return call

    def _watched(self, step: str, value: Any) -> Any:
        if not callable(value):
            return value

        def callback(*args: Any) -> Any:
            self._fault(f"in {step}")
            result = value(*args)
            self._fault(f"late in {step}")
            return result

        return callback


def kill_at(step: str, visit: int = 1) -> Callable[[str], None]:
    """A fault that ends the process as `kill -9` does, the n-th time the step is reached."""
    seen = 0

    def fault(reached: str) -> None:
        nonlocal seen
        seen += reached == step
        if seen == visit:
            os.kill(os.getpid(), signal.SIGKILL)

    return fault


def full_disk_at(step: str) -> Callable[[str], None]:
    """A fault that says what a full disk says, at a step."""

    def fault(reached: str) -> None:
        if reached == step:
            raise DiskFull("the disk is full; make room and try again (nothing stored is lost)")

    return fault
