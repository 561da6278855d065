"""What the `memory` command says when something is wrong: one clear line, an exit code, nothing lost."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import memory
from memory.cli import main

DOG = "My dog is called Biscuit."


def refused(result: Any, code: int, *words: str) -> None:
    """One line on standard error that has these words, and nothing on standard output."""
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("memory: ")
    assert len(result.err.splitlines()) == 1
    for word in words:
        assert word in result.err


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_blank_text_is_refused(run: Any, text: str) -> None:
    """There is nothing to remember, as argument or piped in."""
    refused(run("add", text), 1, "empty")
    refused(run("add", stdin=text), 1, "empty")
    refused(run("ask", text), 1, "empty")
    refused(run("add", "--session", "s1", stdin=text), 1, "empty")


def test_files_that_cannot_be_read_are_refused(run: Any, tmp_path: Path) -> None:
    """A missing file, a folder, and bytes that are no text: each by its name."""
    refused(run("add", "--file", str(tmp_path / "nope.md")), 1, "nope.md", "No such file")
    refused(run("add", "--file", str(tmp_path)), 1, str(tmp_path), "directory")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9 au lait")
    refused(run("add", "--file", str(tmp_path / "latin.txt")), 1, "latin.txt", "not UTF-8", "0xe9 at 3")
    (tmp_path / "binary.txt").write_bytes(b"abc\0def")
    refused(run("add", "--file", str(tmp_path / "binary.txt")), 1, "NUL")
    refused(run("add", stdin=b"\xff\xfe"), 1, "standard input", "not UTF-8")
    refused(run("add", "--file", "\x1b[31mred.md"), 1, "\\x1b[31mred.md")  # nor may a name steer the terminal


def test_a_chat_ends_at_a_line_that_cannot_be_read(run: Any) -> None:
    """What was said before it is answered and remembered; a byte order mark is no part of it."""
    chatted = run("chat", stdin=b"\xef\xbb\xbfMy dog is called Biscuit.\ncaf\xe9\nBye!\n")
    assert (chatted.code, len(chatted.out.splitlines())) == (1, 1)
    assert chatted.err == "memory: the text is not valid Unicode at character 3; decode it first\n"
    assert [line[-1] for line in run("list").lines] == [f"User: {DOG}"]


@pytest.mark.usefixtures("home")
def test_standard_input_may_be_closed(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under some supervisors: nothing is piped in, and nobody is there to confirm."""
    for args, words in ((["add"], "empty"), (["forget", "--all"], "--yes")):
        monkeypatch.setattr(sys, "stdin", None)
        assert main(args, open_memory=memory.open) != 0
        assert words in capfd.readouterr().err


def test_ten_megabytes_are_refused_by_their_size(run: Any, tmp_path: Path) -> None:
    """More than the setting allows, piped in or in a file; a setting allows more."""
    refused(run("add", stdin=b"word " * 2_000_000), 1, "standard input", "4,194,304", "MEMORY_MAX_TEXT_BYTES")
    (tmp_path / "big.txt").write_bytes(b"word " * 2_000_000)
    refused(run("add", "--file", str(tmp_path / "big.txt")), 1, "big.txt", "4,194,304")
    refused(run("add", "word " * 900_000), 1, "4,500,000")


def test_an_allowed_size_is_a_setting(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """MEMORY_MAX_TEXT_BYTES counts."""
    monkeypatch.setenv("MEMORY_MAX_TEXT_BYTES", "10")
    refused(run("add", DOG), 1, "at most 10")


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("My dog is called Biscuit.", ("line 1", "JSON")),
        ('{"role": "user", "content": "Hello."}\n\n{"role": "user"', ("line 3", "JSON")),
        ('{"role": "user", "content": "Hello."}\n{"role": "dog", "content": "Woof."}', ("line 2", "'dog'")),
        ('{"role": "user", "content": 3}', ("line 1", "int")),
        ('["user", "Hello."]', ("line 1", "list")),
    ],
)
def test_a_wrong_line_of_a_conversation_is_named(run: Any, lines: str, words: Sequence[str]) -> None:
    """Nothing of the conversation is stored."""
    refused(run("add", "--session", "s1", stdin=lines), 1, *words)
    assert run("list").out == ""


def test_wrong_usage_is_said_on_one_line(run: Any, tmp_path: Path) -> None:
    """Exit code 2, and where the help is."""
    refused(run("bogus"), 2, "bogus", "--help")
    refused(run("ask"), 2, "question", "memory ask --help")
    refused(run("ask", "Why?", "--colour", "red"), 2, "--colour")
    refused(run("ask", "Why?", "--mode", "magic"), 2, "magic", "adapters")
    refused(run("search", "dog", "-k", "0"), 2, "-k")
    refused(run("add", DOG, "--file", str(tmp_path / "a.md")), 2, "not both")


