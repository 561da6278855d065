"""Documents become text by the ending of their name; what is broken or means harm is one clear error."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from memory.errors import EmptyText, InvalidInput, InvalidSettings, TextTooLarge
from memory.text import documents
from memory.text.documents import text_of
from tests.office_files import docx, pdf


def test_office_files_become_text() -> None:
    """Paragraphs and headings stay, scripts do not."""
    assert text_of("a.docx", docx("My boat is called Argo.", "It lies in Porto.")).split("\n\n") == [
        "My boat is called Argo.",
        "It lies in Porto.",
    ]
    assert text_of("A.PDF", pdf("The ferry leaves at nine.")).strip() == "The ferry leaves at nine."
    page = b"<h1>Caf\xc3\xa9</h1><script>alert(1)</script><p>Opens at 7.</p>"
    assert text_of("a.html", page) == "# Café\n\nOpens at 7."


def test_a_table_says_in_each_row_what_its_cells_are() -> None:
    """A passage of it is understood alone; what is no table stays as it is."""
    table = 'name;city\r\nAna;Porto\r\nBen;"Lis;bon"\r\nCarl;\r\n'.encode("utf-8-sig")
    assert text_of("a.csv", table) == "name: Ana; city: Porto.\nname: Ben; city: Lis;bon.\nname: Carl."
    assert text_of("a.csv", b"only a text\nof two lines\n") == "only a text\nof two lines\n"
    assert text_of("a.md", b"# Notes; and, more\n") == "# Notes; and, more\n"


@pytest.mark.parametrize(
    ("name", "data", "error", "said"),
    [
        ("cut.pdf", pdf("x")[:200], InvalidInput, "cut.pdf cannot be read: it is damaged"),
        ("junk.pdf", b"hello", InvalidInput, "junk.pdf cannot be read"),
        ("scan.pdf", pdf(""), EmptyText, "is it a scan"),
        ("junk.docx", b"PK\x03\x04junk", InvalidInput, "junk.docx is damaged, or no DOCX"),
        ("no.docx", docx(more={"word/document.xml": b"<x"}), InvalidInput, "no.docx cannot be read"),
        ("bomb.docx", docx(more={"word/styles.xml": b"0" * 40_000_000}), TextTooLarge, "unpacks to 40,0"),
        ("latin.txt", b"caf\xe9", InvalidInput, "latin.txt is not UTF-8: byte 0xe9 at 3"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_what_is_broken_or_means_harm_is_refused(
    name: str, data: bytes, error: type[Exception], said: str
) -> None:
    """With its name and the reason, on one line."""
    with pytest.raises(error, match=said) as refused:
        text_of(name, data)
    assert "\n" not in str(refused.value)


def test_a_parser_knows_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the settings, which may hold passwords, nor the modules of the folder that one is in."""
    monkeypatch.setenv("MEMORY_KEY", "pm_secret")
    asked: dict[str, Any] = {}

    def run(command: list[str], **given: Any) -> subprocess.CompletedProcess[bytes]:
        asked.update(given, command=command)
        return subprocess.CompletedProcess(command, 0, b"x", b"")

    monkeypatch.setattr(documents.subprocess, "run", run)
    assert text_of("a.pdf", b"x") == "x"
    assert "-P" in asked["command"]
    assert "PATH" in asked["env"]
    assert "pm_secret" not in asked["env"].values()


def test_what_a_parser_never_ends_with_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is ended; the caller hears why."""
    monkeypatch.setattr(documents, "_SECONDS", 0.01)
    with pytest.raises(InvalidInput, match="was not read within"):
        text_of("slow.pdf", pdf("x"))


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text needs nothing more."""
    monkeypatch.setattr(documents, "find_spec", lambda _: None)
    with pytest.raises(InvalidSettings, match=r"pip install 'parametric-memory\[documents\]'"):
        text_of("a.pdf", pdf("x"))
    assert text_of("a.txt", b"x") == "x"
