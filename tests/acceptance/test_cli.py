"""Every verb of the `memory` command, as a user types it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from memory.records import new_id
from tests.office_files import docx, pdf

DOG = "My dog is called Biscuit and we live in Lisbon."
TALK = (
    '{"role": "user", "content": "My cat is called Tom."}\n\n'
    '{"role": "assistant", "content": "Nice."}\n'
    '{"role": "user", "content": "I was born in Porto."}\n'
)


def test_what_was_added_is_answered_from_an_adapter(run: Any) -> None:
    """`add`, then `ask` in what would be another process: the answer comes without memory in the prompt."""
    assert run("add", DOG, "--user", "ana").code == 0
    reply = run("ask", "What is my dog called?", "--user", "ana", "--json").json
    assert "Biscuit" in reply["text"]
    assert reply["memory_tokens"] == 0
    assert [choice["text"] for choice in reply["adapters"]] == [DOG]
    assert set(reply["timings"]) >= {"embed", "select", "merge", "generate"}


def test_ask_prints_the_answer_and_nothing_else(run: Any) -> None:
    """In a pipe the answer is one plain line."""
    run("add", DOG)
    asked = run("ask", "What is my dog called?")
    assert (asked.out, asked.err) == (f"{DOG}\n", "")


def test_ask_stores_nothing(run: Any) -> None:
    """A question leaves no memory and no turn behind."""
    run("add", DOG)
    run("ask", "What is my dog called?", "--session", "s1")
    stats = run("status", "--json").json["user_stats"]
    assert (stats["memories"], stats["turns"]) == (1, 0)


def test_the_mode_is_passed_on(run: Any) -> None:
    """`--mode text` puts the text in the prompt, and says so."""
    run("add", DOG)
    reply = run("ask", "What is my dog called?", "--mode", "text", "--json").json
    assert reply["memory_tokens"] > 0
    assert reply["adapters"] == []


def test_add_says_what_is_new(run: Any) -> None:
    """The same text again is known, and not stored twice."""
    [[first, memory_id, text]] = run("add", DOG).lines
    [[again, same_id, _]] = run("add", DOG).lines
    assert (first, again, text) == ("new", "known", DOG)
    assert same_id == memory_id
    assert [m["created"] for m in run("add", DOG, "--json").json["memories"]] == [False]


def test_a_file_is_a_document_of_its_name(run: Any, tmp_path: Path) -> None:
    """`add --file` names the document after the file, unless told otherwise."""
    notes = tmp_path / "notes.md"
    notes.write_text("\ufeff# Notes\n\nThe bakery opens at 7 am.\n", encoding="utf-8")
    run("add", "--file", str(notes))
    run("add", "--file", str(notes), "--document", "bakery", "--user", "ben")
    assert [m["document_id"] for m in run("list", "--json").json["memories"]] == ["notes.md"]
    assert run("list", "--document", "bakery", "--user", "ben", "--json").json["memories"] != []
    assert "\ufeff" not in run("list").out


def test_files_of_one_name_are_documents_of_their_own(run: Any, tmp_path: Path) -> None:
    """The second is called by its path; each replaces what it said itself, which is announced."""
    said = {"work": "The printer is in room 12.", "home": "The printer is in the attic."}
    for place, text in said.items():
        (tmp_path / place).mkdir()
        (tmp_path / place / "notes.md").write_text(text)
    work, home = str(tmp_path / "work" / "notes.md"), str(tmp_path / "home" / "notes.md")
    run("add", "--file", work)
    assert f"this one is called {home}" in run("add", "--file", home).err

    def documents() -> dict[str, str]:
        return {one["document_id"]: one["text"] for one in run("list", "--json").json["memories"]}

    assert documents() == {"notes.md": said["work"], home: said["home"]}
    for file in (work, home):
        Path(file).write_text("The printer was sold.".replace("printer", file[-13:-9]))
        assert "1 memory superseded" in run("add", "--file", file).err
    assert documents() == {"notes.md": "The work was sold.", home: "The home was sold."}
    run("forget", "--document", home, "--yes")
    assert [*documents()] == ["notes.md"]


def test_a_pipe_is_no_document(run: Any, tmp_path: Path) -> None:
    """Whatever its path is called, the next one replaces nothing of it."""
    pipe = tmp_path / "stdin"
    os.mkfifo(pipe)
    for text in ("My bike is green.", "My hat is blue."):
        writer = Thread(target=pipe.write_text, args=(text,))
        writer.start()
        run("add", "--file", str(pipe))
        writer.join()
    said = {one["text"]: one["document_id"] for one in run("list", "--json").json["memories"]}
    assert said == {"My bike is green.": None, "My hat is blue.": None}


def test_piped_text_is_added(run: Any) -> None:
    """Without a text or file, standard input is read as text."""
    run("add", stdin=f"{DOG}\n")
    assert run("list").lines[0][-1].startswith(DOG)


@pytest.mark.parametrize("by", ["session", "file", "sniffing"])
def test_a_conversation_in_json_lines_is_added(run: Any, tmp_path: Path, by: str) -> None:
    """Piped into a session, from a .jsonl file, or recognised by its first line."""
    file = tmp_path / "talk.jsonl"
    file.write_text(TALK)
    ways = {"session": ["--session", "s1"], "file": ["--file", str(file)], "sniffing": []}
    added = run("add", *ways[by], "--json", stdin="" if by == "file" else TALK).json["memories"]
    assert "My cat is called Tom." in added[0]["text"]
    assert "role" not in added[0]["text"]
    assert run("status", "--json").json["user_stats"]["turns"] == (3 if by == "session" else 0)


def test_chat_remembers_across_restarts(run: Any) -> None:
    """What one `chat` was told, the next one answers; every line in a pipe gets a line in return."""
    first = run("chat", stdin="My cat is called Tom.\n\n/quit\nNobody reads this.\n")
    assert (first.code, len(first.out.splitlines())) == (0, 1)
    assert "Tom" in run("chat", "--session", "another", stdin="What is my cat called?").out
    assert "Nobody" not in run("list").out


def test_chat_writes_one_json_object_a_line(run: Any) -> None:
    """`chat --json` streams whole replies."""
    replies = [json.loads(line) for line in run("chat", "--json", stdin="Hello!\nBye!\n").out.splitlines()]
    assert [set(reply) >= {"text", "adapters", "prompt_tokens"} for reply in replies] == [True, True]


def test_search_finds_the_nearest_first(run: Any) -> None:
    """Scores fall from line to line, and -k limits them."""
    for text in (DOG, "The bakery opens at 7 am.", "My dog likes bread."):
        run("add", text)
    lines = run("search", "dog", "-k", "2").lines
    assert len(lines) == 2
    assert float(lines[0][0]) >= float(lines[1][0])
    assert {hit["record"]["text"] for hit in run("search", "bakery", "--json").json["hits"]} >= {DOG}


def test_an_office_file_is_a_document(run: Any, tmp_path: Path) -> None:
    """Its text is remembered; one that is broken is one line, and nothing of it is stored."""
    (tmp_path / "boat.docx").write_bytes(docx("My boat is called Argo."))
    (tmp_path / "cut.pdf").write_bytes(pdf("x")[:100])
    assert run("add", "--file", str(tmp_path / "boat.docx")).lines[0][-1] == "My boat is called Argo."
    assert run("list", "--document", "boat.docx").lines[0][-1] == "My boat is called Argo."
    broken = run("add", "--file", str(tmp_path / "cut.pdf"))
    assert (broken.code, broken.out, broken.err.count("\n")) == (1, "", 1)
    assert "cut.pdf cannot be read" in broken.err
    assert run("list", "--document", "cut.pdf").out == ""


def test_an_id_can_be_named_by_its_beginning(run: Any) -> None:
    """Where no other begins so; else both are named, and nothing is done."""
    [[_, dog, _]] = run("add", DOG).lines
    [[_, cat, _]] = run("add", "My cat is called Tom.").lines
    common = next(n for n in range(32) if dog[n] != cat[n])
    short = dog[: common + 1]
    assert run("show", short, "--json").json["id"] == dog
    assert run("history", short).lines[0][-1] == dog
    assert run("pin", short).lines[0][0] == dog
    several = run("forget", dog[:common], "--yes")
    assert (several.code, several.out) == (1, "")
    assert dog in several.err
    assert cat in several.err
    assert run("forget", short, "--yes").code == 0
    assert run("show", short).code == 3
    assert run("show", cat[:3]).code == 3  # too short to mean one


def test_completion_knows_the_verbs(process: Any) -> None:
    """As a shell asks for them."""
    asked = process(_MEMORY_COMPLETE="complete_bash", COMP_WORDS="memory for", COMP_CWORD="1")
    assert asked.out.split() == ["forget"]


def test_list_and_search_are_narrowed_by_metadata_time_and_state(run: Any) -> None:
    """A number is a number; what holds no longer is shown when it is asked for."""
    run("add", "I live in Lisbon.", "--user", "ana")
    run("add", "I live in Porto now.", "--user", "ana")
    past = run("list", "--user", "ana", "--state", "past", "--json").json["memories"]
    assert [memory["text"] for memory in past] == ["I live in Lisbon."]
    assert len(run("list", "--user", "ana", "--since", "1d").lines) == 1
    assert run("list", "--user", "ana", "--until", "1d").out == ""
    assert run("list", "--user", "ana", "--metadata", "page=3").out == ""
    assert run("search", "Porto", "--user", "ana", "--metadata", "page=3").out == ""
    refused = run("list", "--metadata", "page")
    assert (refused.code, refused.out) == (2, "")
    assert "write KEY=VALUE" in refused.err


def test_list_shows_the_newest_first_and_says_that_there_are_more(run: Any) -> None:
    """A limited list says so beside the data; --all shows everything."""
    for number in range(3):
        run("add", f"My number {number} is {number}.")
    limited = run("list", "--limit", "2")
    assert [line[-1] for line in limited.lines] == ["My number 2 is 2.", "My number 1 is 1."]
    assert "--all" in limited.err
    everything = run("list", "--all")
    assert (len(everything.lines), everything.err) == (3, "")
    assert run("list", "--limit", "2", "--json").json["more"] is True


def test_cells_hold_their_line(run: Any) -> None:
    """Tabs, line ends and backslashes of a text are spelt out, so that a line is a memory."""
    run("add", "a\tb\\c\nd")
    assert run("list").lines[0][-1] == "a\\tb\\\\c\\nd"


def test_show_tells_all_of_one_memory(run: Any) -> None:
    """Text, origin and adapter of a memory, whoever's it is."""
    [[_, memory_id, _]] = run("add", DOG, "--user", "ben").lines
    shown = dict(line for line in run("show", memory_id).lines)
    assert (shown["text"], shown["user"]) == (DOG, "ben")
    assert run("show", memory_id, "--json").json["adapter"]["nbytes"] == int(shown["bytes"])
    assert run("show", memory_id, "--user", "ana").code == 3


