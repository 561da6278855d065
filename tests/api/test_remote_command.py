"""The `memory` command with MEMORY_URL: the same verbs, asked of a server, with no model in its process."""

from __future__ import annotations

import io
import json
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from memory import Memory
from memory.api.app import open_store
from memory.cli import main
from memory.settings import Settings
from tests.api.conftest import CAT, DOG, QUESTION, Founded, live
from tests.command import Result, Run, echoes

HEAVY = {"torch", "transformers", "sqlalchemy", "faiss", "numpy", "fastapi"}


@pytest.fixture(scope="module")
def url(founded: Founded, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A live server with its tenants and keys."""
    settings = Settings.load(home=founded.copied(tmp_path_factory.mktemp("served") / "home"))
    with Memory(settings, store=open_store(settings), **echoes()) as memory, live(memory) as url:
        yield url


@pytest.fixture
def run(
    url: str,
    founded: Founded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> Run:
    """Runs the command in this process, each test as another user; opening a memory of this machine fails."""
    monkeypatch.setenv("MEMORY_URL", url)
    monkeypatch.setenv("MEMORY_KEY", founded.keys["acme-admin"])
    monkeypatch.setenv("MEMORY_USER", re.sub(r"\W", "-", request.node.name))
    monkeypatch.setenv("MEMORY_HOME", str(tmp_path / "nobody"))

    def run(*args: str, stdin: str = "") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        capfd.readouterr()
        return Result(main(args, open_memory=_opened), *capfd.readouterr())

    return run


def _opened(**_given: Any) -> NoReturn:
    raise AssertionError("a memory of this machine was opened")


def test_what_is_told_is_listed_shown_answered_and_forgotten(run: Run) -> None:
    """The way of a memory, each verb asked of the server."""
    [state, memory_id, text] = run("add", DOG).lines[0]
    assert (state, text) == ("new", DOG)
    assert run("add", DOG).lines[0][0] == "known"
    assert run("ask", QUESTION).out.strip() == DOG
    assert run("search", QUESTION).lines[0][1:] == [memory_id, DOG]
    assert run("recall", QUESTION).out.strip().endswith(DOG)
    assert run("list").lines[0][0] == memory_id
    assert ["id", memory_id] in run("show", memory_id).lines
    assert run("pin", memory_id).code == 0
    assert run("forget", memory_id, "--yes").lines[0][:2] == ["memory", memory_id]
    assert [line[1] for line in run("history", memory_id).lines] == ["ADD", "UPDATE", "DELETE"]
    gone = run("show", memory_id)
    assert (gone.code, gone.err.count("\n")) == (3, 1)


def test_a_change_that_crosses_an_edit_is_not_lost(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one in the editor is refused, and its text is kept."""
    memory_id = run("add", DOG).lines[0][1]
    assert run("edit", memory_id, "--metadata", "page=1", "--json").json["metadata"] == {"page": 1}
    editor = tmp_path / "editor"
    editor.write_text(
        f"import os, sys\nfrom memory.client import Client\n"
        f"with Client(os.environ['MEMORY_URL'], os.environ['MEMORY_KEY']) as memory:\n"
        f"    memory.update({memory_id!r}, {CAT!r})\n"
        f"open(sys.argv[1], 'w').write('My dog is called Bruno.')\n"
    )
    monkeypatch.setenv("EDITOR", f"{sys.executable} {editor}")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    edited = run("edit", memory_id)
    assert edited.code == 1
    assert "changed since it was read" in edited.err
    [kept] = tmp_path.glob("memory-*.txt")
    assert (kept.read_text(), str(kept) in edited.err.replace("\n", "")) == ("My dog is called Bruno.", True)
    assert run("list").lines[0][-1] == CAT


def test_what_was_not_stored_is_said(run: Run) -> None:
    """As without a server: the reasons come back with the answer."""
    lines = [json.dumps({"role": "user", "content": text}) for text in (DOG, "What is the weather?")]
    added = run("add", "--json", stdin="\n".join(lines)).json
    assert len(added["memories"]) == 1
    assert added["skipped"] == [{"text": "What is the weather?", "reason": "question"}]


def test_a_chat_remembers_and_goes_on(run: Run) -> None:
    """In a pipe: a line for each message, and turns of the session."""
    talked = run("chat", "--session", "s1", stdin=f"{DOG}\n{QUESTION}\n")
    assert talked.code == 0
    assert DOG in talked.out.splitlines()[-1]
    assert run("list", "--session", "s1").lines[0][-1].endswith(DOG)


def test_the_status_names_the_server_and_counts(run: Run, url: str) -> None:
    """Of the tenant of the key and of the user."""
    run("add", CAT)
    status = run("status", "--json").json
    assert (status["home"], status["tenant_id"]) == (url, "acme")
    assert status["user_stats"]["memories"] == 1
    assert status["stats"]["memories"] >= 1


def test_skills_are_kept_and_erased(run: Run) -> None:
    [[skill, *_]] = run("skill", "add", "Answer like a pirate.").lines
    assert [line[0] for line in run("skill", "list").lines] == [skill]
    assert run("skill", "remove", skill).code == 0
    assert run("skill", "list").lines == []


def test_an_archive_comes_and_goes(run: Run, tmp_path: Path) -> None:
    """Whole and private at the path; imported under another name, and a second time adding nothing."""
    run("add", DOG)
    path = tmp_path / "all.zip"
    report = run("export", str(path), "--json").json
    assert (report["path"], report["memories"]) == (str(path), 1)
    assert path.stat().st_mode & 0o077 == 0
    first = run("import", str(path), "--user", "heir", "--json").json
    again = run("import", str(path), "--user", "heir", "--json").json
    assert (first["memories"], again["memories"], again["known"]) == (1, 0, 1)
    assert run("ask", QUESTION, "--user", "heir").out.strip() == DOG


def test_everybodys_export_names_the_tenant_of_the_key(run: Run, tmp_path: Path) -> None:
    """Another tenant's is refused before anything is asked for."""
    run("add", DOG)
    assert run("export", str(tmp_path / "all.zip"), "--all").code == 0
    refused = run("export", str(tmp_path / "not.zip"), "--all", "--tenant", "globex")
    assert (refused.code, "tenant 'acme'" in refused.err) == (1, True)
    assert not (tmp_path / "not.zip").exists()


def test_a_file_that_is_no_archive_is_refused_by_the_server(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "not.zip"
    path.write_bytes(b"PK no")
    refused = run("import", str(path))
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert "missing.zip" in run("import", str(tmp_path / "missing.zip")).err


def test_compaction_is_a_job_that_is_waited_for(run: Run) -> None:
    run("add", DOG)
    report = run("compact", "--dry-run", "--json").json
    assert (report["dry_run"], report["groups"]) == (True, 0)


@pytest.mark.parametrize(
    "args",
    [
        ("serve",),
        ("migrate",),
        ("reindex",),
        ("sweep",),
        ("keys", "list"),
        ("import", "conversations.json", "--from", "chatgpt"),
    ],
)
def test_a_verb_that_needs_the_memory_here_says_so(run: Run, args: tuple[str, ...]) -> None:
    """In one line that names the verb; nothing is opened."""
    refused = run(*args)
    assert (refused.code, refused.err.count("\n")) == (1, 1)
    assert f"`memory {args[0]}` works on a memory of this machine" in refused.err


def test_a_home_that_the_call_names_is_asked_itself(run: Run, tmp_path: Path) -> None:
    """What stands on the command line counts before what stands in a variable."""
    assert "a memory of this machine was opened" in run("--home", str(tmp_path), "list").err


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ({"MEMORY_URL": "http://127.0.0.1:9"}, 4, "no server at http://127.0.0.1:9"),
        ({"MEMORY_URL": "localhost"}, 1, "no server's URL"),
        ({"MEMORY_URL": ""}, 1, "MEMORY_URL"),
        ({"MEMORY_KEY": "pm_wrong"}, 5, "key"),
    ],
)
def test_what_is_wrong_with_the_server_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, setting: dict[str, str], code: int, said: str
) -> None:
    """With an exit code of its own, and never with the key."""
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("memory.client.blocking.time.sleep", lambda _seconds: None)
    for verb in (("ask", QUESTION), ("list",), ("status",)):
        failed = run(*verb)
        assert (failed.code, failed.out, failed.err.count("\n")) == (code, "", 1)
        assert said in failed.err
        assert "pm_" not in failed.err


