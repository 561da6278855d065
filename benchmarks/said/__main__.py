"""Tells each case to a user of its own, and asks: `python -m benchmarks.said [--kind KIND] [--json]`."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from tqdm import tqdm

from benchmarks.bench import Row
from benchmarks.said.cases import FOLDER, Case, asked_of_texts, cases, kinds
from benchmarks.said.scoring import Score, score
from benchmarks.tables import markdown_table, rich_table, write_between_markers
from memory import Memory
from memory.ports import Reader
from memory.settings import Settings

SESSION = "talk"


def main() -> int:
    given = _arguments()
    try:
        chosen = _chosen(given)
    except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
        print(f"said: no cases can be read: {str(error) or type(error).__name__}", file=sys.stderr)
        return 2
    scores: dict[str, Counter[Score]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="memory-said-") as folder,
        opened(Path(folder), given.model) as memory,
    ):
        for case, answer, scored in _measured(memory, chosen, given.mode):
            scores.setdefault(case.kind, Counter())[scored] += 1
            if given.json:
                line = {"kind": case.kind, "ask": case.ask, "answer": answer, "score": scored}
                print(json.dumps(line, ensure_ascii=False), flush=True)
            elif given.show and scored != "right":
                tqdm.write(f"{case.kind:<11} {scored:<8} {case.ask}  ->  {answer}")
    rows = table(scores)
    if not given.json:
        wide = None if sys.stdout.isatty() else 100
        Console(width=wide).print(rich_table(f"What people say: {given.model}", rows))
    if given.markdown is not None:
        write_between_markers(given.markdown, {f"said {given.model}": markdown_table(rows)})
    return 0


def _chosen(given: argparse.Namespace) -> list[Case]:
    """Raises OSError, EOFError, ValueError, LookupError, TypeError for what is no file of cases."""
    if given.texts:
        found = [case for path in given.texts for case in asked_of_texts(path, given.questions)]
    else:
        found = list(cases(given.kind, given.cases))
    if not found:
        raise LookupError(f"there are none of {given.kind or 'any kind'} in {given.cases}")
    return found


def opened(home: Path, model: str, reader: Reader | None = None) -> Memory:
    """A memory in an empty home, with the models that have been got for the usual one."""
    (home / "models").symlink_to(Settings.load().models_folder)
    return Memory(home=home, database_url=None, model=model, reader=reader)


def table(scores: dict[str, Counter[Score]]) -> list[Row]:
    """A row for each kind, and one for all."""
    whole: Counter[Score] = sum(scores.values(), Counter())
    return [_row(kind, counts) for kind, counts in [*scores.items(), ("all", whole)]]


def _row(kind: str, counts: Counter[Score]) -> Row:
    return {
        "kind": kind,
        "cases": float(counts.total()),
        "right": float(counts["right"]),
        "wrong": float(counts["wrong"]),
        "refused": float(counts["refused"]),
    }


def _measured(memory: Memory, chosen: list[Case], mode: Any) -> Iterator[tuple[Case, str, Score]]:
    today = date.today()
    for i, case in enumerate(tqdm(chosen, desc="said", unit="case", disable=not sys.stderr.isatty())):
        answer = told_and_asked(memory, case, f"user {i}", mode)
        yield case, answer, score(case, answer, today)


def told_and_asked(memory: Memory, case: Case, user_id: str, mode: Any = "auto") -> str:
    """The answer to a case's question, after all that it tells."""
    for text in case.tell:
        memory.add(text, user_id=user_id)
    for message in case.chat:
        memory.chat(message, user_id=user_id, session_id=SESSION, mode=mode)
    if case.messages:
        memory.add(list(case.messages), user_id=user_id, session_id=SESSION)
    if case.document is not None:
        memory.add(case.document, user_id=user_id, document_id="document")
    if case.via == "chat":
        return memory.chat(case.ask, user_id=user_id, session_id=SESSION, mode=mode).text
    return memory.ask(case.ask, user_id=user_id, mode=mode).text


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.said", description="Everyday cases, told and asked."
    )
    parser.add_argument("--model", default="reference", help="as the setting MEMORY_MODEL")
    parser.add_argument("--kind", metavar="KIND", help=f"one kind only: {', '.join(kinds())}")
    parser.add_argument("--cases", type=Path, default=FOLDER, metavar="FOLDER", help="cases of your own")
    parser.add_argument(
        "--texts", type=Path, action="append", metavar="FILE", help="texts with questions instead, JSON lines"
    )
    parser.add_argument("--questions", type=int, default=150, metavar="N", help="asked of each such file")
    parser.add_argument("--mode", default="auto", choices=["auto", "adapters", "text", "both"])
    parser.add_argument("--json", action="store_true", help="one JSON object a case instead of the table")
    parser.add_argument("--show", action="store_true", help="also each answer that is not right")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the table into this page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
