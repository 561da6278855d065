"""Writes into the pages what the code knows: `python docs/remake.py`. A test holds them to it."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CASES = (
    "1 fact",
    "6 facts",
    "8 chunks of 1, same kind",
    "SGD conversations, slot values",
    "never told, all",
)
CONDITIONS = ("no memory", "full context", "retrieved text", "adapter", "selected adapters")
PAGES = ("README.md", "docs/settings.md", "docs/vision.md")
_DEFAULTS = {"home": "the platform's data folder", "user": "your login name", "database_url": ""}


def settings_table() -> str:
    """Every setting: variable, default, meaning."""
    from memory.settings import Settings

    rows = ["| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = _DEFAULTS.get(name, f"`{field.default}`")
        rows.append(f"| `MEMORY_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)


def recall() -> str:
    """The packaged model's figures that matter most, from those of its card."""
    from hypernet.evaluation.drawing import markdown
    from hypernet.evaluation.scoring import Figure

    figures = json.loads((ROOT / "hypernet" / "reference" / "figures.json").read_text(encoding="utf-8"))
    shown = [Figure(**figure) for figure in figures if figure["case"] in CASES]
    return markdown(shown, CONDITIONS).rstrip()


def pictures() -> str:
    """The figures of the packaged model's image encoder, from its card."""
    from hypernet.evaluation.drawing import markdown
    from hypernet.evaluation.scoring import Figure
    from hypernet.training.vision.judging import CONDITIONS as SHOWN

    card = ROOT / "hypernet" / "reference" / "vision" / "figures.json"
    return markdown([Figure(**f) for f in json.loads(card.read_text(encoding="utf-8"))], SHOWN).rstrip()


def remade(page: str) -> str:
    """A page with these parts written anew between their markers."""
    parts = {"settings": settings_table(), "figures": recall(), "pictures": pictures()}
    for name, made in parts.items():
        inside = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        page = inside.sub(lambda found, made=made: f"{found[1]}{made}\n{found[2]}", page)
    return page


if __name__ == "__main__":
    for name in PAGES:
        page = ROOT / name
        page.write_text(remade(page.read_text(encoding="utf-8")), encoding="utf-8")
