"""Structured text as statements: tables, settings, key-value lists, Markdown.

    name,city / Ben,Oslo            Ben's city is Oslo.
    DATABASE_PORT=5432              The database port is 5432.
    server: / port: 8443            The server port is 8443.
    **Door code:** 8812             The door code is 8812.

A row means nothing without its header, nor a value without its key: a passage that holds one alone could not
answer. Prose stays as it is, and so does what people say ("Ana: ...").
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from memory.text.speakers import transcript

_CELL = 80  # characters of a cell; more is prose with commas
_SETTING = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]{0,60})\s?=\s?(\S.{0,200})")
_KEYED = re.compile(r"([A-Za-z][\w '/()-]{0,40}):[ \t]+(\S.{0,120})")
_YAML = re.compile(r"[A-Za-z_][\w .-]{0,40}:(?:\s.*)?")
_NESTED = re.compile(r":[ \t]*\n[ \t]+\S")
_MARKED = re.compile(
    r"\*\*|`|\]\(|</[a-z]{1,10}>|^\s{0,3}(?:#{1,6}\s|>\s|\|)|^(?:-{3,}|={3,})\s*$", re.MULTILINE
)
_NO_KEY = re.compile(
    r"(?:q|a|user|assistant|system|human|ai|bot|note|todo|ps|re|fwd|fyi|update|hint|tip|warning|correction|https?)$"
    r"|.*\b(?:i|i'm|we|you|he|she|they|it|is|are|was|not|this|that)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r".*[.?!]$|.*\b(?:i|i'm|we|you|he|she|they|is|are|was)\b", re.IGNORECASE)
_PERSON = re.compile(
    r"(?:name|person|who|employee|contact|member|player|student|customer|user)s?$", re.IGNORECASE
)
_GROWTH = 8  # times its text that a form may become as statements
_YAML_BYTES = 64 * 1024  # the parser is slow
_MARKDOWN = MarkdownIt("commonmark").enable("table")


def statements(text: str) -> str:
    """The text with its structured parts as sentences, one line per row or section."""
    if transcript(text):
        return text
    said = text.strip()
    made = _settings(said) or _tree(said) or _table(said)
    if made:
        return "\n".join(made)
    if _MARKED.search(text):
        made = _bounded(_sections(_MARKDOWN.parse(text)), text)
        return "\n".join(made) or text
    return "\n".join(_line(line) for line in text.split("\n")) if _keyed(text) else text


def _settings(text: str) -> list[str]:
    """KEY=value, line by line; comments are left out."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = [_SETTING.fullmatch(line) for line in lines]
    return [_stated(_words(one[1]), _bare(one[2])) for one in found if one] if found and all(found) else []


def _tree(text: str) -> list[str]:
    """JSON, or YAML of more than one level."""
    given: Any = None
    try:
        if text.startswith("{"):
            given = json.loads(text)
        elif len(text) <= _YAML_BYTES and "&" not in text and _NESTED.search(text) and _YAML.match(text):
            given = yaml.safe_load(text)  # without anchors, which can stand for any amount of text
        return _bounded(_leaves((), given), text) if isinstance(given, dict) else []
    except (ValueError, RecursionError, yaml.YAMLError):
        return []


def _bounded(lines: Iterable[str], text: str) -> list[str]:
    """The lines, or none where they are far longer than the text, as with a huge key before each value."""
    made: list[str] = []
    room = _GROWTH * len(text) + 1000
    for line in lines:
        room -= len(line)
        if room < 0:
            return []
        made.append(line)
    return made


