"""A user's own `memory.py` beside a script is named as the cause of what would be a puzzling error."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As a script of the user's in the folder, which comes first on sys.path."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["memory.py", "memory/__init__.py", "hypernet.py"])
def test_a_file_that_hides_a_package_is_named(tmp_path: Path, name: str) -> None:
    """By its path, in the import error of the integrations and in one line of the command."""
    hiding = tmp_path / name
    hiding.parent.mkdir(exist_ok=True)
    hiding.touch()
    package = Path(name).parts[0].removesuffix(".py")
    imported = run("import integrations.langchain", tmp_path)
    assert imported.returncode == 1
    assert f"finds {hiding}, which hides the package {package!r}" in imported.stderr
    command = run("import sys; from integrations.command import main; sys.exit(main())", tmp_path)
    assert command.returncode == 1
    assert command.stderr.startswith("memory: `import ")
    assert str(hiding) in command.stderr
    assert len(command.stderr.splitlines()) == 1


def test_a_folder_of_data_that_hides_no_package_is_fine(tmp_path: Path) -> None:
    """A folder `memory` with files of another kind: Python prefers a package behind it on the path."""
    (tmp_path / "memory").mkdir()
    (tmp_path / "memory" / "notes.txt").touch()
    assert run("import integrations.langchain", tmp_path).returncode == 0