def test_a_server_that_says_nothing_is_given_up(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and never answers; it is not asked again."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MEMORY_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MEMORY_TIMEOUT_S", "0.2")
        given_up = run("list")
        assert (given_up.code, given_up.err.count("\n")) == (4, 1)
        assert "takes too long to answer" in given_up.err
        silent.accept()[0].close()
        silent.settimeout(0.2)
        with pytest.raises(TimeoutError):
            silent.accept()


def test_a_key_that_may_only_read_is_told_so(
    run: Run, monkeypatch: pytest.MonkeyPatch, founded: Founded
) -> None:
    monkeypatch.setenv("MEMORY_KEY", founded.keys["acme-read"])
    refused = run("add", DOG)
    assert (refused.code, refused.err.count("\n")) == (5, 1)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"status": "live", "version": "0.0.1"}, "is version 0.0.1"),
        ({"hello": "world"}, "not as a server of this package"),
    ],
)
def test_another_version_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, answer: dict[str, str], said: str
) -> None:
    """A server whose answers cannot be read."""
    answering = httpx.MockTransport(lambda _request: httpx.Response(200, json=answer))
    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **given: real(**given | {"transport": answering}))
    failed = run("list")
    assert (failed.code, failed.err.count("\n")) == (4, 1)
    assert said in failed.err


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("args", [["add", DOG], ["ask", QUESTION], ["status"], ["chat"], ["list"]])
def test_no_model_and_no_database_is_loaded(args: list[str]) -> None:
    """In a process of its own, which says at its end what it has imported."""
    code = (
        "import json, sys; from integrations.command import main;"
        f"sys.argv = ['memory', *{args!r}]; code = main();"
        f"print(json.dumps([code, sorted({HEAVY} & sys.modules.keys())]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, input=DOG)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []], done.stderr
