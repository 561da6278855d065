"""Other people's histories: what of each form is told, when, by whom, and what is refused in one line."""

from __future__ import annotations

import io
import json
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from memory import Memory
from memory.errors import EmptyText, InvalidInput
from memory.upkeep.histories import formats, history
from memory.upkeep.histories.history import Conversation, Fact, moment
from tests import histories as samples

TOLD_AT = datetime.fromtimestamp(samples.DAY, UTC)


def file(folder: Path, document: Any, name: str = "conversations.json") -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def zipped(folder: Path, **files: bytes | str) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("__", "/") + ".json", data)
    return path


def read(path: Path, form: str) -> tuple[list[history.Told], Counter[str]]:
    left_out: Counter[str] = Counter()
    return formats.history(path, form, left_out), +left_out


def texts(memory: Memory, **whose: str) -> set[str]:
    return {record.text for record in memory.list(**whose).records}


def test_chatgpt_tells_the_shown_branch(tmp_path: Path) -> None:
    """The path to current_node, without hidden, system, tool, reasoning, instructions and images."""
    [told], left_out = read(file(tmp_path, samples.chatgpt()), "chatgpt")
    assert isinstance(told, Conversation)
    assert [(m.role, m.text) for m in told.messages] == [
        ("user", "My dog is called Biscuit."),
        ("assistant", "A fine name."),
        ("user", "I live in Lisbon."),
    ]
    assert (told.session_id, told.title, told.at) == ("c-1", "Dogs", TOLD_AT)
    assert told.messages[-1].at == TOLD_AT + timedelta(days=1)
    assert left_out == {
        "hidden": 1,
        "custom instructions": 1,
        "tool": 2,
        "reasoning": 1,
        "image, file or tool part": 1,
    }


def test_chatgpt_without_a_current_node_ends_at_the_newest_leaf(tmp_path: Path) -> None:
    """And a circle in the tree ends."""
    document = samples.chatgpt(("x", samples.node("y", "user", "Z")), ("y", samples.node("x", "user", "Y")))
    document[0]["current_node"] = "gone"
    [told], _ = read(file(tmp_path, document), "chatgpt")
    assert isinstance(told, Conversation)
    assert told.messages[-1].text == "I live in Lisbon."
    document[0]["current_node"] = "x"
    [told], _ = read(file(tmp_path, document), "chatgpt")
    assert isinstance(told, Conversation)
    assert [m.text for m in told.messages] == ["Y", "Z"]


def test_claude_tells_blocks_of_text(tmp_path: Path) -> None:
    """Thinking, tools and attachments are left out; `text` counts where there are no blocks."""
    [told], left_out = read(file(tmp_path, samples.claude()), "claude")
    assert isinstance(told, Conversation)
    said = [(m.role, m.text) for m in told.messages]
    assert said == [
        ("user", "My cat is called Tom."),
        ("assistant", "Where were you born?"),
        ("user", "In Porto."),
    ]
    assert told.messages[0].at == datetime(2024, 3, 1, 10, 0, 1, 123456, UTC)
    assert left_out == {"attachment": 1, "reasoning": 1, "tool": 2}


def test_mem0_tells_facts_with_their_scopes(tmp_path: Path) -> None:
    """`updated_at` dates what is said now; a plain list is read as well."""
    told, left_out = read(file(tmp_path, samples.mem0()), "mem0")
    first, second = told
    assert isinstance(first, Fact)
    assert isinstance(second, Fact)
    assert (first.text, first.user_id, first.at) == (
        "Ana works at TechCorp.",
        "ana",
        datetime(2024, 7, 1, 17, tzinfo=UTC),
    )
    assert (second.user_id, second.session_id, second.at) == (
        "ben",
        "r1",
        datetime(2024, 8, 2, 10, tzinfo=UTC),
    )
    assert left_out == {"empty": 1}
    assert read(file(tmp_path, samples.mem0()["results"]), "mem0") == (told, left_out)


