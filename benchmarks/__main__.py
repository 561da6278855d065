"""Runs the benchmarks: `python -m benchmarks [--json] [--only NAME] [--markdown FILE]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from tqdm import tqdm

from benchmarks import (
    bench_bytes,
    bench_distill,
    bench_gpu,
    bench_history,
    bench_recall,
    bench_start,
    bench_storage,
    bench_turn,
)
from benchmarks.bench import Bench, Options, Row, UnusableInput
from benchmarks.machine import described
from benchmarks.tables import markdown_table, rich_table, write_between_markers


def _hypernet(_: Options) -> Iterator[Row]:
    """The rows of bench_hypernet, with columns named as in its own table."""
    from benchmarks import bench_hypernet  # here, because it loads PEFT

    for row in bench_hypernet.rows():
        found = asdict(row)
        yield {
            "what": found["what"],
            "ms": found["ms"],
            "against": found["other"],
            "its ms": found["other_ms"],
            "times": row.times,
            "note": found["note"],
        }


HYPERNET = Bench("hypernet", "Merging, applying and making adapters", _hypernet)
BENCHES = (
    HYPERNET,
    bench_gpu.BENCH,
    bench_start.BENCH,
    bench_turn.BENCH,
    bench_history.BENCH,
    bench_recall.BENCH,
    bench_storage.BENCH,
    bench_bytes.BENCH,
    bench_distill.BENCH,
)


def main() -> int:
    given = _arguments()
    machine = described()
    options = Options(given.model, given.prose, given.quick)
    found = {}
    if not given.json:
        Console().print(machine)
    for bench in BENCHES:
        if given.only in (None, bench.name):
            try:
                found[bench.name] = _run(bench, options, given.json)
            except UnusableInput as error:
                print(f"benchmarks: {error}", file=sys.stderr)
                return 1
    if given.markdown is not None:
        tables = {name: markdown_table(rows) for name, rows in found.items()}
        write_between_markers(given.markdown, tables if given.only else {"machine": machine, **tables})
    return 0


def _run(bench: Bench, options: Options, as_json: bool) -> list[Row]:
    """Measure, and show: each row as it comes, or all in a table."""
    rows = []
    measured = tqdm(bench.rows(options), desc=bench.name, unit="row", disable=not sys.stderr.isatty())
    for row in measured:
        rows.append(row)
        if as_json:
            print(json.dumps({"table": bench.name, **row}), flush=True)
    if not as_json:
        wide = None if sys.stdout.isatty() else 200
        Console(width=wide).print(rich_table(bench.title, rows))
    return rows


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Time and memory, in tables.")
    parser.add_argument("--json", action="store_true", help="one JSON object a row instead of tables")
    parser.add_argument("--only", choices=[bench.name for bench in BENCHES], help="one table only")
    parser.add_argument("--quick", action="store_true", help="on an untrained model, small (not hypernet)")
    parser.add_argument("--model", default="reference", help="hypernetwork: a file, folder or hub id")
    parser.add_argument(
        "--prose", type=Path, metavar="FILE", help="text as in WikiText for needles in recall"
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables into this page")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