def _leaves(path: tuple[str, ...], given: object) -> Iterator[str]:
    if isinstance(given, dict):
        for key, value in given.items():
            yield from _leaves((*path, _words(str(key))), value)
    elif isinstance(given, list) and any(isinstance(one, dict | list) for one in given):
        for one in given:
            yield from _leaves(path, one)
    elif given is not None:
        value = _listed([_said(one) for one in given]) if isinstance(given, list) else _said(given)
        yield _stated(" ".join(path), value)


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(text: str) -> list[str]:
    """CSV, TSV and the like: a header and rows of its width."""
    lines = text.splitlines()
    for delimiter in ("\t", ";", ","):
        if len(lines) < 2 or delimiter not in lines[0] or f"{delimiter} " in text:
            continue
        try:
            rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        header = rows[0]
        same = all(len(row) == len(header) and max(map(len, row)) <= _CELL for row in rows)
        named = all(cell and not cell[0].isdigit() and not cell.endswith((".", "!", "?")) for cell in header)
        if same and named and len(rows) > 1 and (len(header) > 2 or len(rows) > 2):
            return _rows(header, rows[1:])
    return []


def _rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(_row(header, row)) for row in rows if row and row[0]]


def _row(header: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    for key, value in zip(header[1:], row[1:], strict=False):
        if value and _PERSON.search(header[0]):
            yield f"{row[0]}'s {_words(key)} is {value}."
        elif value:
            yield f"The {_words(key)} of {row[0]} is {value}."


def _keyed(text: str) -> bool:
    """Whether every line, or every one after the first, is a name with a value."""
    lines = [line for line in text.splitlines() if line.strip()]
    return bool(lines) and all(map(_pair, lines[1:] or lines)) and (len(lines) > 1 or bool(_pair(lines[0])))


def _pair(line: str) -> re.Match[str] | None:
    found = _KEYED.fullmatch(line.strip().lstrip("-*• "))
    if not found or _NO_KEY.match(found[1]) or _SENTENCE.match(found[2]) or len(found[1].split()) > 4:
        return None
    return found


def _line(line: str, heading: str = "") -> str:
    found = _pair(line)
    if not found:
        return line
    within = heading if heading and len(heading.split()) < 3 and not heading.endswith("s") else ""
    return _stated(f"{within} {_words(found[1])}".strip(), found[2].strip())


def _sections(tokens: Sequence[Token]) -> Iterator[str]:
    """Paragraphs, items and rows of Markdown without markup, each with its nearest heading."""
    heading = inside = ""
    row: list[str] = []
    rows: list[list[str]] = []
    for token in tokens:
        if token.type in ("heading_open", "tr_open", "table_open"):
            inside = token.type
            row = [] if token.type == "tr_open" else row
            rows = [] if token.type == "table_open" else rows
        elif token.type == "tr_close":
            rows.append(row)
        elif token.type == "table_close":
            yield from _rows(rows[0], rows[1:])
            inside = ""
        elif token.type == "heading_close":
            inside = ""
        elif token.type in ("fence", "code_block", "html_block"):
            yield token.content.rstrip()
        elif token.type == "inline" and inside == "heading_open":
            heading = _words(_unmarked(token))
        elif token.type == "inline" and inside == "tr_open":
            row.append(_unmarked(token))
        elif token.type == "inline":
            yield from (_line(line, heading) for line in _unmarked(token).split("\n"))


def _unmarked(token: Token) -> str:
    """What is written inside a block, without its marks; an address behind the words that it is linked to."""
    parts: list[str] = []
    opened: list[tuple[int, str]] = []  # where the words of a link begin, and its address
    for child in token.children or []:
        if child.type in ("text", "code_inline", "image"):
            parts.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "link_open":
            opened.append((len(parts), str(child.attrGet("href"))))
        elif child.type == "link_close":
            begins, address = opened.pop()
            parts.append(f" ({address})" if address not in "".join(parts[begins:]) else "")
    return "".join(parts).strip()


def _stated(key: str, value: str) -> str:
    return f"The {key} is {value}{'' if value.endswith('.') else '.'}"


def _words(key: str) -> str:
    """A name of a setting or a column as words: DATABASE_PORT -> database port."""
    spaced = re.sub(r"[_.\s-]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", key)).strip()
    if spaced.isupper():
        return spaced.lower() if "_" in key else spaced
    return f"{spaced[:1].lower()}{spaced[1:]}"


def _bare(value: str) -> str:
    return value.strip().strip("\"'")


def _listed(values: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(values[:-1]), values[-1] if values else "")))
