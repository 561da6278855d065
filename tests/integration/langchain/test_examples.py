"""The examples run as they stand, with models that echo; what they print is what memory holds."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

from integrations.langchain import shared
from memory.settings import Settings

EXAMPLES = Path(__file__).parents[3] / "examples"
EXPECTED = {
    "langchain_agent": ["friday: What is my dog called?", "Biscuit", "(1 adapters, 6 tokens read)"],
    "langchain_any_model": ["I read: Be kind.", "My dog is called Biscuit. | What is my dog called?"],
    "langchain_chain": ["in the prompt: ''", "Biscuit"],
    "langchain_rag": ["tangerine. (6 tokens read)", "Lutz. (7 tokens read)"],
    "langchain_users": [
        "ana: ",
        "Biscuit",
        "ben: ",
        "Rocket",
        "cleo: ",
        "Pepper",
        "ana, forgotten: I don't know.",
    ],
}


@pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
@pytest.mark.parametrize("name", EXPECTED)
def test_an_example_prints_what_it_promises(
    name: str,
    make_memory: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each line that matters is there, in order."""
    monkeypatch.setenv("MEMORY_HOME", str(tmp_path / "home"))
    monkeypatch.setitem(shared._open, Settings.load(), make_memory())
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    printed = capsys.readouterr().out
    at = 0
    for expected in EXPECTED[name]:
        assert expected in printed[at:], printed
        at = printed.index(expected, at) + len(expected)


def test_every_example_is_here_and_short() -> None:
    """None goes untested, none has 40 lines."""
    found = {path.stem: len(path.read_text().splitlines()) for path in EXAMPLES.glob("langchain_*.py")}
    assert found.keys() == EXPECTED.keys()
    assert max(found.values()) < 40, found
