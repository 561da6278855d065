"""Structured text as statements: tables, settings, key-value lists, Markdown.

    name,city / Ben,Oslo            Ben's city is Oslo.
    DATABASE_PORT=5432              The database port is 5432.
    server: / port: 8443            The server port is 8443.
    [mysql] / port = 3307           The mysql port is 3307.
    Shopping list: / - tofu / - tea The shopping list is tofu and tea.
    **Door code:** 8812             The door code is 8812.

A row means nothing without its header, nor a value without its key: a passage that holds one alone could not
answer. Prose stays as it is, and so does what people say ("Ana: ...").
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from configparser import ConfigParser
from configparser import Error as NoIni
from html import unescape
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from memory.text.speakers import transcript

_CELL = 80  # characters of a cell; more is prose with commas
_SHORT_CELL = 30
_QUOTED_CELL = re.compile(r'"[^"\n]*"')
_OWN = re.compile(r"(?:my|our|your|his|her|their|the|a|an|this|that)\s", re.IGNORECASE)
_NAMING = ("title", "id", "key", "label")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,400}>|<!--.{0,400}?-->", re.DOTALL)
_SETTING = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]{0,60})\s?=\s?(\S.{0,200})")
_KEYED = re.compile(r"([A-Za-z][\w '/()-]{0,40}):[ \t]+(\S.{0,120})")
_YAML = re.compile(r"[A-Za-z_][\w .-]{0,40}:(?:\s.*)?")
_NESTED = re.compile(r":[ \t]*\n[ \t]+\S")
_MARKED = re.compile(
    r"\*\*|`|\]\(|(?<![\w*])\*[A-Za-z][^*\n]{0,80}\*(?![\w*])|</[a-z]{1,10}>|^\s{0,3}(?:#{1,6}\s|>\s|\|)|^(?:-{3,}|={3,})\s*$",
    re.MULTILINE,
)
_NO_KEY = re.compile(
    r"(?:q|a|user|assistant|system|human|ai|bot|note|todo|ps|re|fwd|fyi|update|hint|tip|warning|correction|https?)$"
    r"|.*\b(?:i|i'm|we|you|he|she|they|it|is|are|was|not|this|that)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r".*[.?!]$|.*\b(?:i|i'm|we|you|he|she|they|is|are|was)\b", re.IGNORECASE)
_SECTION = re.compile(r"\s*\[[\w .:/-]{1,60}\]\s*$", re.MULTILINE)
_ITEM = re.compile(r"(?:[-*•+]|\d{1,3}[.)])\s+(?P<item>\S.{0,80})")
_TASK = re.compile(r"\[([ xX])\]\s+(.+)")
_NO_NOUN = re.compile(r"(?:to|what|who|things?|please|my|our|the|dear|note)\b", re.IGNORECASE)
_TITLE_WORDS = 5
_WHERE = {
    "when": "on ",
    "date": "on ",
    "time": "at ",
    "where": "in ",
    "place": "in ",
    "location": "in ",
    "with": "with ",
}
_PERSON = re.compile(
    r"(?:name|person|who|employee|contact|member|player|student|customer|user)s?$", re.IGNORECASE
)
_GROWTH = 8  # times its text that a form may become as statements
_YAML_BYTES = 64 * 1024  # the parser is slow
_MARKDOWN = MarkdownIt("commonmark").enable("table")


def statements(text: str) -> str:
    """The text with its structured parts as sentences, one line per row or section."""
    said = text.strip()
    if not said or transcript(text):
        return text
    made = _settings(said) or _sectioned(said) or _tree(said) or _table(said) or _list(said)
    if made:
        return "\n".join(made)
    parts = [part.strip() for part in said.rstrip("; ").split(";")]
    if len(parts) > 1 and "\n" not in said and all(map(_pair, parts)):
        return "\n".join(_pairs("\n".join(parts)))
    if _MARKED.search(text):
        made = _bounded(_sections(_MARKDOWN.parse(text)), text)
        return "\n".join(made) or text
    return "\n".join(_pairs(text)) if _keyed(text) else text


def _settings(text: str) -> list[str]:
    """KEY=value, line by line; comments are left out."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found = [_SETTING.fullmatch(line) for line in lines]
    return [_stated(_words(one[1]), _bare(one[2])) for one in found if one] if found and all(found) else []


