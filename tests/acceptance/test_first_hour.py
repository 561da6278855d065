"""The first hour with the packaged model, as real processes: nothing is faked."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.command import COMMAND

pytestmark = pytest.mark.usefixtures("reference")


def test_told_in_one_process_and_answered_in_the_next(process: Any) -> None:
    """Add, ask, forget, ask: the answer comes from weights while it may, and is gone when it is forgotten."""
    assert process("add", "My dog is called Biscuit and we live in Lisbon.").code == 0
    reply = process("ask", "What is my dog called?", "--json").json
    assert "Biscuit" in reply["text"]
    assert reply["memory_tokens"] == 0
    assert process("forget", "--all", "--yes").code == 0
    forgotten = process("ask", "What is my dog called?")
    assert "Biscuit" not in forgotten.out
    assert forgotten.err == ""


def test_who_moved_lives_in_the_new_place(process: Any) -> None:
    """Neither what was told before nor the place that the move itself names comes back."""
    for told in ("I live in Lisbon.", "I moved from Lisbon to Porto."):
        assert process("add", told).code == 0
    assert process("ask", "Where do I live?", "--json").json["text"] == "Porto"


def test_chat_in_a_terminal_remembers_across_restarts(home: Path) -> None:
    """At a real terminal: /help, tell and /quit; ask in another session and Ctrl-D."""
    assert "ends the chat" in talk(home, "monday", "/help\n", "My cat is called Tom.\n", "/quit\n")
    assert "Tom" in talk(home, "tuesday", "What is my cat called?\n", "\x04")


def talk(home: Path, session: str, *typed: str) -> str:
    """Types into `memory chat`, each time at its prompt; returns what the terminal showed."""
    here, there = pty.openpty()
    command = [COMMAND, "chat", "--session", session]
    environment = {**os.environ, "MEMORY_HOME": str(home), "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdin=there, stdout=there, stderr=there, env=environment) as chat:
        os.close(there)
        shown = ""
        for line in typed:
            shown += until(here, "you> ")
            os.write(here, line.encode())
        shown += until(here, None)
        os.close(here)
        assert chat.wait(60) == 0
    assert "Traceback" not in shown
    return shown


def until(terminal: int, mark: str | None, seconds: float = 120) -> str:
    """What is shown until the mark, or until the other side hangs up."""
    shown, end = "", time.monotonic() + seconds
    while time.monotonic() < end and (mark is None or mark not in shown):
        if not select.select([terminal], [], [], 0.2)[0]:
            continue
        try:
            data = os.read(terminal, 4096)
        except OSError:  # Linux says EIO when nobody is left
            return shown
        if not data:
            return shown
        shown += data.decode(errors="replace")
    assert mark is None or mark in shown, f"no {mark!r} within {seconds} s: {shown!r}"
    return shown


def test_nothing_is_said_on_standard_error(process: Any) -> None:
    """No warnings of libraries, no progress of downloads."""
    assert process("add", "My cat is called Tom.").err == ""
    assert process("search", "cat", "--json").err == ""
    assert process("ask", "word " * 1000).err.startswith("memory: the message makes a prompt of ")