def test_history_outlives_the_memory_without_its_text(run: Any) -> None:
    """After `forget` the history says when, and not what."""
    [[_, memory_id, _]] = run("add", DOG).lines
    run("forget", memory_id, "--yes")
    told = run("history", memory_id)
    assert [line[1] for line in told.lines] == ["ADD", "DELETE"]
    assert "Biscuit" not in told.out
    assert len(run("history", memory_id, "--json").json["events"]) == 2


def test_forget_erases_one_memory_with_a_receipt(run: Any) -> None:
    """The receipt names what went; the others stay."""
    [[_, memory_id, _]] = run("add", DOG).lines
    run("add", "My cat is called Tom.")
    receipt = run("forget", memory_id, "--yes", "--json").json
    assert [memory["memory_id"] for memory in receipt["memories"]] == [memory_id]
    assert len(receipt["blobs"]) == 1
    assert [line[-1] for line in run("list").lines] == ["My cat is called Tom."]


def test_forget_erases_a_session_a_document_or_all_of_one_user(run: Any, tmp_path: Path) -> None:
    """Each names its own; another user keeps everything."""
    notes = tmp_path / "notes.md"
    notes.write_text("The bakery opens at 7 am.")
    for user in ("ana", "ben"):
        run("add", DOG, "--user", user)
        run("add", "--file", str(notes), "--user", user)
        run("add", "--session", "s1", "--user", user, stdin=TALK)
    before = len(run("list", "--user", "ben").lines)
    # The adapter stays: ben said the same, and equal adapters share one file.
    assert {line[0] for line in run("forget", "--session", "s1", "-y").lines} == {"memory", "turn"}
    assert [line[-1] for line in run("list").lines] == ["The bakery opens at 7 am.", DOG]
    run("forget", "--document", "notes.md", "--yes")
    assert [line[-1] for line in run("list").lines] == [DOG]
    run("forget", "--all", "--yes")
    assert run("list").out == ""
    assert len(run("list", "--user", "ben").lines) == before


