"""The documents say what is so: settings, files, verbs and options are checked; examples and code run."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from memory.cli.app import app
from memory.settings import Settings

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CLI = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
REMAKE = runpy.run_path(str(ROOT / "docs" / "remake.py"))
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if "langchain" not in path.name)
COMMAND = typer.main.get_command(app)
VERBS = {}  # as they are typed: "add", "skill add"
for name, command in COMMAND.commands.items():  # type: ignore[attr-defined]
    VERBS |= {f"{name} {verb}": below for verb, below in getattr(command, "commands", {}).items()} or {
        name: command
    }


def blocks(language: str) -> list[str]:
    """The fenced code blocks of the README in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def section(verb: str) -> str:
    """What docs/cli.md says of a verb."""
    found = re.search(rf"^## memory {verb}\n(.*?)(?=^## |\Z)", CLI, re.DOTALL | re.MULTILINE)
    assert found, f"docs/cli.md has no section '## memory {verb}'"
    return found[1]


@pytest.mark.parametrize("name", REMAKE["PAGES"])
def test_a_page_holds_what_the_code_says(name: str) -> None:
    """Remade from the code, it stays as it is; if not: make docs."""
    page = (ROOT / name).read_text(encoding="utf-8")
    assert REMAKE["remade"](page) == page


def test_every_setting_is_documented() -> None:
    """Each has a row in docs/settings.md, by the name of its variable."""
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name in Settings.model_fields:
        assert f"`MEMORY_{name.upper()}`" in page


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_verb_is_documented_with_all_its_options(verb: str) -> None:
    """A row and a section in docs/cli.md, and every option named there; --json is one of them."""
    assert f"| `memory {verb}` |" in CLI
    said = section(verb)
    options = [option for parameter in VERBS[verb].params for option in parameter.opts]
    assert "--json" in options or verb == "mcp"  # which speaks JSON-RPC and nothing else
    for option in options:
        if option.startswith("--"):
            assert f"`{option}" in said, f"docs/cli.md does not say what {option} of memory {verb} does"


def test_no_verb_is_documented_that_is_not_there() -> None:
    """Sections and rows name verbs of the command only."""
    sections = re.findall(r"^## memory ([\w ]+)$", CLI, re.MULTILINE)
    assert sorted(sections) == sorted(VERBS)
    assert sorted(re.findall(r"^\| `memory ([\w ]+)` \|", CLI, re.MULTILINE)) == sorted(VERBS)


def test_the_changelog_names_every_verb() -> None:
    """The first word of each, in the line about the command."""
    line = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").split("The `memory` command: `")[1]
    assert sorted(line.split("`")[0].split()) == sorted({verb.split()[0] for verb in VERBS})


def test_what_is_said_of_merging_many_chunks_is_what_the_card_measured() -> None:
    """docs/models.md repeats figures of the packaged weights, and follows when these change."""
    figures = json.loads((ROOT / "hypernet" / "reference" / "figures.json").read_text(encoding="utf-8"))
    exact = {(f["case"], f["condition"]): f"{100 * f['exact']:.3g}" for f in figures}
    sizes = (4, 8, 16, 32, 64)
    every, nearest = (
        [exact[f"{size} chunks of 1", condition] for size in sizes]
        for condition in ("adapter", "selected adapters")
    )
    models = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    for row in zip(sizes, every, nearest, strict=True):
        assert "| {} | {} % | {} % |".format(*row) in models


def test_links_lead_somewhere() -> None:
    """Relative links of all pages, model cards among them, name files that are there."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "hypernet").rglob("README.md")]
    assert len(pages) > 10
    for page in pages:
        for target in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_files_that_the_architecture_names_are_there() -> None:
    """Each `name.py` in ARCHITECTURE.md is a module of the package."""
    known = {path.name for room in ("memory", "hypernet") for path in (ROOT / room).rglob("*.py")}
    said = re.findall(r"`[\w/]*?(\w+\.py)`", (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert said
    assert set(said) <= known


def test_the_readme_is_short() -> None:
    """A newcomer reads it whole."""
    assert len(README.splitlines()) <= 220


def test_the_tree_in_the_readme_names_what_is_there() -> None:
    """Its folders and files exist, and no room of the packages is missing."""
    tree = README.split("## The repository")[1].split("```")[1]
    top, said = "", set()
    for line in tree.splitlines()[1:]:
        names = re.findall(r"[\w.]+(?:\.py|/)", line[:22] if not line.startswith("tests") else line)
        if line and not line.startswith(" "):
            top = names[0]
            said |= set(names)
        else:
            said |= {top + name for name in names}
    for name in said:
        assert (ROOT / name).exists(), f"README's tree names {name}"
    for package in ("memory", "hypernet"):
        rooms = {f"{p.parent.relative_to(ROOT).as_posix()}/" for p in (ROOT / package).glob("*/__init__.py")}
        assert rooms <= said


def test_examples_are_short() -> None:
    """A new user reads one at a glance: under 40 lines."""
    assert len(EXAMPLES) >= 3
    for path in EXAMPLES:
        assert len(path.read_text().splitlines()) < 40, path.name


@pytest.mark.usefixtures("reference")
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(path: Path, home: Path) -> None:
    """As a user runs it, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", path],
        capture_output=True,
        text=True,
        env={**os.environ, "MEMORY_HOME": str(home)},
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()


@pytest.mark.usefixtures("reference", "home")
@pytest.mark.parametrize("code", blocks("python"))
def test_a_python_block_of_the_readme_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It prints what its comments promise."""
    promised = re.findall(r"^print\(.*\)  # (\w+)", code, re.MULTILINE)
    assert promised
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == promised


@pytest.mark.usefixtures("reference")
def test_the_commands_of_the_readme_run(home: Path, tmp_path: Path) -> None:
    """Every line that begins with `memory`, in a shell, one after the other."""
    (tmp_path / "notes.md").write_text("The bakery Norrby opens at 7 am.\n")
    (tmp_path / "conversation.jsonl").write_text('{"role": "user", "content": "My cat is called Tom."}\n')
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("memory ")]
    assert len(lines) >= 6
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(lines)],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path, "MEMORY_HOME": str(home)},
        timeout=280,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Marta" in done.stdout