def test_zep_tells_messages_and_facts(tmp_path: Path) -> None:
    """A fact that was over is of its time; a placeholder date is none."""
    told, left_out = read(file(tmp_path, {"sessions": [samples.zep()]}), "zep")
    [said] = [one for one in told if isinstance(one, Conversation)]
    facts = [one for one in told if isinstance(one, Fact)]
    assert [(m.role, m.text, m.at is not None) for m in said.messages] == [
        ("user", "My sister is Joana.", True),
        ("assistant", "Noted.", False),
    ]
    assert (said.session_id, said.user_id) == ("z-1", "ana")
    assert [(fact.text, fact.user_id, fact.valid_until) for fact in facts] == [
        ("Ana moved to Faro.", "ana", None),
        ("Ana lived in Braga.", "ana", datetime(2024, 4, 30, tzinfo=UTC)),
    ]
    assert left_out == {"tool": 1}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(samples.openai()),
        json.dumps({"messages": samples.openai()}),
        "\n".join(map(json.dumps, samples.openai())),
        json.dumps({"messages": samples.openai()}) + "\n\n",
    ],
)
def test_openai_messages_in_any_wrapping(tmp_path: Path, text: str) -> None:
    """A list, an object with messages, JSON lines: the same conversation."""
    [told], left_out = read(file(tmp_path, text, "chat.jsonl"), "openai-messages")
    assert isinstance(told, Conversation)
    assert [(m.role, m.text) for m in told.messages] == [
        ("user", "My car is a Volvo."),
        ("assistant", "A good car."),
    ]
    assert told.messages[1].at == TOLD_AT - timedelta(seconds=0)
    assert left_out == {"system": 1, "tool": 2, "image, file or tool part": 1}


@pytest.mark.parametrize(
    ("value", "year"),
    [
        (1700000000, 2023),
        (1700000000000, 2023),
        ("2024-01-01", 2024),
        ("0001-01-01T00:00:00Z", None),
        (1e300, None),
        (float("nan"), None),
        (True, None),
        ("soon", None),
    ],
)
def test_dates(value: object, year: int | None) -> None:
    """Seconds, milliseconds and ISO 8601; what is none of them, or a placeholder, is no date."""
    found = moment(value)
    assert (None if found is None else found.year) == year


def test_every_form_is_recognised_and_no_other_taken_for_it(tmp_path: Path) -> None:
    """A file is of one form; asked for as another, the line says which it looks like."""
    documents = {
        "chatgpt": samples.chatgpt(),
        "claude": samples.claude(),
        "mem0": samples.mem0(),
        "zep": samples.zep(),
        "openai-messages": samples.openai(),
    }
    assert set(documents) == set(formats.FORMS)
    for name, document in documents.items():
        path = file(tmp_path, document)
        assert formats.guess(path) == name
        for other in documents:
            if other == name or (name, other) == ("zep", "openai-messages"):
                continue  # Zep's messages have a role and a content, too
            with pytest.raises(InvalidInput, match=f"--from {name}"):
                read(path, other)


def test_a_zip_as_it_was_downloaded(tmp_path: Path) -> None:
    """Its conversations.json, in a folder and in parts too, and nothing else of it."""
    path = zipped(tmp_path, user="{}", chat__conversations=json.dumps(samples.chatgpt()))
    assert len(read(path, "chatgpt")[0]) == 1
    parts = {"conversations-000": samples.chatgpt(), "conversations-001": samples.chatgpt()}
    path = zipped(tmp_path, **{name: json.dumps(part) for name, part in parts.items()})
    assert len(read(path, "chatgpt")[0]) == 2


def bomb() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversations.json", b" " * 2**26)
    return packed.getvalue()