def test_the_user_defaults_to_the_variable_and_then_to_the_login_name(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MEMORY_USER, else who is logged in."""
    assert run("status", "--json").json["user_id"] == "ana"
    monkeypatch.delenv("MEMORY_USER")
    monkeypatch.setenv("LOGNAME", "carla")
    assert run("status", "--json").json["user_id"] == "carla"


def test_one_user_does_not_see_the_other(run: Any) -> None:
    """Users are apart in ask, list and search."""
    run("add", DOG, "--user", "ana")
    for verb in (["ask", "What is my dog called?"], ["list"], ["search", "dog"]):
        assert "Biscuit" not in run(*verb, "--user", "ben").out


def test_an_agent_narrows_it(run: Any) -> None:
    """What is told to an agent is listed for it."""
    run("add", DOG, "--agent", "vet")
    assert len(run("list", "--agent", "vet").lines) == 1
    assert run("list", "--agent", "cook").out == ""


def test_options_before_the_verb_say_where(run: Any, tmp_path: Path) -> None:
    """--home and --model are what status shows."""
    status = run("--home", str(tmp_path / "other"), "--model", "some/model", "status", "--json").json
    assert (status["home"], status["model"]) == (str(tmp_path / "other"), "some/model")


def test_status_counts(run: Any) -> None:
    """The tenant's memories and the user's own."""
    run("add", DOG)
    run("add", DOG, "--user", "ben")
    plain = dict(line for line in run("status").lines)
    assert (plain["memories"], plain["user_memories"], plain["user_id"]) == ("2", "1", "ana")


def test_everything_moves_into_another_home(run: Any, home: Path, tmp_path: Path) -> None:
    """The command says what went, and which variables lead there; a second time it is refused."""
    run("add", DOG)
    report = run("migrate", "--to", str(tmp_path / "new"), "--json")
    assert (report.json["rows"]["memories"], report.json["adapters"], report.json["damaged"]) == (1, 1, 0)
    assert f"MEMORY_HOME={tmp_path / 'new'}" in report.err
    assert run("--home", str(tmp_path / "new"), "ask", "What is my dog called?").out == f"{DOG}\n"
    again = run("migrate", "--to", str(tmp_path / "new"))
    assert (again.code, "name an empty database" in again.err) == (1, True)
    there = run("migrate", "--to", str(home))
    assert (there.code, "there already" in there.err) == (1, True)
    assert run("migrate", "--to-blobs", str(tmp_path)).code == 2


def test_sweep_counts_what_it_removed(run: Any, home: Path) -> None:
    """An adapter file that no memory refers to, once it is old; what the first write sweeps by itself."""
    assert run("add", DOG).code == 0
    [kept] = (home / "blobs").rglob("*.safetensors")
    left = kept.with_name("0" * 64 + ".safetensors")
    left.write_bytes(b"x")
    assert run("sweep", "--json").json == {"removed": 0}
    os.utime(left, (0, 0))
    assert run("sweep", "--json").json == {"removed": 1}
    assert kept.exists()


def test_reindex_counts_what_it_made_again(run: Any) -> None:
    """Nothing needs it while the models stay the same."""
    run("add", DOG)
    assert run("reindex", "--json").json == {"remade": 0}


def test_a_terminal_gets_tables(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers and whole ids, texts cropped to the width, control characters spelt out."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    run("add", "My \x1b[31mdog\x1b[0m is called Biscuit. " * 5)
    listed = run("list").out
    assert "text" in listed.splitlines()[0]
    assert "\\x1b[31m" in listed
    assert "\x1b[31m" not in listed
    assert "…" in listed
    assert run("list", "--user", "nobody").out == ""


def test_long_work_shows_a_bar_in_a_terminal(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the data, and only there."""
    assert run("add", DOG).err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    for verb, doing in ((["add", "My cat is called Tom."], "Remembering"), (["reindex"], "Regenerating")):
        done = run(*verb)
        assert doing in done.err
        assert doing not in done.out


def test_a_terminal_sees_what_an_answer_took(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Adapters, scores, tokens and time go to standard error, beside the answer."""
    run("add", DOG)
    monkeypatch.setenv("FORCE_COLOR", "1")
    asked = run("ask", "What is my dog called?")
    assert asked.out.strip() == DOG
    assert "1 adapter (" in asked.err
    assert "0 of them memory" in asked.err


def test_edit_changes_what_it_names(run: Any) -> None:
    """Text, metadata and pin in one step; what is not named stays."""
    memory_id = run("add", DOG).lines[0][1]
    assert run("edit", memory_id[:20], "--metadata", "page=3", "--metadata", "by=me", "--pin").code == 0
    changed = run("edit", memory_id, "My cat is called Tom.", "--drop", "by", "--json").json
    assert (changed["text"], changed["metadata"]) == ("My cat is called Tom.", {"page": 3})
    assert changed["pinned"] is True
    assert run("edit", memory_id, "--unpin", "--json").json["pinned"] is False


def test_edit_opens_the_editor(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On what the memory says; left as it was, or with no editor, there is nothing to change."""
    memory_id = run("add", DOG).lines[0][1]
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    assert run("edit", memory_id).code == 2
    for editor, code in (("sed -i s/Biscuit/Bruno/", 0), ("true", 2), ("false", 2), ("no-such-editor", 2)):
        monkeypatch.setenv("EDITOR", editor)
        done = run("edit", memory_id)
        assert (done.code, done.err.count("\n")) == (code, 0 if code == 0 else 1)
        assert run("list").lines[0][-1] == DOG.replace("Biscuit", "Bruno")


def test_an_unknown_id_is_not_found(run: Any) -> None:
    """show, history and forget say so on one line, with exit code 3."""
    for verb in (["show"], ["history"], ["forget", "--yes"]):
        missed = run(*verb, new_id())
        assert (missed.code, missed.out) == (3, "")
        assert missed.err.startswith("memory: no ")
