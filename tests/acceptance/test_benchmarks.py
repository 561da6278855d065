"""The benchmarks run as `python -m benchmarks`, and write what they measured where it is asked for."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

import pytest

from benchmarks import bench_life, bench_start, relay, soak
from benchmarks.tables import markdown_table, write_between_markers

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "benchmarks.md"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, code: int = 0) -> None:
    """As `python -m benchmarks` does."""
    monkeypatch.setattr(sys, "argv", ["benchmarks", *arguments])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module("benchmarks", run_name="__main__")
    assert ended.value.code == code


def test_a_turn_is_measured_and_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The quick run prints its table, and writes the same into a page, whose other words stay."""
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- turn -->\nold\n<!-- /turn -->\nafter\n", encoding="utf-8")
    run(monkeypatch, "--only", "turn", "--quick", "--markdown", str(page))
    shown, written = capsys.readouterr().out, page.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) \|", written, re.MULTILINE)
    assert [size for size, _ in rows] == ["10", "100"]
    assert "A turn's own overhead" in shown
    assert all(re.search(rf"│ +{size} +│ +{p50} +│", shown) for size, p50 in rows)
    assert "old" not in written
    assert written.startswith("before\n")
    assert written.endswith("after\n")


def test_full_context_stops_where_the_window_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Within the window both ways answer, and full context reads all; beyond it there is one way left."""
    run(monkeypatch, "--only", "history", "--quick", "--json")
    within, beyond = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert within["its prompt"] > 4 * within["prompt"]
    assert within["times"] == pytest.approx(within["full context ms"] / within["adapters ms"])
    assert beyond["prompt"] < 100
    assert beyond["full context ms"] == "stops at 512 tokens"
    assert beyond["times"] is None


def test_recall_is_counted(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A random model recalls nothing; what is counted is what was asked."""
    run(monkeypatch, "--only", "recall", "--quick", "--json")
    (row,) = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert row["asked"] == 5
    assert row["right %"] == 0


