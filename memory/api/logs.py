"""The server's log on standard error, rate-limited by kind: JSON lines; on a terminal, lines to read."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from collections.abc import Callable
from threading import Lock
from typing import Any

MOST_A_SECOND = 5.0  # lines of one kind, in the long run,
AT_ONCE = 50.0  # and so many in a row
_MOST_KINDS = 1000  # that are told apart
_VALUES = re.compile(r"[0-9a-f]*\d[0-9a-f]*")  # numbers and addresses
_REFUSED = (400, 401, 403, 404, 405, 408, 413, 429, 499)


class JsonLines(logging.Formatter):
    """A JSON object a line. Of an exception, its kind and where it arose; never its words.

    What an exception says may quote what somebody told: a row, a value that did not fit.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if left_out := getattr(record, "left_out", 0):
            line["left_out"] = left_out  # of its kind, since the last one
        if record.exc_info and record.exc_info[0] is not None:
            line |= {"error": record.exc_info[0].__name__, "where": _where(record)}
        return json.dumps(line, ensure_ascii=False)


class Readable(JsonLines):
    """The same for people: time, level and event, then the other fields as name=value."""

    def format(self, record: logging.LogRecord) -> str:
        line = json.loads(super().format(record))
        at, level, event = (line.pop(name) for name in ("at", "level", "event"))
        rest = " ".join(f"{name}={value}" for name, value in line.items() if value is not None)
        return f"{at[11:19]} {level:<8} {event} {rest}"


class Sparing(logging.Filter):
    """Lets lines of one kind through at a bounded rate; the next one says how many were left out.

    A kind is a message before its values are put in; where a library has done that already, the beginning
    of its first line. Requests that were answered well are never left out: only those who hold a key make
    them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._lock = Lock()
        self._kinds: dict[tuple[Any, ...], list[float]] = {}  # -> [lines left, since when, left out]

    def filter(self, record: logging.LogRecord) -> bool:
        status = getattr(record, "fields", {}).get("status")
        if status is not None and status not in _REFUSED:
            return True
        with self._lock:
            if len(self._kinds) >= _MOST_KINDS:
                self._kinds.clear()
            now = self._clock()
            kind = self._kinds.setdefault(
                (record.name, record.levelno, _kind(record), status), [AT_ONCE, now, 0]
            )
            kind[0] = min(AT_ONCE, kind[0] + (now - kind[1]) * MOST_A_SECOND)
            kind[1] = now
            if kind[0] < 1:
                kind[2] += 1
                return False
            record.left_out, kind[2] = int(kind[2]), 0
            kind[0] -= 1
            return True


def _kind(record: logging.LogRecord) -> str:
    """What a line is one of: some libraries put their values in before they log."""
    said = str(record.msg)
    return said if record.args else _VALUES.sub("0", said.partition("\n")[0])[:60]


def _where(record: logging.LogRecord) -> list[str]:
    frames, places = record.exc_info[2] if record.exc_info else None, []
    while frames is not None:
        places.append(f"{frames.tb_frame.f_code.co_filename}:{frames.tb_lineno}")
        frames = frames.tb_next
    return places[-8:]


def log_to_stderr() -> dict[str, Any]:
    """A logging configuration (dictConfig) for standard error, uvicorn's own lines among them."""
    form = "readable" if sys.stderr.isatty() else "json"
    handler = {"class": "logging.StreamHandler", "formatter": form, "filters": ["sparing"]}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": JsonLines}, "readable": {"()": Readable}},
        "filters": {"sparing": {"()": Sparing}},
        "handlers": {"stderr": {**handler, "stream": sys.stderr}},
        "root": {"handlers": ["stderr"], "level": "WARNING"},
        "loggers": {"memory": {"level": "INFO"}, "uvicorn": {"level": "INFO"}},
    }
