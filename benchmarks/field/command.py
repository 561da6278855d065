"""Options, progress and tables that the commands of this harness share."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from tqdm import tqdm

from benchmarks.bench import Row, UnusableInput
from benchmarks.field import answering, recalling
from benchmarks.field.answering import Answered, OurModel, Upstream
from benchmarks.field.corpus import Corpus, limited
from benchmarks.field.recalling import Recalled, Recalls, TokenCounter
from benchmarks.machine import described
from benchmarks.tables import markdown_table, rich_table, write_between_markers
from memory import Memory
from memory.backends.model.embedder import MiniLMEmbedder
from memory.fakes import EchoGenerator

KEY = "MEMORY_UPSTREAM_KEY"  # the variable with the upstream's key: a command line is seen by others


def parser(name: str, doc: str) -> argparse.ArgumentParser:
    """The options that all commands have."""
    made = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=doc.splitlines()[0])
    made.add_argument("--data", type=Path, required=True, help="file of the corpus, gzipped or not")
    made.add_argument("--limit", type=int, metavar="N", help="ask at most N questions of each kind")
    made.add_argument("--minutes", type=float, metavar="M", help="then stop, and show what was measured")
    made.add_argument("--max-tokens", type=int, default=1500, help="budget of a recall")
    made.add_argument("--recall-only", action="store_true", help="our model answers nothing")
    made.add_argument("--model", default="reference", help="our model, as the setting MEMORY_MODEL")
    made.add_argument("--upstream", metavar="URL", help=f"also ask the model at .../v1; its key is in {KEY}")
    made.add_argument("--upstream-model", default="default", metavar="NAME", help="its name there")
    made.add_argument("--window", type=int, metavar="TOKENS", help="that it reads; without, all is sent")
    made.add_argument("--json", action="store_true", help="one JSON object a row instead of tables")
    made.add_argument("--markdown", type=Path, metavar="FILE", help="also write the tables into this page")
    return made


T = TypeVar("T")
Rows = Mapping[str, Sequence[Row]]


def run(name: str, given: argparse.Namespace, read: Callable[[], Corpus]) -> tuple[int, Rows]:
    """Read, tell, ask, and show; returns the exit code and the rows. An unusable input is one line."""
    machine = described()
    try:
        if given.limit is not None and given.limit < 1:
            raise UnusableInput(f"a limit of {given.limit} asks nothing; give at least 1")
        corpus = _read(read, given)
        recalled, answers = _measure(corpus, given)
    except UnusableInput as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1, {}
    tables = {f"{name}-recall": recalling.rows(corpus, recalled)}
    if answers:
        tables[f"{name}-answers"] = answering.rows(corpus, answers)
    _show(corpus.title, tables, given.json)
    if given.markdown is not None:
        pages = {table: markdown_table(rows) for table, rows in tables.items()}
        write_between_markers(given.markdown, {f"{name}-machine": machine, **pages})
    return 0, tables


def _read(read: Callable[[], Corpus], given: argparse.Namespace) -> Corpus:
    """Raises UnusableInput for what is missing, or no such corpus."""
    try:
        corpus = read()
    except (OSError, EOFError, ValueError, LookupError, TypeError, AttributeError) as error:
        said = str(error) or type(error).__name__
        raise UnusableInput(f"cannot read {given.data}: {said}") from error
    stories = limited(corpus.stories, given.limit)
    if not stories:
        raise UnusableInput(f"{given.data} asks nothing")
    return replace(corpus, stories=stories)


def _measure(corpus: Corpus, given: argparse.Namespace) -> tuple[list[Recalled], list[Answered]]:
    """Each story told, and its questions asked in each way. Raises UnusableInput without time to ask any."""
    ends = math.inf if given.minutes is None else time.monotonic() + 60 * given.minutes
    answers: list[Answered] = []
    with ExitStack() as opened:
        recalls, ours, upstream = _parties(given, opened)
        by = answering.ways(ours, upstream)
        steps = sum(1 + len(story.questions) for story in corpus.stories)
        bar = opened.enter_context(tqdm(total=steps, unit="step", disable=not sys.stderr.isatty()))
        for story in _until(ends, corpus.stories):
            bar.set_description(f"telling {story.user}")
            recalls.tell(story)
            if ours is not None:
                deque(_until(ends, ours.tell(story)), maxlen=0)  # told in part, it is not asked
            bar.update()
            bar.set_description(f"asking {story.user}")
            for asked in _until(ends, story.questions):
                recalled = recalls.ask(story.user, asked)
                answers += answering.answered(corpus, story, asked, recalled, by)
                bar.update()
    if not recalls.measured:
        raise UnusableInput(f"{given.minutes} minutes were over before anything was asked")
    return recalls.measured, answers


def _until(ends: float, items: Iterable[T]) -> Iterator[T]:
    return takewhile(lambda _: time.monotonic() <= ends, items)


def _parties(
    given: argparse.Namespace, opened: ExitStack
) -> tuple[Recalls, OurModel | None, Upstream | None]:
    """What recalls, and who answers; closed with `opened`."""
    embedder, ours, upstream = MiniLMEmbedder(), None, None
    texts = _memory(opened, embedder=embedder, internalizer=TokenCounter(), generator=EchoGenerator())
    if not given.recall_only:
        ours = OurModel(_memory(opened, embedder=embedder, model=given.model))
    if given.upstream:
        upstream = Upstream(
            given.upstream, os.environ.get(KEY, "").strip(), given.upstream_model, given.window
        )
        opened.callback(upstream.close)
    return Recalls(texts, embedder, given.max_tokens), ours, upstream


def _memory(opened: ExitStack, **given: Any) -> Memory:
    home = opened.enter_context(tempfile.TemporaryDirectory(prefix="memory-bench-"))
    return opened.enter_context(Memory(home=Path(home), database_url=None, **given))


def _show(title: str, tables: Rows, as_json: bool) -> None:
    wide = None if sys.stdout.isatty() else 200
    for name, rows in tables.items():
        if as_json:
            for row in rows:
                print(json.dumps({"table": name, **row}), flush=True)
        elif rows:
            Console(width=wide).print(rich_table(f"{title}: {name.rpartition('-')[2]}", rows))
