"""The sets of pairs. Half of each is to set thresholds with (`dev`), half to measure on alone (`test`)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.pairs.natural import natural

FOLDER = Path(__file__).parent
DATA = FOLDER.parent.parent.parent / "shared" / "data"
HALVES = ("dev", "test")
_EACH = 600  # natural pairs of a source

Half = Literal["dev", "test", "all"]


@dataclass(frozen=True, slots=True)
class Statements:
    """An older and a newer statement, of a kind; where it is a change, what is asked, right and wrong."""

    old: str
    new: str
    kind: str = ""
    ask: str = ""
    right: str = ""
    wrong: str = ""

    @property
    def half(self) -> str:
        """By its words, so that it stays where it is when others join."""
        return HALVES[zlib.crc32(f"{self.old}\n{self.new}".encode()) % 2]


def together(half: Half = "all") -> list[Statements]:
    """Those by hand that both hold."""
    return list(_read("together.jsonl", half))


def changed(half: Half = "all") -> list[Statements]:
    """Real changes."""
    return list(_read("changed.jsonl", half))


def of_texts(half: Half = "all", data: Path = DATA, each: int = _EACH) -> list[Statements]:
    """Facts of one text; none where the data is not there."""
    made = [Statements(*pair, kind="texts") for pair in natural(data, each=each)]
    return [one for one in made if half in ("all", one.half)]


def _read(name: str, half: Half) -> Iterator[Statements]:
    for line in (FOLDER / name).read_text(encoding="utf-8").splitlines():
        one = Statements(**json.loads(line))
        if half in ("all", one.half):
            yield one