def truncated() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("conversations.json", json.dumps(samples.chatgpt()))
    return packed.getvalue()[:-40]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"hello there", "is not JSON"),
        (b'{"a": 1}\n{"b"', "line 2 of"),
        (b'{"a": 1}', "nor anything else"),
        (b"[1, null, []]", "nor anything else"),
        (b"<html></html>", "looks like HTML"),
        (b"%PDF-1.7", "looks like a PDF"),
        (b"\xff\xfa\xfb", "is not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b"PK\3\4", "damaged or truncated"),
        (truncated(), "damaged or truncated"),
        (bomb(), "far larger unpacked"),
        (b"PK\5\6" + bytes(18), "no conversations.json"),
    ],
)
def test_what_is_no_history_is_one_line(tmp_path: Path, data: bytes, said: str) -> None:
    """And it names the file."""
    path = tmp_path / "what.json"
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match=said) as raised:
        read(path, "chatgpt")
    assert "what.json" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_odd_values_inside_are_left_out(tmp_path: Path) -> None:
    """Of each form: fields of the wrong type cost that message, not the file."""
    odd: list[Any] = [None, 1, "x", [], {}, {"parts": 3}, float("inf")]
    for one in odd:
        mapping = {
            "a": {"parent": None, "message": {"author": one, "content": one, "metadata": one}},
            "b": one,
        }
        read(file(tmp_path, [{"mapping": mapping, "current_node": "a"}, {"mapping": one}]), "chatgpt")
        read(file(tmp_path, [{"chat_messages": [one, {"sender": one, "content": [one]}]}]), "claude")
        read(file(tmp_path, [{"memory": "x", "user_id": one, "created_at": one}]), "mem0")
        read(file(tmp_path, [{"messages": [one, {"role_type": one, "content": one}], "facts": [one]}]), "zep")
        read(file(tmp_path, [{"messages": [{"role": "user", "content": one}, one]}]), "openai-messages")


def test_no_answer_is_an_empty_file(tmp_path: Path) -> None:
    """EmptyText is what an empty file is everywhere."""
    with pytest.raises(EmptyText):
        read(file(tmp_path, ""), "mem0")


def test_what_the_user_told_is_remembered_with_its_date(memory: Memory, tmp_path: Path) -> None:
    """Turns and memories date from when they were said; a second run stores nothing."""
    path = file(tmp_path, samples.chatgpt())
    report = memory.import_history(path, "chatgpt", user_id="ana")
    assert (report.conversations, report.messages, report.new_messages, report.memories) == (1, 3, 3, 2)
    records = memory.list(user_id="ana").records
    assert {record.text: record.created_at for record in records} == {
        "User: My dog is called Biscuit.": TOLD_AT,
        "User: I live in Lisbon.": TOLD_AT + timedelta(days=1),
    }
    assert records[0].metadata == {"source": "chatgpt", "title": "Dogs"}
    turns = memory.turns(user_id="ana", session_id="c-1")
    assert [turn.created_at for turn in turns] == [
        TOLD_AT,
        TOLD_AT + timedelta(seconds=4),
        TOLD_AT + timedelta(days=1),
    ]
    again = memory.import_history(path, "chatgpt", user_id="ana")
    assert (again.new_messages, again.known_messages, again.memories) == (0, 3, 0)
    assert memory.turns(user_id="ana", session_id="c-1") == turns


def test_a_longer_export_adds_what_is_new(memory: Memory, tmp_path: Path) -> None:
    """The same conversation, exported again later."""
    memory.import_history(file(tmp_path, samples.chatgpt()), "chatgpt", user_id="ana")
    later = samples.node("f", "user", "My sister is Joana.", at=samples.DAY + 100_000)
    longer = samples.chatgpt(("g", later), last="g")
    report = memory.import_history(file(tmp_path, longer), "chatgpt", user_id="ana")
    assert (report.new_messages, report.known_messages, report.memories) == (1, 3, 1)
    assert len(memory.turns(user_id="ana", session_id="c-1")) == 4


