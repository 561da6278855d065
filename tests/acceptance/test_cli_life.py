"""`memory compact`, `pin`, `export`, `import` and `--as-of`, as a user runs them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests import histories
from tests.integration.test_images import picture

TOLD = [f"My {thing} is called {name}." for thing, name in (
    ("dog", "Biscuit"), ("cat", "Onyx"), ("horse", "Vesper"), ("boat", "Marlin"), ("band", "Static"),
    ("team", "Lynx"), ("shop", "Quill"), ("river", "Tamar"),
)]  # fmt: skip


def told(run: Any, *options: str) -> None:
    for text in TOLD:
        assert run("add", text, *options).code == 0


def test_compact_says_what_it_did(run: Any) -> None:
    """Dry first, then for good, then there is nothing to do: each ends with 0, for cron's sake."""
    told(run, "--session", "s")
    dry = run("compact", "--dry-run", "--json").json
    assert (dry["dry_run"], dry["bytes_after"], dry["groups"]) == (True, None, 1)
    report = run("compact", "--session", "s", "--json").json
    assert report["adapters_before"] == 8 > report["adapters_after"] == dry["adapters_after"]
    assert (report["recall_before"], report["recall_after"]) == (1.0, 1.0)
    lines = dict(run("compact", "--all").lines)
    assert (lines["compacted"], lines["likelihood_before"]) == ("0", "")
    assert len(run("list").lines) == report["adapters_after"]
    assert run("ask", "My boat?").out.strip().startswith("My boat is called Marlin.")


def test_compact_is_selective(run: Any) -> None:
    """By age, number, session and user; wrong spans and mixtures are wrong usage."""
    told(run, "--session", "s")
    for options in (["--older-than", "7d"], ["--min-adapters", "9"], ["--session", "t"], ["--user", "ben"]):
        assert run("compact", *options, "--json").json["groups"] == 0
    for options, said in (
        (["--older-than", "soon"], "--older-than is 'soon'"),
        (["--every", "0s"], "less than a second"),
        (["--all", "--user", "ben"], "--all is everybody's"),
    ):
        result = run("compact", *options)
        assert (result.code, said in result.err) == (2, True)
    assert run("compact", "--min-adapters", "1").code == 2


def test_watch_compacts_again_and_again(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report a round; Ctrl-C ends it as elsewhere."""
    told(run, "--session", "s")
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", sleep)
    result = run("compact", "--watch", "--every", "30min", "--json")
    assert (result.code, pauses) == (130, [1800.0, 1800.0])
    assert len(result.out.splitlines()) == 2


def test_what_is_not_stored_is_said(run: Any) -> None:
    """In JSON with the reason; in a pipe, where nothing at all was stored."""
    said = "\n".join(
        json.dumps({"role": "user", "content": text}) for text in ("I live in Lisbon.", "Where do I live?")
    )
    first = run("add", "--json", "--session", "s", stdin=said).json
    assert first["skipped"] == [{"text": "Where do I live?", "reason": "question"}]
    none = run("add", "--session", "t", stdin=json.dumps({"role": "user", "content": "Hello!"}))
    assert (none.code, none.out, none.err.strip()) == (0, "", "nothing in this was stored")


def test_a_picture_is_remembered(run: Any, tmp_path: Path) -> None:
    """Under its caption, or under what the model says of it."""
    path = tmp_path / "barn.png"
    path.write_bytes(picture("blue"))
    [told] = run("add", "Our barn.", "--image", str(path), "--json").json["memories"]
    assert (told["kind"], told["text"], told["created"]) == ("image", "Our barn.", True)
    [own] = run("add", "--image", str(path), "--json").json["memories"]
    assert own["text"] == "The picture's middle is blue."
    path.write_bytes(b"hello")
    refused = run("add", "--image", str(path))
    assert refused.code != 0
    assert "not an image" in refused.err
    assert run("add", "--image", str(path), "--file", str(path)).code == 2


def test_the_past_can_be_asked(run: Any) -> None:
    """By a date or by how long ago; nonsense is wrong usage."""
    run("add", "I live in Lisbon.")
    added = run("add", "I moved from Lisbon to Porto.", "--json").json
    assert len(added["superseded"]) == 1
    assert [line[-1] for line in run("list").lines] == ["I moved from Lisbon to Porto."]
    assert run("list", "--as-of", "1d").lines == []
    assert run("search", "home", "--as-of", "2020-01-01T12:00").lines == []
    assert run("ask", "Where do I live?", "--as-of", "2020-01-01").out.strip() == "I don't know."
    wrong = run("list", "--as-of", "yesterday")
    assert (wrong.code, "write 2026-05-04" in wrong.err) == (2, True)
    old = run("show", added["superseded"][0]).lines
    assert "superseded by" in [line[0] for line in old]


def test_pin_and_let_loose(run: Any) -> None:
    """The id decides; --user narrows; an unknown id is not found."""
    memory_id = run("add", TOLD[0], "--json").json["memories"][0]["id"]
    assert run("pin", memory_id, "--json").json["pinned"]
    assert not run("pin", memory_id, "--off", "--json").json["pinned"]
    assert run("pin", memory_id, "--user", "ben").code == 3
    assert run("pin", "unknown").code == 3


def test_a_user_moves(run: Any, tmp_path: Path) -> None:
    """Out of one home and into another; twice adds nothing; what is no archive is one line."""
    told(run)
    archive = tmp_path / "ana.zip"
    assert run("export", str(archive), "--json").json["memories"] == 8
    other = ("--home", str(tmp_path / "other"))
    assert run(*other, "import", str(archive), "--json").json["memories"] == 8
    assert run(*other, "import", str(archive), "--json").json["known"] == 8
    assert run(*other, "import", str(archive), "--user", "eve", "--json").json["memories"] == 8
    assert len(run(*other, "list", "--user", "eve").lines) == 8
    before = archive.read_bytes()
    assert "--force" in run("export", str(archive)).err
    assert archive.read_bytes() == before
    assert run("export", str(archive), "--force", "--json").json["memories"] == 8
    assert run("export", str(tmp_path / "all.zip"), "--all", "--json").json["memories"] == 8
    assert run("export", str(archive), "--all", "--user", "x").code == 2
    archive.write_bytes(b"PK")
    result = run("import", str(archive))
    assert (result.code, result.err.count("\n"), "damaged" in result.err) == (1, 1, True)


def test_a_history_of_another_product_is_imported(run: Any, tmp_path: Path) -> None:
    """Its form is named, else the line says which it looks like; a dry run and a second run store nothing."""
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(histories.chatgpt()), encoding="utf-8")
    refused = run("import", str(path))
    assert (refused.code, refused.err.count("\n"), "--from chatgpt" in refused.err) == (1, 1, True)
    assert run("import", str(path), "--from", "claude").code == 1
    assert run("import", str(path), "--dry-run").code == 2
    dry = run("import", str(path), "--from", "chatgpt", "--dry-run", "--json").json
    assert (dry["new_messages"], dry["memories"], dry["left_out"]["reasoning"]) == (3, 0, 1)
    assert run("list").lines == []
    assert run("import", str(path), "--from", "chatgpt", "--json").json["memories"] == 2
    assert run("import", str(path), "--from", "chatgpt", "--json").json["new_messages"] == 0
    assert len(run("list").lines) == 2
    assert ["left out: hidden", "1"] in run("import", str(path), "--from", "chatgpt", "--user", "eve").lines
