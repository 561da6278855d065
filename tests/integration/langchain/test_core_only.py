"""langchain-core is the only hard dependency, from the oldest version supported to the newest."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = "tests/integration/langchain/core_only.py"
VERSIONS = os.environ.get("LANGCHAIN_CORE", "").split()


def test_it_works_with_langchain_core_alone() -> None:
    """With langchain, langchain-classic and langgraph blocked; what needs them says what to install."""
    done = run(SCRIPT, "--block")
    assert done.stdout == "ok\n", done.stderr


@pytest.mark.skipif(not VERSIONS, reason="a matrix run: LANGCHAIN_CORE names versions, as in .ci/run")
@pytest.mark.parametrize("version", VERSIONS)
def test_it_works_with_another_langchain_core(tmp_path: Path, version: str) -> None:
    """A version that LANGCHAIN_CORE names, before the installed one for this test alone."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path)]
    subprocess.run([*pip, f"langchain-core=={version}"], check=True, capture_output=True, timeout=300)
    check = "import langchain_core.version as v; print(v.VERSION)"
    assert run("-c", check, path=tmp_path).stdout.strip() == version
    done = run(SCRIPT, "--block", path=tmp_path)
    assert done.stdout == "ok\n", done.stderr


def run(*arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    places = [str(place) for place in (path, ROOT) if place is not None]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(places)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