def test_a_cut_off_import_is_continued(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns are there, the memory is not: the next run makes it, and adds no turn."""
    path = file(tmp_path, samples.chatgpt())
    ingest = memory._cases.histories._ingest

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "_told", stop)
        with pytest.raises(KeyboardInterrupt):
            memory.import_history(path, "chatgpt", user_id="ana")
    assert not memory.list(user_id="ana").records
    report = memory.import_history(path, "chatgpt", user_id="ana")
    assert (report.new_messages, report.memories) == (0, 2)
    assert {record.created_at for record in memory.list(user_id="ana").records} == {
        TOLD_AT,
        TOLD_AT + timedelta(days=1),
    }


def test_a_dry_run_stores_nothing(memory: Memory, tmp_path: Path) -> None:
    """It counts, and says what is known already."""
    path = file(tmp_path, samples.claude())
    report = memory.import_history(path, "claude", dry_run=True, user_id="ana")
    assert (report.dry_run, report.new_messages, report.memories) == (True, 3, 0)
    assert not memory.list(user_id="ana").records
    assert not memory.turns(user_id="ana", session_id="u-1")


def test_a_question_is_kept_for_its_answer(memory: Memory, tmp_path: Path) -> None:
    """ "In Porto." says nothing without it."""
    memory.import_history(file(tmp_path, samples.claude()), "claude", user_id="ana")
    assert any("born" in text and "Porto" in text for text in texts(memory, user_id="ana"))
    assert not any(word in str(texts(memory, user_id="ana")) for word in ("RAW", "RESULT", "HM", "ATTACHED"))


def test_scopes_of_the_file_are_kept_and_those_named_win(memory: Memory, tmp_path: Path) -> None:
    """mem0's users stay apart; `user_id` puts all under one."""
    path = file(tmp_path, samples.mem0())
    report = memory.import_history(path, "mem0")
    assert (report.facts, report.memories) == (2, 2)
    assert texts(memory, user_id="ana") == {"Ana works at TechCorp."}
    assert texts(memory, user_id="ben", session_id="r1") == {"Ben prefers tea."}
    assert memory.import_history(path, "mem0").memories == 0
    memory.import_history(path, "mem0", user_id="eve")
    assert len(texts(memory, user_id="eve")) == 2
    assert len(texts(memory, user_id="ana")) == 1


def test_what_is_over_is_of_the_past(memory: Memory, tmp_path: Path) -> None:
    """Zep's fact with an end is recalled at its time alone."""
    memory.import_history(file(tmp_path, samples.zep()), "zep")
    then = datetime(2022, 1, 1, tzinfo=UTC)
    assert [hit.record.text for hit in memory.search("Where did Ana live?", as_of=then, user_id="ana")] == [
        "Ana lived in Braga."
    ]
    assert "Ana lived in Braga." not in {
        hit.record.text for hit in memory.search("Where did Ana live?", user_id="ana")
    }


def test_an_old_statement_supersedes_no_newer_one(memory: Memory, tmp_path: Path) -> None:
    """What was told here since holds; in the file itself the later statement does."""
    memory.add("I live in Berlin.", user_id="ana")
    said = [
        {"role": "user", "content": "I live in Bonn.", "created_at": samples.DAY},
        {"role": "user", "content": "I live in Cologne.", "created_at": samples.DAY + 86400},
    ]
    report = memory.import_history(file(tmp_path, said, "old.json"), "openai-messages", user_id="ana")
    assert report.superseded == 1
    held = {record.text for record in memory.list(user_id="ana").records if record.valid_until is None}
    assert "I live in Berlin." in held
    assert not any("Bonn" in text for text in held)


def test_another_tenant_sees_nothing(memory: Memory, tmp_path: Path) -> None:
    """A history goes into the tenant that is named."""
    memory.import_history(file(tmp_path, samples.chatgpt()), "chatgpt", user_id="ana", tenant_id="acme")
    assert not memory.list(user_id="ana").records
    assert len(memory.list(user_id="ana", tenant_id="acme").records) == 2


def test_progress_ends_at_all_of_it(memory: Memory, tmp_path: Path) -> None:
    """Messages and facts done, of all there are."""
    told: list[tuple[int, int]] = []
    memory.import_history(
        file(tmp_path, samples.zep()), "zep", progress=lambda done, whole: told.append((done, whole))
    )
    assert told[-1] == (4, 4)
