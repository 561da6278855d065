"""What the documents say of the server: routes, metrics, settings, and what a new user types first."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from memory import Memory
from memory.settings import Settings
from tests.api.conftest import Api, live
from tests.command import packaged_model

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SERVER = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")


def test_every_route_is_in_the_documentation_and_no_other(shared_api: Api) -> None:
    """With its methods, as OpenAPI has them; the Model Context Protocol describes itself."""
    described = shared_api.client.get("/openapi.json").json()["paths"]
    routes = {(method.upper(), path) for path, methods in described.items() for method in methods}
    routes.add(("POST", "/mcp"))
    cells = [line.split("|")[1] for line in SERVER.splitlines() if line.startswith("| `")]
    said = {
        (method, path)
        for cell in cells
        for methods, path in re.findall(r"((?:`?[A-Z]+`?,? )+)(/[^`]*)`", cell)
        for method in re.findall(r"[A-Z]+", methods)
    }
    assert said == routes


def test_every_metric_is_in_the_documentation(shared_api: Api) -> None:
    """By its name."""
    page = shared_api.get("/metrics", who="operator").text
    names = {name for name in re.findall(r"^# TYPE (\w+) \w+$", page, re.MULTILINE) if "_created" not in name}
    assert names == set(re.findall(r"^\| `(memory_\w+)` \|", SERVER, re.MULTILINE))


def test_settings_that_the_documents_name_are_there() -> None:
    """In the page, the compose file and the Dockerfile; extras too."""
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    dockerfile = (ROOT / "Dockerfile").read_text()
    said = {
        *compose["services"]["server"]["environment"],
        *re.findall(r"MEMORY_[A-Z_]+", SERVER + dockerfile),
    }
    assert said <= {f"MEMORY_{name.upper()}" for name in Settings.model_fields}
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for asked in re.findall(r"(?:'\.\[|EXTRAS=)([\w,]+)", SERVER + README + dockerfile):
        assert set(asked.split(",")) <= extras.keys()


def test_what_the_readme_types_first_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its curl lines and its lines of the openai client, against a live server with the packaged model."""
    packaged_model()
    [shell] = [block for block in _blocks("bash") if "curl" in block]
    [code] = [block for block in _blocks("py") if "OpenAI" in block]
    with Memory(home=tmp_path / "home", anonymous=True) as memory, live(memory) as url:
        for command in re.findall(r"^curl .*?(?=^\w|\Z)", shell, re.DOTALL | re.MULTILINE):
            done = _run(command.replace("http://127.0.0.1:8750", url))
            assert '"memories"' in done or '"hits"' in done
        exec(compile(code.replace("http://127.0.0.1:8750", url), "README.md", "exec"), {})
    assert "Biscuit" in capsys.readouterr().out


def _blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    return found


def _run(command: str) -> str:
    done: Any = subprocess.run(
        ["bash", "-e", "-c", command], capture_output=True, text=True, env=os.environ, timeout=60, check=True
    )
    return str(done.stdout)