def test_forget_wants_to_know_what_and_wants_a_yes(run: Any) -> None:
    """Without a target, with two, or with nobody to confirm it, nothing is erased."""
    [[_, memory_id, _]] = run("add", DOG).lines
    refused(run("forget", "--yes"), 2, "--all")
    refused(run("forget", memory_id, "--all", "--yes"), 2, "--all")
    refused(run("forget", "--all"), 2, "--yes")
    assert len(run("list").lines) == 1


def test_forget_asks_a_person(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A no leaves everything as it was; the question says how much would go."""
    run("add", DOG)
    monkeypatch.setattr("memory.cli.forget.someone_there", lambda: True)
    stopped = run("forget", "--all", stdin="n\n")
    assert stopped.code == 130
    assert "1 memory and 0 turns of ana" in stopped.err
    assert len(run("list").lines) == 1
    assert run("forget", "--all", stdin="y\n").code == 0
    assert run("list").out == ""


def test_blank_names_are_refused(run: Any) -> None:
    """An unset variable must not widen what is read or erased."""
    refused(run("list", "--user", ""), 1, "user_id is blank")
    refused(run("forget", "--session", "", "--yes"), 1, "session_id is blank")
    refused(run("--home", "", "list"), 1, "MEMORY_HOME", "blank")


def test_a_wrong_setting_is_named(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its variable."""
    monkeypatch.setenv("MEMORY_MERGE_BUDGET", "0")
    refused(run("list"), 1, "MEMORY_MERGE_BUDGET")


def test_a_newer_database_is_left_alone(run: Any, home: Path) -> None:
    """It says what to install, and the memories are still there afterwards."""
    run("add", DOG)
    with sqlite3.connect(home / "memory.db") as database:
        [[step]] = database.execute("SELECT version_num FROM alembic_version")
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    refused(run("list"), 1, "9999", "install")
    with sqlite3.connect(home / "memory.db") as database:
        database.execute("UPDATE alembic_version SET version_num = ?", [step])
    database.close()
    assert run("list").lines[0][-1] == DOG


def test_a_home_that_cannot_be_is_refused(run: Any, tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "file").write_text("")
    assert run("--home", str(tmp_path / "file"), "list").code == 1


def test_a_damaged_adapter_is_made_again(run: Any, home: Path) -> None:
    """The answer is still right."""
    run("add", DOG)
    [blob] = [path for path in (home / "blobs").rglob("*") if path.is_file()]
    blob.chmod(0o600)
    blob.write_bytes(b"damaged")
    assert run("ask", "What is my dog called?").out == f"{DOG}\n"


@pytest.mark.usefixtures("home")
def test_the_unexpected_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With MEMORY_DEBUG it is the traceback instead."""

    def broken(**_: object) -> Any:
        raise ZeroDivisionError("division by zero")

    assert main(["list"], open_memory=broken) == 1
    said = capsys.readouterr().err
    assert said == "memory: ZeroDivisionError: division by zero (set MEMORY_DEBUG=1 to see where)\n"
    monkeypatch.setenv("MEMORY_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["list"], open_memory=broken)


@pytest.mark.usefixtures("home")
def test_an_interrupt_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends with exit code 130."""

    def interrupted(**_: object) -> Any:
        raise KeyboardInterrupt

    assert main(["list"], open_memory=interrupted) == 130
    assert capsys.readouterr().err == "memory: stopped\n"


@pytest.mark.usefixtures("home")
def test_a_missing_model_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    """`--model` with a wrong path says which; what does not need the model still works."""
    assert main(["--model", "no/such/model", "add", DOG], open_memory=memory.open) == 1
    assert "no/such/model" in capfd.readouterr().err
    assert main(["--model", "no/such/model", "list"], open_memory=memory.open) == 0


@pytest.mark.usefixtures("home")
def test_a_reader_that_has_enough_ends_it_quietly() -> None:
    """`memory list | head -1` says nothing on standard error."""
    command = "import sys; from memory.cli import main; sys.exit(main(['--help']))"
    piped = subprocess.Popen(
        [sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert piped.stdout is not None
    piped.stdout.close()
    assert piped.stderr is not None
    assert piped.stderr.read() == ""
    piped.stderr.close()
    assert piped.wait(60) in (0, 1)


@pytest.mark.usefixtures("home")
def test_help_comes_without_the_models() -> None:
    """`memory --help` and `memory status` import no torch."""
    program = (
        "import sys; from memory.cli import main; "
        "code = main(['--help']) or main(['status']); "
        "sys.exit(code or [m for m in ('torch', 'transformers') if m in sys.modules] or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_installed_command_runs(process: Any) -> None:
    """The entry point, its version, and an error, as a real process."""
    assert process("--version").out.startswith("parametric-memory 0.")
    missed = process("add", "--file", "nope.md")
    assert (missed.code, missed.out) == (1, "")
    assert missed.err == "memory: cannot read nope.md: No such file or directory\n"
