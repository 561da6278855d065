"""Figures are counted, bounded and put on the card as they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from hypernet.evaluate import Case, Figure, wilson
from hypernet.hypernetwork import build
from hypernet.training.export import TARGETS, figures_markdown, write_card
from hypernet.training.reference import build_base, hypernet_config


def test_the_interval_holds_the_share_and_narrows_with_questions() -> None:
    """Wilson's interval: inside 0 and 1 also at the ends, against known values."""
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    low, high = wilson(200, 200)
    assert low > 0.98
    assert high == pytest.approx(1.0)
    assert wilson(80, 100)[0] > wilson(8, 10)[0]


def test_chance_is_known_only_where_all_values_are_of_one_kind() -> None:
    """Four values of one kind: a guess among them is right once in four."""
    assert Case("x", 2, 2, True).chance == 0.25
    assert Case("x", 2, 2).chance is None


def test_the_card_says_what_was_missed(tmp_path: Path) -> None:
    """A figure under its aim is called missed, and by how much; the table shows every case."""
    figures = [Figure(case, "adapter", 50, least - 0.1, 0.0, 1.0) for case, least in TARGETS]
    curve = tmp_path / "curve.jsonl"
    lines = [{"stage": s, "step": 5, "minutes": 1.0, "1x1": 0.5} for s in ("base", "memory")]
    curve.write_text("\n".join(map(json.dumps, lines)))
    torch.manual_seed(0)
    base = build_base(300)
    write_card(tmp_path, base, build(hypernet_config(base)), curve, figures, "By hand.")
    card = (tmp_path / "README.md").read_text()
    assert card.count("missed by 10.0 points") == len(TARGETS)
    assert "By hand." in card
    assert figures_markdown(figures) in card
    assert (tmp_path / "curve.png").stat().st_size > 1000
    assert [Figure(**f) for f in json.loads((tmp_path / "figures.json").read_text())] == figures
