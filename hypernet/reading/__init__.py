"""The packaged reading model (README.md), and the form in which it reads: what training and use share."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
MOST_TOKENS = 288  # of a question and its texts
# Stands before the texts of a yes-or-no question, whose answer is one of its halves. Nobody says these words.
YES, NO = "answer yes", "answer no"
YES_OR_NO = f"{YES}, {NO}"
