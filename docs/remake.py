"""Writes into the README what the code knows: `python docs/remake.py`. A test holds the README to it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("memory", "hypernet", "integrations", "migrations", "benchmarks")
_DEFAULTS = {"home": "the platform's data folder", "user": "your login name", "database_url": ""}


def settings_table() -> str:
    """Every setting: variable, default, meaning."""
    from memory.settings import Settings

    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = _DEFAULTS.get(name, f"`{field.default}`")
        rows.append(f"| `MEMORY_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def file_map() -> str:
    """Every module with the first sentence of its docstring, room by room."""
    parts = []
    for room in ROOMS:
        rows = ["| file | what is in it |", "|---|---|"]
        for path in sorted((ROOT / room).rglob("*.py")):
            said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            if said:
                rows.append(f"| `{path.relative_to(ROOT).as_posix()}` | {_first(said)} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def _first(docstring: str) -> str:
    """The first paragraph, as a cell of a Markdown table."""
    paragraph = " ".join(docstring.split("\n\n")[0].split()).rstrip(":")
    return paragraph.replace("``", "`").replace("|", "\\|").replace("<", "&lt;")


def recall() -> str:
    """The figures of the packaged model, as its card has them."""
    from hypernet.evaluation.drawing import markdown, shown
    from hypernet.evaluation.scoring import Figure

    figures = json.loads((ROOT / "hypernet" / "reference" / "figures.json").read_text(encoding="utf-8"))
    return markdown(shown([Figure(**figure) for figure in figures])).rstrip()


def remade(page: str) -> str:
    """A page with these parts written anew between their markers."""
    for name, made in (("settings", settings_table()), ("files", file_map()), ("figures", recall())):
        inside = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page = inside.sub(lambda found, made=made: f"{found[1]}{made}\n{found[2]}", page)
    return page


if __name__ == "__main__":
    readme = ROOT / "README.md"
    readme.write_text(remade(readme.read_text(encoding="utf-8")), encoding="utf-8")
