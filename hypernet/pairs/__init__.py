"""The packaged judge of pairs (README.md), and the form in which it reads: what training and use share."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
MOST_TOKENS = 96  # of each of the two statements
TOGETHER, REPLACES, SAME = range(3)  # what a newer statement does to an older one: its scores' places