@pytest.mark.parametrize(
    ("prose", "said"),
    [
        (None, "cannot read the prose: "),
        (b"\xff\xfe", "cannot read the prose: "),
        (b"", "4 windows take more than 1280 words, the prose has 0"),
        (b"word " * 2000, "4 windows of the prose have 0"),
    ],
)
def test_prose_that_holds_no_needles_is_refused_in_one_line(
    prose: bytes | None,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """Missing, unreadable, too short, or without sentences: said before anything is measured."""
    file = tmp_path / "prose.txt"
    if prose is not None:
        file.write_bytes(prose)
    run(monkeypatch, "--only", "recall", "--quick", "--json", "--prose", str(file), code=1)
    shown = capsys.readouterr()
    [line] = [line for line in shown.err.splitlines() if line.startswith("benchmarks: ")]
    assert said in line
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_storing_smaller_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every form has its size and its divergence; in float32 nothing moves."""
    run(monkeypatch, "--only", "storage", "--quick", "--json")
    exact, half, quarter, *_ = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert exact["KiB"] > 1.9 * half["KiB"] > 3.4 * quarter["KiB"]
    assert float(exact["KL"]) == 0 < float(quarter["KL"]) < 1e-2


def test_what_a_sentence_costs_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the disk no less than it has bytes; in memory more, in float32."""
    run(monkeypatch, "--only", "bytes", "--quick", "--json")
    found = {
        row["of a sentence"]: row["bytes"] for row in map(json.loads, capsys.readouterr().out.splitlines())
    }
    text, adapter, file, database, _, embedding, cached = found.values()
    assert text < adapter <= file
    assert embedding < database
    assert cached > 3 * adapter


def test_a_soak_says_what_grew(tmp_path: Path) -> None:
    """Means of the second and the last fifth; what stays has the same in both, and all of it is drawn."""
    held = [
        soak.Held(
            100 * n,
            resident=400,
            threads=9,
            descriptors=20,
            cpu=20,
            live=1 + n,
            for_good=n,
            log=0,
            adapters=5,
        )
        for n in range(10)
    ]
    rows = {row["held"]: row for row in soak.rows(held)}
    assert rows["resident, MiB"]["last to second"] == 1
    assert rows["database, what lives, MiB"]["second fifth"] == 3.5
    assert rows["database, what lives, MiB"]["last to second"] == pytest.approx(9.5 / 3.5)
    assert rows["database, log, MiB"]["last to second"] is None
    soak.plot(held, tmp_path / "drawn.png")
    assert (tmp_path / "drawn.png").read_bytes().startswith(b"\x89PNG")


def test_a_soak_goes_on_from_what_an_earlier_run_wrote(tmp_path: Path) -> None:
    """Requests, memories and looks of both runs are one."""
    soak.soak(tmp_path, requests=20, clients=2, seconds=120, every=10)
    found = soak.soak(tmp_path, requests=30, clients=2, seconds=120, every=10)
    assert [held.requests for held in found] == [10, 20, 30]
    assert soak.looks(tmp_path) == found
    assert all(held.live > 0 and held.for_good > 0 for held in found)


def test_distillation_is_measured_beside_the_hypernetwork(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Four ways for texts of one and of three facts; the teacher makes no adapter."""
    run(monkeypatch, "--only", "distill", "--quick", "--json")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["asked"] for row in rows] == [1] * 4 + [3] * 4
    assert [row["seconds a text"] is None for row in rows] == [False, False, False, True] * 2


def test_the_gpu_script_runs_small_on_a_cpu_and_else_says_that_there_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that it measures is there; without a GPU it skips."""
    run(monkeypatch, "--only", "gpu", "--quick", "--json")
    [row] = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (row["tokens"], row["chunks"]) == (40, 2)
    assert row["internalize s"] > 0 < row["prefill s"]
    assert row["KV cache MB"] == 2 * 2 * 40 * 2 * 8 * 4 / 1e6  # keys and values, layers, tokens, heads, bytes
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    run(monkeypatch, "--only", "gpu", "--json")
    assert json.loads(capsys.readouterr().out)["note"] == "skipped: there is no CUDA GPU here"


@pytest.mark.parametrize("given", [("--turns", "7"), ("--moments", "0"), ("--asked", "0")])
def test_a_year_too_short_to_ask_of_is_refused(
    given: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, before a model is loaded; the shortest year has a turn for each telling."""
    monkeypatch.setattr(sys, "argv", ["bench_life", *given])
    with pytest.raises(SystemExit):
        bench_life.main()
    assert "error: a year has 8 turns or more" in capsys.readouterr().err
    assert len(bench_life.year(bench_life.LEAST).turns) == 8


def test_every_table_has_a_place_on_its_page(tmp_path: Path) -> None:
    """docs/benchmarks.md has markers for all that a run writes; a page without them is refused."""
    page = tmp_path / "page.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    made = markdown_table([{"what": "a row", "ms": 1234.5, "times": 0.126, "note": None}])
    tables = ("machine", "hypernet", "gpu", "turn", "history", "recall", "storage", "bytes", "distill")
    write_between_markers(page, dict.fromkeys(tables, made))
    assert page.read_text(encoding="utf-8").count("| a row | 1234 | 0.13 |  |") == len(tables)
    with pytest.raises(ValueError, match="no place for other: <!-- other -->"):
        write_between_markers(page, {"other": made})


def test_a_start_is_measured_in_processes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each verb against the imports that it would be as slow as; listing needs neither of them."""
    monkeypatch.setattr(bench_start, "VERBS", {"memory list": ("list",)})
    run(monkeypatch, "--only", "start", "--quick", "--json")
    imports, listed, _of_a_server = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (imports["what"], listed["what"]) == ("import torch, transformers", "memory list")
    assert listed["of importing torch and transformers"] == listed["CPU ms"] / imports["CPU ms"]
    assert 0 < listed["peak MiB"] < imports["peak MiB"]


@pytest.mark.usefixtures("reference")
def test_streams_through_a_memory_are_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Against the same ones from the other LLM; a lost or mixed one would have ended the run."""
    page = tmp_path / "page.md"
    tables = "<!-- relay-machine -->\n<!-- /relay-machine -->\n<!-- relay -->\n<!-- /relay -->\n"
    page.write_text(tables, encoding="utf-8")
    asked = ["--clients", "2", "--turns", "1", "--words", "3", "--pause", "0", "--markdown", str(page)]
    monkeypatch.setattr(sys, "argv", ["relay", *asked])
    relay.main()
    rows = re.findall(r"^\| (\d+) \| (\d+) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == [("2", "2")]
