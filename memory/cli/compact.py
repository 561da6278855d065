"""`memory compact`: once, or repeatedly with --watch."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from memory.cli.options import EVERYBODY, Agent, Json, Session, Setup, User, WrongUsage, setup, whose
from memory.cli.output import Output, jsonable
from memory.cli.times import span
from memory.text.figures import counted, size
from memory.upkeep.reports import MIN_ADAPTERS, CompactReport

if TYPE_CHECKING:
    from memory.client import Client
    from memory.service import Service


def compact(
    context: typer.Context,
    older_than: Annotated[
        str | None,
        typer.Option("--older-than", metavar="SPAN", help="Only memories older than this, such as 7d."),
    ] = None,
    min_adapters: Annotated[
        int,
        typer.Option(
            "--min-adapters", min=2, help="Only sessions and documents with at least this many adapters."
        ),
    ] = MIN_ADAPTERS,
    everybody: Annotated[bool, typer.Option("--all", help="All users of the tenant.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Repeat until stopped.")] = False,
    every: Annotated[
        str, typer.Option("--every", metavar="SPAN", help="Interval for --watch, such as 30min.")
    ] = "6h",
    user: User = None,
    session: Session = None,
    agent: Agent = None,
    as_json: Json = False,
) -> None:
    """Merge many small memories into fewer, denser ones that answer as well.

    Outdated memories lose their adapters and duplicates are dropped. A new adapter replaces old ones only
    if it answers about as well. It can be interrupted at any moment.
    """
    if everybody and (user or session or agent):
        raise WrongUsage("--all is everybody's; name nobody, or leave it out")
    pause = span(every, "--every")
    if pause < timedelta(seconds=1):
        raise WrongUsage("--every is less than a second; write a time such as 30min or 6h")
    age = None if older_than is None else span(older_than, "--older-than")
    out = Output(as_json)

    def run(memory: Service | Client) -> CompactReport:
        scope = EVERYBODY if everybody else whose(context, user, session, agent)
        with out.progress("Compacting") as progress:
            return memory.compact(
                older_than=age, min_adapters=min_adapters, dry_run=dry_run, progress=progress, **scope
            )

    if watch:
        _watch(out, setup(context), run, pause)
        return
    with setup(context).memory() as memory:
        _report(out, run(memory))


def _watch(
    out: Output, opening: Setup, run: Callable[[Service | Client], CompactReport], pause: timedelta
) -> None:
    """Opened anew each time, so that nothing is held in between; an error waits for the next time."""
    from memory.errors import ServerUnavailable, StoreError

    while True:
        try:
            with opening.memory() as memory:
                _report(out, run(memory))
        except (
            StoreError,
            ServerUnavailable,
        ) as error:  # somebody else writes, or the disk is full: later it may work
            out.note(f"not this time: {error}")
        time.sleep(pause.total_seconds())


def _report(out: Output, report: CompactReport) -> None:
    if out.json:
        out.document(report)
    elif out.terminal:
        out.note(in_words(report))
    else:
        out.pairs(jsonable(report).items(), report)


def in_words(report: CompactReport) -> str:
    """What a compaction did, for people."""
    adapters = f"{report.adapters_before} adapters -> {report.adapters_after}"
    if report.dry_run:
        return f"Would make {adapters}, in {counted(report.groups, 'session or document')}."
    if not report.compacted and not report.retired:
        kept = f" {counted(report.kept, 'memory')} would answer worse together." if report.kept else ""
        return f"Nothing to compact.{kept}"
    said = [f"{adapters}, {size(report.bytes_before)} -> {size(report.bytes_after or 0)}"]
    if report.recall_before is not None and report.recall_after is not None:
        said.append(
            f"of {report.questions} questions about it, {100 * report.recall_before:.0f} % -> "
            f"{100 * report.recall_after:.0f} % right"
        )
    if report.likelihood_before is not None:
        said.append(f"log-likelihood {report.likelihood_before:.2f} -> {report.likelihood_after:.2f}")
    if report.kept:
        said.append(f"{counted(report.kept, 'memory')} stay, which would answer worse together")
    if report.retired:
        said.append(f"{counted(report.retired, 'outdated memory')} without adapters now")
    if report.conflicts:
        said.append(f"{report.conflicts} times another writer was faster; run it again")
    return "; ".join(said) + f"; {report.seconds:.1f} s."