def _sectioned(text: str) -> list[str]:
    """INI and simple TOML: settings under the names of their sections."""
    if not _SECTION.match(text):
        return []
    parser = ConfigParser(interpolation=None, strict=False, inline_comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except NoIni:
        return []
    made = (
        _stated(f"{_words(section)} {_words(key)}", _bare(value))
        for section in parser.sections()
        for key, value in parser.items(section)
    )
    return _bounded(made, text)


def _list(text: str) -> list[str]:
    """A name with a colon and its items below, as one statement; tasks, each with whether it is done."""
    first, *rest = [line.strip() for line in text.splitlines() if line.strip()]
    title = first.rstrip(":").strip() if first.endswith(":") else ""
    found = [_ITEM.fullmatch(line) for line in (rest if title else [first, *rest])]
    items = [one["item"] for one in found if one]
    return _listed_under(title, items) if len(items) == len(found) else []


def _listed_under(title: str, items: Sequence[str]) -> list[str]:
    """Things under their title as one statement, tasks as one each; nothing for sentences and pairs."""
    tasks = [found for item in items if (found := _TASK.fullmatch(item))]
    if tasks and len(tasks) == len(items):
        return [f"{'Open' if task[1] == ' ' else 'Done'} task: {task[2].rstrip('.')}." for task in tasks]
    if not title or len(title.split()) > _TITLE_WORDS or _NO_KEY.match(title.rstrip("s")):
        return []
    if not items or any(_SENTENCE.match(item) or _pair(item) for item in items):
        return []
    listed = _listed(items)
    return [f"{title}: {listed}." if _NO_NOUN.match(title) else _stated(_words(title), listed)]


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
            yield from _entry(one) or _leaves(path, one)
    elif given is not None:
        value = _listed([_said(one) for one in given]) if isinstance(given, list) else _said(given)
        yield _stated(" ".join(path), value)


def _entry(given: object) -> list[str]:
    """One of several things in a list, by its name: "Lena's role is admin."; none for what has no name."""
    if not isinstance(given, dict):
        return []
    named = next((key for key in given if _PERSON.match(str(key)) or str(key).casefold() in _NAMING), None)
    rest = {key: value for key, value in given.items() if key != named}
    nested = any(isinstance(value, dict | list) for value in rest.values())
    if nested or not rest or not isinstance(given.get(named), str):
        return []
    cells = [_said(value) if value is not None else "" for value in (given[named], *rest.values())]
    return [*_row([str(key) for key in (named, *rest)], cells)]


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(text: str) -> list[str]:
    """CSV, TSV and the like: a header and rows of its width."""
    lines = text.splitlines()
    for delimiter in ("\t", ";", ","):
        if len(lines) < 2 or delimiter not in lines[0]:
            continue
        spaced = f"{delimiter} " in _QUOTED_CELL.sub("", text)  # as in prose
        try:
            rows = [
                [cell.strip() for cell in row]
                for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=spaced)
                if row
            ]
        except csv.Error:
            continue
        header = rows[0]
        same = all(len(row) == len(header) and max(map(len, row)) <= _CELL for row in rows)
        named = all(cell and not cell[0].isdigit() and not cell.endswith((".", "!", "?")) for cell in header)
        clear = len(header) > 2 and len(rows) > 2 and _listing(rows) if spaced else True
        if same and named and clear and len(rows) > 1 and (len(header) > 2 or len(rows) > 2):
            return _rows(header, rows[1:])
    return []


def _listing(rows: Sequence[Sequence[str]]) -> bool:
    """Whether rows with a space behind each comma are no prose: short cells, a column of numbers."""
    short = all(
        len(cell) <= _SHORT_CELL and not cell.endswith((".", "!", "?")) for row in rows for cell in row
    )
    return short and any(all(row[i][:1].isdigit() for row in rows[1:]) for i in range(1, len(rows[0])))


def _rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [" ".join(_row(header, row)) for row in rows if row and row[0]]


# A day as people write it in the first column of a plan, and what the next column is of it.
_DAYS = {
    short: day
    for day in ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
    for short in (day.casefold(), day[:3].casefold(), day[:4].casefold(), day[:5].casefold())
}
_WHOSE = frozenset(("who", "whom", "person", "name", "what", "task", "activity"))


def _row(header: Sequence[str], row: Sequence[str]) -> Iterator[str]:
    day = _DAYS.get(row[0].casefold().rstrip("."))
    for key, value in zip(header[1:], row[1:], strict=False):
        if value and day:
            thing = "it" if key.casefold() in _WHOSE else f"the {_words(key)}"
            yield f"On {day} {thing} is {value}."
        elif value and _PERSON.search(header[0]):
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


def _pairs(text: str) -> Iterator[str]:
    """Each line of names with values, under the title that the first line may be."""
    first, *rest = text.split("\n")
    title = "" if _pair(first) else re.sub(r"\s*\(.*\)", "", first).strip().rstrip(":")
    yield _line(first)
    for line in rest:
        found = _pair(line)
        where = _WHERE.get(found[1].strip().casefold()) if found and title else None
        yield f"{title} is {where}{found[2].strip()}." if found and where is not None else _line(line)


def _line(line: str, heading: str = "") -> str:
    found = _pair(line)
    if not found:
        return line
    within = heading if heading and len(heading.split()) < 3 and not heading.endswith("s") else ""
    return _stated(f"{within} {_words(found[1])}".strip(), found[2].strip())


def _sections(tokens: Sequence[Token]) -> Iterator[str]:
    """Paragraphs, items and rows of Markdown without markup, each with its nearest heading."""
    heading = inside = ""
    items: list[str] | None = None
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
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            items = items or []
        elif token.type in ("bullet_list_close", "ordered_list_close") and not token.level:
            said = _listed_under(heading, items or [])
            yield from said or (line for item in items or () for line in _lines(item, heading))
            items = None
        elif token.type in ("fence", "code_block"):
            yield token.content.rstrip()
        elif token.type == "html_block":
            yield from _lines(unescape(_TAG.sub("", token.content)).strip(), heading)
        elif token.type == "inline" and inside == "heading_open":
            heading = _words(_unmarked(token))
        elif token.type == "inline" and inside == "tr_open":
            row.append(_unmarked(token))
        elif token.type == "inline" and items is not None:
            items.append(_unmarked(token))
        elif token.type == "inline":
            yield from _lines(_unmarked(token), heading)


def _lines(text: str, heading: str) -> Iterator[str]:
    return (_line(line, heading) for line in text.split("\n"))


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
    many = key.endswith("s") and not key.endswith(("ss", "us", "is")) and " and " in value
    name = f"{key[:1].upper()}{key[1:]}" if _OWN.match(key) else f"The {key}"
    return f"{name} {'are' if many else 'is'} {value}{'' if value.endswith('.') else '.'}"


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
