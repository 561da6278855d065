"""How many pairs that go together are superseded, and how many changes win: `python -m benchmarks.pairs`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.pairs.sets import DATA, Statements, changed, of_texts, together
from benchmarks.said.__main__ import opened
from benchmarks.said.cases import Case
from benchmarks.said.scoring import score
from benchmarks.tables import markdown_table, rich_table, write_between_markers
from memory import Memory
from memory.backends.model.reading import SpanReader
from memory.backends.reader.english import EnglishReader
from memory.bootstrap import reader_of_english
from memory.ports import Reader

READERS: dict[str, Callable[[], Reader]] = {
    "rules": EnglishReader,
    "reading": lambda: EnglishReader(SpanReader()),
    "packaged": reader_of_english,
}
Judged = Callable[[Statements], bool]


def main() -> int:
    given = _arguments()
    reader = READERS[given.reader]()
    sets = {
        "go together, by hand": together(given.half),
        "go together, of one text": of_texts(given.half, given.data),
        "change": changed(given.half),
    }
    rows = [_row(name, some, replacing(reader, given.show)) for name, some in sets.items() if some]
    if given.answers:
        with (
            tempfile.TemporaryDirectory(prefix="memory-pairs-") as folder,
            opened(Path(folder), given.model, reader=reader) as memory,
        ):
            rows.append(_row("change: the new value answers", sets["change"], winning(memory, given.show)))
    wide = None if sys.stdout.isatty() else 100
    Console(width=wide).print(rich_table(f"Pairs, {given.half}", rows))
    if given.markdown is not None:
        write_between_markers(given.markdown, {f"pairs {given.reader}": markdown_table(rows)})
    return 0


def replacing(reader: Reader, show: bool = False) -> Judged:
    """Whether the newer statement supersedes the older one, which the index found."""

    def judged(one: Statements) -> bool:
        newer = reader.read(one.new)
        older = reader.read(one.old)
        found = newer.claims and newer.left_of(older) is not None
        if show and found == (not one.ask):
            tqdm.write(json.dumps({"replaced": found, "old": one.old, "new": one.new}, ensure_ascii=False))
        return found

    return judged


def winning(memory: Memory, show: bool = False) -> Judged:
    """Whether the new value is the answer, when one user tells both and asks."""
    users = _users()
    today = date.today()

    def judged(one: Statements) -> bool:
        user = next(users)
        for text in (one.old, one.new):
            memory.add(text, user_id=user)
        answer = memory.ask(one.ask, user_id=user).text
        found = (
            score(Case("changed", one.ask, (one.right, f"{one.right}s"), (one.wrong,)), answer, today)
            == "right"
        )
        if show and not found:
            tqdm.write(json.dumps({"ask": one.ask, "right": one.right, "answer": answer}, ensure_ascii=False))
        return found

    return judged


def _users() -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"user {number}"


def _row(name: str, some: Sequence[Statements], judged: Judged) -> Row:
    bar = tqdm(some, desc=name, unit="pair", disable=not sys.stderr.isatty())
    found = sum(map(judged, bar))
    return {"pairs": name, "number": float(len(some)), "found": float(found), "share": found / len(some)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pairs", description="Which newer statements supersede older ones."
    )
    parser.add_argument("--half", default="test", choices=["dev", "test", "all"])
    parser.add_argument(
        "--reader",
        default="packaged",
        choices=READERS,
        help="the rules alone, with the reading model, or as packaged",
    )
    parser.add_argument("--answers", action="store_true", help="also ask for what changed (slow)")
    parser.add_argument("--model", default="reference", help="as the setting MEMORY_MODEL")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER", help="with qa/ and sgd/")
    parser.add_argument("--show", action="store_true", help="also each pair that is not as it should be")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
